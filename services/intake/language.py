"""In which language a customer writes, by their own words: py3langid's model, loaded when it is first needed.

It is asked once, at intake, and what it says is recorded with the opening. Loading takes about a second and 100 MB.
"""

import threading
from functools import lru_cache
from typing import Any

from domain.core.own_words import own_words

LANGUAGES = (
    "ar", "bg", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "he", "hi", "hr", "hu", "id", "it",
    "ja", "ko", "lt", "lv", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "th", "tr", "uk", "vi", "zh",
)  # fmt: skip
"""The languages to choose from: among all that the model knows, a short text would be taken for a rare one."""
SURE = 0.6
"""How likely a language must be; else the text is too short, and counts as the usual one."""
LONGEST = 4_000
"""Characters that are looked at."""
_loading = threading.Lock()


def detect(subject: str, description: str) -> str | None:
    """Return the ISO 639-1 code of the language of a message's own words, or None if the model is not sure."""
    text = f"{subject}\n{own_words(description)}"[:LONGEST].strip()
    if not any(char.isalpha() for char in text):
        return None
    language, likely = _model().classify(text)
    return str(language) if likely >= SURE else None


def ready() -> None:
    """Load the model, unless that is done."""
    _model()


def _model() -> Any:
    with _loading:  # once, however many threads come first
        return _loaded()


@lru_cache(maxsize=1)
def _loaded() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # here: numpy and the model are for intake alone

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages(list(LANGUAGES))
    return model

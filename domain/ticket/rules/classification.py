"""What a ticket is about, by the rules of the policy: category, priority, product area, tags and language.

Nothing here guesses beyond what a support lead wrote down. A rule looks for words and phrases, and says what follows
from them; each value comes with the reason why it is that. The first rule in the order of the file that says something
of a field decides it; tags add up. What the form says wins over every rule.

Matching is by whole words: a text is folded (case, width, accents of Latin letters), cut into words, and looked through
for each phrase, which may also be written without umlauts (`koennen`). No patterns, so there is none that takes long.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, model_validator

from domain.core.enums import Category, Channel, Priority
from domain.core.own_words import own_words
from domain.core.values import Frozen, Row
from domain.policy.grammar import fault, shortened
from domain.ticket.state import Reason

LONGEST = 20_000
"""Characters of a text that are looked through: a text is bounded where it comes in, and here again."""
MOST_TAGS = 50
LEAST = 3
"""How many different stop words of a language a text must hold before it is taken for that language."""

_UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF))
"""Thai, Lao, Burmese, Khmer, kana, Han: written without spaces, so each of their letters counts as a word."""


class Impact(StrEnum):
    """How many are affected."""

    ALL = "all"
    SOME = "some"
    ONE = "one"
    NOTHING = "nothing"
    """Nothing is broken: a wish, a question of taste."""


class Urgency(StrEnum):
    """How much it holds them up."""

    HIGH = "high"
    """They cannot work, and there is no way around it."""
    MEDIUM = "medium"
    LOW = "low"


Place = Literal["subject", "description"]
Phrase = Annotated[str, Field(min_length=1, max_length=200)]
Word = Annotated[str, Field(min_length=1, max_length=100)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[a-zA-Z0-9]{2,8})*$")]
Value = TypeVar("Value")


class Rule(Row):
    """One rule: what must be found, and what follows from it. A table of the policy file."""

    any: tuple[Phrase, ...] = ()
    """At least one of these phrases, if any are given."""
    all: tuple[Phrase, ...] = ()
    none: tuple[Phrase, ...] = ()
    places: tuple[Place, ...] = ("subject", "description")
    channels: tuple[Channel, ...] = ()
    form: dict[Word, tuple[Phrase, ...]] = {}
    """Field of the form -> the values of which it has one."""
    category: Category | None = None
    impact: Impact | None = None
    urgency: Urgency | None = None
    product_area: Word | None = None
    language: Language | None = None
    tags: Annotated[tuple[Word, ...], Field(max_length=MOST_TAGS)] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.any or self.all or self.form or self.channels):
            raise fault("asks for nothing, so it would fit every ticket: give any, all, form or channels")
        if not any((self.category, self.impact, self.urgency, self.product_area, self.language, self.tags)):
            raise fault("nothing follows from it: give category, impact, urgency, product_area, language or tags")
        for key in ("any", "all", "none"):
            for phrase in getattr(self, key):
                if not fold(phrase).strip():
                    raise fault(f"{shortened(phrase)} holds no word to look for", key)
        return self


class Rules(Row):
    """The table `classification` of the policy file. What neither the form nor a rule says is as usual."""

    category: Category = Category.BUG
    impact: Impact = Impact.ONE
    urgency: Urgency = Urgency.MEDIUM
    language: Language = "en"
    matrix: dict[Impact, dict[Urgency, Priority]] = {}
    """Impact x urgency. Without one, every ticket that does not say its priority is a P3."""
    stop_words: dict[Language, tuple[Word, ...]] = {}
    """Language -> its most common small words."""
    rules: Annotated[dict[Word, Rule], Field(max_length=500)] = {}
    """By name, in the order of the file."""

    @model_validator(mode="after")
    def _matrix_is_whole(self) -> Self:
        for impact in Impact if self.matrix else ():
            for urgency in Urgency:
                if urgency not in self.matrix.get(impact, {}):
                    raise fault(f"{impact} x {urgency} has no priority", "matrix")
        return self


class Form(Frozen):
    """What came in: the texts, and what the form says for itself. None, or nothing, is not said.

    Of the description only the customer's own words are read: no quoted history, no signature.
    """

    subject: str = ""
    description: str = ""
    channel: Channel
    form: Mapping[str, str] = {}
    category: Category | None = None
    priority: Priority | None = None
    impact: Impact | None = None
    urgency: Urgency | None = None
    product_area: str = ""
    language: str | None = None
    tags: tuple[str, ...] = ()
    detected: str | None = None
    """The language of the texts, by a model or a person who knows it; None where it is not known."""
    automatic: bool = False
    """C17: a machine wrote it."""


class Classified(Frozen):
    """What the ticket is taken for, with the reasons."""

    category: Category
    priority: Priority
    priority_guessed: bool
    """A rule said so, and no person (G6)."""
    product_area: str
    language: str
    tags: tuple[str, ...]
    reasons: tuple[Reason, ...]
    """One for each field that the form did not say; for tags, one for each rule that added some."""


def classify(rules: Rules, form: Form) -> Classified:
    """Classify what `said` says. Every input gets an answer, and the same input the same answer."""
    texts = {"subject": fold(form.subject), "description": fold(own_words(form.description))}
    found = [(name, rule, where) for name, rule in rules.rules.items() if (where := _matched(rule, form, texts))]
    why = _Why(found)

    language = why.first("language", form.language)
    of_words = form.detected or _language_of(rules, texts.values())
    if language is None:
        language = of_words or rules.language
        why.note("language", "words" if of_words else "default")
    category = why.first("category", form.category) or why.default("category", rules.category)
    area = why.first("product_area", form.product_area or None) or ""
    priority, guessed = _priority(rules, form, category, why)
    return Classified(
        category=category,
        priority=priority,
        priority_guessed=guessed,
        product_area=area,
        language=language,
        tags=why.tags(form.tags),
        reasons=tuple(why.reasons),
    )


class _Why:
    """The rules that matched, asked one field after the other; each answer leaves its reason."""

    def __init__(self, found: list[tuple[str, Rule, str]]) -> None:
        self._found = found
        self.reasons: list[Reason] = []

    def first(self, field: str, chosen: Value | None) -> Value | None:
        """Return what the form says of a field, else the first rule that says something of it."""
        if chosen is not None:
            return chosen
        for name, rule, where in self._found:
            value: Value | None = getattr(rule, field)
            if value is not None:
                self.reasons.append(Reason(field=field, by="rule", rule=name, where=where))
                return value
        return None

    def default(self, field: str, value: Value) -> Value:
        self.note(field, "default")
        return value

    def note(self, field: str, by: Literal["words", "default"], where: str = "") -> None:
        self.reasons.append(Reason(field=field, by=by, where=where))

    def tags(self, chosen: tuple[str, ...]) -> tuple[str, ...]:
        """Return the form's own, then what the rules add, each once."""
        tags = list(dict.fromkeys(chosen))
        for name, rule, where in self._found:
            fresh = [tag for tag in dict.fromkeys(rule.tags) if tag not in tags][: MOST_TAGS - len(tags)]
            if fresh:
                tags += fresh
                self.reasons.append(Reason(field="tags", by="rule", rule=name, where=where))
        return tuple(tags)


NO_OUTAGE = (Category.HOW_TO, Category.FEATURE)
"""G6: questions and wishes. They may name an outage without there being one."""
HELD_BACK = Priority.P1
"""What a rule's P0 on one of those is: a person looks at it within the times of this priority, and nobody is paged."""


def _priority(rules: Rules, form: Form, category: Category, why: _Why) -> tuple[Priority, bool]:
    """Return the priority, and whether a rule alone made it (G6): what a person said of impact and urgency is their
    word.

    A rule's P0 on a question, on a wish or on an automatic message is none by itself.
    """
    if form.priority is not None:
        return form.priority, False
    before = len(why.reasons)
    impact, urgency = why.first("impact", form.impact), why.first("urgency", form.urgency)
    guessed = len(why.reasons) > before
    if impact is None and urgency is None:
        why.note("priority", "default")
    priority = rules.matrix.get(impact or rules.impact, {}).get(urgency or rules.urgency, Priority.P3)
    if guessed and priority is Priority.P0 and (form.automatic or category in NO_OUTAGE):
        kind = "an automatic message" if form.automatic else f"the category {category}"
        why.note("priority", "default", f"{kind} is no P0 by a rule alone")
        return HELD_BACK, guessed
    return priority, guessed


# -- Words ---------------------------------------------------------------------------------------------------


def fold(text: str) -> str:
    """Return a text as its words, each between two spaces: ` the site is down `. Case and width are folded, accents of
    Latin letters go, as many keyboards have none, and what nobody sees (a soft hyphen, a space of no width) parts no
    word."""
    folded = unicodedata.normalize("NFKC", text[:LONGEST].translate(_APOSTROPHES)).casefold()
    if not folded.isascii():
        bare = _ACCENTED.sub(r"\1", unicodedata.normalize("NFD", folded))
        folded = unicodedata.normalize("NFC", bare).translate(_STROKED)
    return f" {' '.join(folded.translate(_KEPT).split())} "


_APOSTROPHES = str.maketrans(dict.fromkeys("\u00b4\u02b9\u02bb\u02bc\u02c8\u2032", "'"))
"""Accents and letters that stand alone where an apostrophe is meant. The usual apostrophes part words as they are."""
_ACCENTED = re.compile("([a-z])[\u0300-\u036f]+")
_STROKED = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "\u0131": "i", "æ": "ae", "œ": "oe"})
"""Latin letters that are no plain letter with an accent."""
_UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "ae", "Ö": "oe", "Ü": "ue", "å": "aa", "Å": "aa", "ø": "oe", "Ø": "oe"}
)
"""How letters are written on a keyboard that has no such letters."""


class _Kept(dict[int, str]):
    """What `str.translate` makes of each character: looked up once, since a text of a ticket has thousands."""

    def __missing__(self, code: int) -> str:
        kept = _kept(chr(code))
        if len(self) < LONGEST:  # as many as people write with
            self[code] = kept
        return kept


def _kept(char: str) -> str:
    if any(first <= ord(char) <= last for first, last in _UNSPACED):
        return f" {char} "
    if unicodedata.category(char) == "Cf":
        return ""
    return char if char.isalnum() or unicodedata.category(char).startswith("M") else " "  # marks belong to letters


_KEPT = _Kept()


@lru_cache(maxsize=4096)
def spellings_of(phrase: str) -> tuple[str, ...]:
    """Return a phrase as it is searched for in a folded text, in each way to write it: `können` is `konnen` or
    `koennen` there. A star at its end matches any end: `rechnung*`."""
    written = dict.fromkeys((fold(phrase), fold(unicodedata.normalize("NFC", phrase).translate(_UMLAUTS))))
    return tuple(word.rstrip() if phrase.endswith("*") else word for word in written)


def _matched(rule: Rule, asked: Form, texts: Mapping[str, str]) -> str:
    """Return where a rule matched, for people: `subject`, `form.type`, `channel`; empty if it does not."""
    if rule.channels and asked.channel not in rule.channels:
        return ""
    form = {name: fold(asked.form.get(name, "")) for name in rule.form}
    if any(form[name] not in map(fold, values) for name, values in rule.form.items()):
        return ""
    look: dict[str, str] = {place: texts[place] for place in rule.places}
    if _places(rule.none, look) or not all(_places((phrase,), look) for phrase in rule.all):
        return ""
    where = _places(rule.any, look)
    if rule.any and not where:
        return ""
    where = where or _places(rule.all, look)
    return ", ".join([*where, *(f"form.{name}" for name in form)]) or "channel"


def _places(phrases: Iterable[str], texts: Mapping[str, str]) -> list[str]:
    """Return the texts in which one of the phrases stands."""
    wanted = [spelling for phrase in phrases for spelling in spellings_of(phrase)]
    return [place for place, text in texts.items() if any(phrase in text for phrase in wanted)]


def _language_of(rules: Rules, texts: Iterable[str]) -> str | None:
    """Return the language whose stop words a text holds most of; None for a text that is too short to tell, or a
    tie."""
    words = {word for text in texts for word in text.split()}
    scores = {
        language: len(words.intersection(word.casefold() for word in known))
        for language, known in rules.stop_words.items()
    }
    best = sorted(scores.items(), key=lambda pair: -pair[1])[:2]
    if not best or best[0][1] < LEAST or (len(best) > 1 and best[1][1] == best[0][1]):
        return None
    return best[0][0]

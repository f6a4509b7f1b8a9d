"""A text as a person reads it, for whoever looks for something in it.

To a machine an address with a soft hyphen in it is another than the one that everybody sees, and a no-break space is
no space. So what nobody sees is taken out, and what looks alike is made alike; what is found is replaced in the text
itself.
"""

import re
import unicodedata
from functools import cache

_ODD = re.compile(
    "[\u00a0\u00ad\u0300-\u036f\u0591-\u05bd\u0610-\u061c\u064b-\u0669\u06f0-\u06f9\u0966-\u096f\u115f\u1160\u1680\u17b4\u17b5"
    "\u180b-\u180f\u2000-\u2015\u2024\u202a-\u202f\u205f-\u206f\u2212\u3000\u3002\u3164\ufe00-\ufe0f\ufe20-\ufe2f"
    "\ufe50-\ufe6b\ufeff\uff01-\uffee\ufff9-\ufffb\U0001d400-\U0001d7ff\U000e0000-\U000e01ef]"
)
"""What `_looks` makes something else of."""
_DASHES = frozenset("\u2010\u2011\u2012\u2013\u2014\u2015\u2212")
_DOTS = frozenset("\u2024\u3002\uff61")
"""What stands for a dot in an address."""
_BLANK = frozenset("\u115f\u1160\u3164\uffa0")
"""Letters that show nothing."""


class NormalisedText:
    """A text in two rows: what is read, and for each of its characters what stands there."""

    def __init__(self, text: str) -> None:
        self.text = text
        """As it is read."""
        self._stands: list[str] | None = None
        self._first = ""
        if not text.isascii() and _ODD.search(text):
            self._fold(text)

    def _fold(self, text: str) -> None:
        read: list[str] = []
        stands: list[str] = []
        done = 0
        for match in _ODD.finditer(text):
            plain, odd = text[done : match.start()], match[0]
            read.append(plain)
            stands.extend(plain)
            done = match.end()
            if looks := _looks(odd):
                read.append(looks)
                stands += [odd, *[""] * (len(looks) - 1)]
            elif stands:  # what nobody sees goes with what stands before it
                stands[-1] += odd
            else:
                self._first += odd
        stands.extend(text[done:])
        self.text, self._stands = "".join([*read, text[done:]]), stands

    def replace(self, spans: list[tuple[int, int, str]]) -> None:
        """Put other words in the place of some spans, which are in order and do not overlap."""
        kept: list[str] = []
        stands: list[str] = []
        done = 0
        for start, end, words in spans:
            kept += self.text[done:start], words
            if self._stands is not None:
                stands += [*self._stands[done:start], *words]
            done = end
        if self._stands is not None:
            self._stands = stands + self._stands[done:]
        self.text = "".join([*kept, self.text[done:]])

    def standing_from(self, start: int) -> str:
        """Return what stands in the text from the place of a character that is read."""
        return self.text[start:] if self._stands is None else "".join(self._stands[start:])

    def __str__(self) -> str:
        """Return the text as it stands."""
        return self.text if self._stands is None else self._first + "".join(self._stands)


@cache
def _looks(odd: str) -> str:
    """Return the plain character that an odd one looks like; nothing for one that is not shown."""
    if odd in _DASHES:
        return "-"
    if odd in _DOTS:
        return "."
    if unicodedata.category(odd) in ("Cf", "Mn") or odd in _BLANK:
        return ""
    if (digit := unicodedata.decimal(odd, None)) is not None:
        return str(digit)
    return unicodedata.normalize("NFKC", odd)

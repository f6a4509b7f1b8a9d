"""Text as every system can keep and show it."""

import re

_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_UNSEEN = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


def has_text(text: str) -> bool:
    """Return whether a text says anything: white space, and characters that nobody can see, are missing."""
    return any(char.isprintable() and not char.isspace() for char in text)


def clean(text: str) -> str:
    """Normalise line endings to a newline, and drop control characters except tab and newline, lone surrogates and
    noncharacters: what neither XML nor a terminal should get.
    """
    return _FORBIDDEN.sub("", _LINE_ENDS.sub("\n", text))


def strip_invisible(text: str) -> str:
    """Drop invisible characters, and those that turn the direction of reading: with them a line can be shown as
    something else than it is, and a name can be empty.
    """
    return _UNSEEN.sub("", text)


def one_line(text: str, limit: int) -> str:
    """Put `text` on one line of at most `limit` characters; a cut is marked by an ellipsis."""
    line = " ".join(clean(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "\u2026"


def utf16_units(text: str) -> int:
    """Return the length of a text as Java and JavaScript count it: an emoji is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def one_line_utf16(text: str, limit: int) -> str:
    """Put `text` on one line of at most `limit` UTF-16 units; a cut is marked by an ellipsis, and cuts no character."""
    line = " ".join(clean(text).split())
    if utf16_units(line) <= limit:
        return line
    return line.encode("utf-16-le")[: 2 * (limit - 1)].decode("utf-16-le", "ignore").rstrip() + "\u2026"

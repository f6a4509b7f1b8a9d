"""The marks by which mail programs say that a machine wrote a message (C17): headers of RFC 3834 and their like."""

from collections.abc import Iterator
from typing import Any

from domain.core.text import one_line

LONGEST = 100
MOST = 200
"""Headers that are looked at."""
_ANY = frozenset({"x-autoreply", "x-autorespond", "x-autoreply-from", "x-failed-recipients", "x-mail-autoreply"})
"""Headers that no person's message has."""
_BULK = frozenset({"bulk", "junk", "auto_reply", "auto-reply"})


def mark_in(headers: Any) -> str:
    """Return the header that says so, as in `Auto-Submitted: auto-replied`; empty if none does.

    `headers` is an object, name to value or values, a list of `{"name": ..., "value": ...}`, or a text with a header a
    line; anything else says nothing.
    """
    for name, value in _pairs(headers):
        plain, mark = name.strip().casefold().replace("_", "-"), value.strip().casefold()
        marked = (
            (plain == "auto-submitted" and mark.partition(";")[0].strip() not in ("", "no"))
            or (plain in _ANY and mark not in ("", "no", "false"))
            or (plain == "precedence" and mark in _BULK)
            or (plain == "return-path" and mark == "<>")
            or (plain == "content-type" and mark.startswith("multipart/report"))
        )
        if marked:
            return one_line(f"{name.strip()}: {value.strip()}", LONGEST)
    return ""


def _pairs(headers: Any) -> Iterator[tuple[str, str]]:
    found: list[tuple[Any, Any]] = []
    if isinstance(headers, str):  # as they stand in the message
        found = [(name, value) for name, _, value in (line.partition(":") for line in headers.splitlines()[:MOST])]
    elif isinstance(headers, dict):
        found = list(headers.items())[:MOST]
    elif isinstance(headers, list):
        found = [(one.get("name"), one.get("value")) for one in headers[:MOST] if isinstance(one, dict)]
    for name, value in found:
        for one in value if isinstance(value, list) else [value]:
            if isinstance(name, str) and isinstance(one, str | int | bool):
                yield name, str(one)

"""What can be read and kept: JSON of a bounded depth, in text that every system can keep.

PostgreSQL has no NUL, and UTF-8 no half of a character; neither may reach a table, nor keep a sender waiting for ever.
"""

import json
from typing import Any

MOST_DEPTH = 20


class NotReadable(ValueError):
    """It cannot be read, or not be kept. One line, without its content."""


def parsed(body: bytes) -> Any:
    """Return the JSON of a body. Raises NotReadable."""
    try:
        value = json.loads(body, parse_constant=_not_json)
    except RecursionError:
        raise _too_deep() from None
    except ValueError:  # also for bytes that are no UTF-8, and for numbers of thousands of digits
        raise NotReadable("the body is not JSON in UTF-8") from None
    check(value)
    return value


def check(value: Any) -> None:
    """Walk through all of a value without recursion: how deep it is was the sender's choice. Raises NotReadable."""
    left = [(value, 1)]
    while left:
        one, depth = left.pop()
        if isinstance(one, str):
            if "\x00" in one or (not one.isascii() and any("\ud800" <= letter <= "\udfff" for letter in one)):
                raise NotReadable("the body holds a NUL or half a character (a lone surrogate)")
        elif isinstance(one, dict | list):
            if depth > MOST_DEPTH:
                raise _too_deep()
            left += [(part, depth + 1) for part in (one if isinstance(one, list) else [*one, *one.values()])]


def _not_json(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity, which only Python takes for JSON


def _too_deep() -> NotReadable:
    return NotReadable(f"the body is nested more than {MOST_DEPTH} deep")

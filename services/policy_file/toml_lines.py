"""TOML with line numbers: where a text is broken, and on which line a key stands.

The standard library's parser keeps no positions, so they are found by asking it: a key stands where the
shortest beginning of the text that contains it ends. That needs no second parser, and costs a few parses, on
faults only.
"""

import re
import tomllib
from bisect import bisect_left
from typing import Any

Key = tuple[str | int, ...]


class TomlError(ValueError):
    """A text that is not TOML, and the line, from 1, that shows it."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.line = line


def parse(text: str) -> dict[str, Any]:
    """Return what a TOML text holds. Raises TomlError, also for what overwhelms the parser."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason, _, place = str(error).rpartition(" (at ")
        line = re.match(r"line (\d+)", place)
        raise TomlError(reason, int(line[1]) if line else text.count("\n") + 1) from None
    except (ValueError, RecursionError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else "a number with too many digits"
        raise TomlError(what, _overwhelmed(text)) from None


def line_of(text: str, key: Key) -> int:
    """Return the line, from 1, on which `key` begins in a valid TOML text.

    If it is not there, that of the nearest table around it; 1 if that is the text itself.
    """
    key = _present(tomllib.loads(text), key)
    if not key:
        return 1
    lines = text.split("\n")

    def holds(count: int) -> bool:
        """Return whether the first `count` lines contain the key, the last value of them being read to its end."""
        for end in range(count, len(lines)):
            try:
                return _present(tomllib.loads("\n".join(lines[:end])), key) == key
            except tomllib.TOMLDecodeError:
                continue
        return True

    return bisect_left(range(len(lines)), True, lo=1, key=holds)


def _present(value: Any, key: Key) -> Key:
    """Return the longest beginning of `key` that leads somewhere. A list is one place: its items have no keys."""
    for depth, part in enumerate(key):
        if not isinstance(value, dict) or part not in value:
            return key[:depth]
        value = value[part]
    return key


def _overwhelmed(text: str) -> int:
    """Return the line at which the parser gives up."""
    lines = text.split("\n")

    def gives_up(count: int) -> bool:
        try:
            tomllib.loads("\n".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            return False
        except (ValueError, RecursionError):
            return True
        return False

    return bisect_left(range(len(lines)), True, lo=1, key=gives_up)

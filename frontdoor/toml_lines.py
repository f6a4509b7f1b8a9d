"""On which line of a TOML text a key stands.

The standard library's parser keeps no positions, so they are found by asking it: a key stands where the
shortest beginning of the text that contains it ends. That needs no second parser, and costs a few parses, on
faults only.
"""

import tomllib
from bisect import bisect_left
from typing import Any

Key = tuple[str | int, ...]


def line_of(text: str, key: Key) -> int:
    """The line, from 1, on which `key` begins in a valid TOML text.

    If it is not there, that of the nearest table around it; 1 if that is the text itself.
    """
    key = _present(tomllib.loads(text), key)
    lines = text.split("\n")
    if not key:
        return 1

    def holds(count: int) -> bool:
        """Whether the first `count` lines contain the key, the last value of them being read to its end."""
        for end in range(count, len(lines)):
            try:
                return _present(tomllib.loads("\n".join(lines[:end])), key) == key
            except tomllib.TOMLDecodeError:
                continue
        return True

    return bisect_left(range(len(lines)), True, lo=1, key=holds)


def _present(value: Any, key: Key) -> Key:
    """The longest beginning of `key` that leads somewhere. A list is one place: its items have no keys."""
    for depth, part in enumerate(key):
        if not isinstance(value, dict) or part not in value:
            return key[:depth]
        value = value[part]
    return key

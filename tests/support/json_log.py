"""The log as TIERLINE_LOG=json writes it, kept in a list."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cli.log import json_lines


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(json_lines())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def json_log(logger: logging.Logger) -> Iterator["Lines"]:
    """Keep what the logger is told in the block, from INFO on."""
    kept, before = _Kept(), logger.level
    logger.addHandler(kept)
    logger.setLevel(logging.INFO)
    try:
        yield Lines(kept)
    finally:
        logger.removeHandler(kept)
        logger.setLevel(before)


class Lines:
    """Each line, read as a program reads it."""

    def __init__(self, kept: _Kept) -> None:
        self._kept = kept

    def all(self) -> list[dict[str, Any]]:
        assert not any("\n" in line for line in self._kept.lines)
        return [json.loads(line) for line in self._kept.lines]

    def one(self) -> dict[str, Any]:
        (line,) = self.all()
        return line

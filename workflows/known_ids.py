"""Which commands a workflow was given, by their ids: remembered long after their answers are forgotten."""

import base64
import hashlib
from collections.abc import Iterable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.ticket.commands import Command

MOST_IDS = 4_000
"""How many ids of commands are remembered, the latest ones: 64 kB in what one run hands to the next."""
_ID, _SAID = 8, 4
"""Bytes of the digest of an id, and of what was said under it."""
_UNKNOWN = bytes(_SAID)
"""Of an id from before this was kept: what was said under it is not compared."""
ADDED_AT_THE_DOOR = {"id", "received", "terms", "account", "edited"}
"""What a service adds to a command, and adds anew when it comes again (`terms`, `account` of `replace_terms`; `edited`
of what is made of a template)."""


class KnownIds:
    """The ids of commands, each with a digest of what was said under it, the oldest first."""

    def __init__(self, packed: str = "", answered: Iterable[str] = ()) -> None:
        """`packed` is what the previous run handed over; `answered` are the ids whose answers it still has."""
        data = base64.b64decode(packed)
        rows = (data[place : place + _ID + _SAID] for place in range(0, len(data), _ID + _SAID))
        self._contents = {row[:_ID]: row[_ID:] for row in rows}
        for known in answered:
            self._contents.setdefault(_digest(known.encode(), _ID), _UNKNOWN)

    def add(self, command: Command) -> None:
        """Remember a command that was carried out; one without an id is not."""
        if command.id is not None:
            self._contents[_digest(command.id.encode(), _ID)] = _content(command)
            while len(self._contents) > MOST_IDS:
                del self._contents[next(iter(self._contents))]

    def knows(self, command: Command) -> bool:
        """Tell whether a command came under this id before."""
        return command.id is not None and _digest(command.id.encode(), _ID) in self._contents

    def differs(self, command: Command) -> bool:
        """Tell whether another command came under this id before."""
        if not self.knows(command):
            return False
        content = self._contents[_digest(str(command.id).encode(), _ID)]
        return content not in (_UNKNOWN, _content(command))

    def packed(self) -> str:
        """Return all of it as one text, for the next run."""
        return base64.b64encode(b"".join(known + content for known, content in self._contents.items())).decode()


def _content(command: Command) -> bytes:
    """Return a digest of what a command says. Fields that it leaves out do not count: the next release may have
    more."""
    content = command.model_dump_json(exclude=ADDED_AT_THE_DOOR, exclude_defaults=True)
    return _digest(f"{type(command).model_fields['do'].default} {content}".encode(), _SAID)


def _digest(data: bytes, size: int) -> bytes:
    return hashlib.sha256(data).digest()[:size]

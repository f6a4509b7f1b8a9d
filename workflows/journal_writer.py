"""The journal as a workflow sees it: events are handed over in their order, a batch at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import accumulate, takewhile
from typing import Any, Protocol

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.core.size import json_bytes
    from domain.incident.events import IncidentEvent
    from domain.ticket.events import Event

BATCH = 250_000
"""Characters that are journalled, or carried over, at once."""
AN_EVENT = 5_000
"""What an event counts for without its texts, in characters."""
BATCH_BYTES = 500_000
"""Bytes of JSON that are journalled, or carried over, at once: a character may take six; see `domain.core.size`."""


class Host(Protocol):
    """The workflow whose events they are."""

    unrecorded: list[Any]

    def wake(self) -> None: ...
    def watch(self, task: asyncio.Task[None]) -> None: ...


class JournalWriter:
    """Hands over what the workflow has not journalled yet; one activity at a time, so that the order is kept."""

    def __init__(self, host: Host, write: Callable[[tuple[Any, ...], str], Awaitable[object]]) -> None:
        """`write` journals a batch; the text is the activity's summary."""
        self._host, self._write = host, write
        self.busy = False
        """Whether a batch is under way."""

    def start(self) -> None:
        """Hand over the oldest batch, if there is any and none is under way."""
        if self._host.unrecorded and not self.busy:
            self.busy = True
            self._host.watch(asyncio.create_task(self._record()))

    def has(self, seq: int) -> bool:
        """Return whether this event stands in the journal."""
        return not self._host.unrecorded or self._host.unrecorded[0].seq > seq

    def portable(self) -> bool:
        """Return whether all that is not journalled yet fits into what is handed over. If not, the journal comes
        first."""
        return len(self._batch()) == len(self._host.unrecorded)

    def _batch(self) -> tuple[Any, ...]:
        return tuple(self._host.unrecorded[: _fitting(self._host.unrecorded)])

    async def _record(self) -> None:
        batch = self._batch()
        await self._write(batch, f"Journal {', '.join(event.body.type for event in batch)}"[:200])
        del self._host.unrecorded[: len(batch)]
        self.busy = False
        self._host.wake()


def _fitting(events: Sequence[Event | IncidentEvent]) -> int:
    """Return how many of the oldest events fit together; one always does."""
    sizes = (AN_EVENT + sum(map(len, event.texts.values())) for event in events)
    count = max(1, sum(1 for _ in takewhile(BATCH.__ge__, accumulate(sizes))))
    fewer = max(1, sum(1 for _ in takewhile(BATCH_BYTES.__ge__, accumulate(map(json_bytes, events[:count])))))
    # A batch that a history has may be larger, where most of its characters took three bytes or more.
    return fewer if fewer < count and workflow.patched("journal-in-bytes") else count

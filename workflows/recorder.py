"""The journal as a workflow sees it: events are handed over in their order, a batch at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import accumulate
from typing import Any, Protocol

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.events import Event
    from domain.incident_events import IncidentEvent

BATCH = 250_000
"""Characters that are journalled, or carried over, at once. Temporal stops a workflow at a payload of 2 MB, and a
character may take six bytes of JSON."""
AN_EVENT = 5_000
"""What an event counts for without its texts."""


class Host(Protocol):
    """The workflow whose events they are."""

    unrecorded: list[Any]

    def wake(self) -> None: ...
    def watch(self, task: asyncio.Task[None]) -> None: ...


class Recorder:
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
        """Whether this event stands in the journal."""
        return not self._host.unrecorded or self._host.unrecorded[0].seq > seq

    def portable(self) -> bool:
        """Whether all that is not journalled yet fits into what is handed over. If not, the journal comes first."""
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
    """How many of the oldest events fit together; one always does."""
    sizes = (AN_EVENT + sum(map(len, event.texts.values())) for event in events)
    return max(1, sum(total <= BATCH for total in accumulate(sizes)))

"""Small writes that come at the same time, done together: one transaction for all that waited for the one before."""

import asyncio
import logging
from collections.abc import Callable, Sequence

log = logging.getLogger("tierline.batching")


class WriteBatcher:
    """Collects items while a write is under way, and hands over all of them to the next one."""

    def __init__(self, write: Callable[[Sequence[str]], None]) -> None:
        """`write` blocks; it runs in a thread, one at a time."""
        self._write = write
        self._waiting: list[str] = []
        self._next: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()
        self._under_way: set[asyncio.Task[None]] = set()
        """The loop itself holds no task: one whose callers have all given up must not vanish."""

    async def add(self, item: str) -> None:
        """Return once the item is written. Raises what `write` raises."""
        self._waiting.append(item)
        if self._next is None:
            self._next = asyncio.create_task(self._write_all())
            self._under_way.add(self._next)
            self._next.add_done_callback(self._over)
        await asyncio.shield(self._next)  # whoever gives up waiting must not end it for the others

    def _over(self, task: asyncio.Task[None]) -> None:
        """Say what failed, since whoever waited for it may have given up."""
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.warning("a batch of writes failed (%s)", type(error).__name__)

    async def _write_all(self) -> None:
        async with self._writing:
            items, self._waiting, self._next = self._waiting, [], None
            await asyncio.to_thread(self._write, items)

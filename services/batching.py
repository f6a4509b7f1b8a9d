"""Small writes that come at the same time, done together: one transaction for all that waited for the one before."""

import asyncio
from collections.abc import Callable, Sequence


class WriteBatcher:
    """Collects items while a write is under way, and hands over all of them to the next one."""

    def __init__(self, write: Callable[[Sequence[str]], None]) -> None:
        """`write` blocks; it runs in a thread, one at a time."""
        self._write = write
        self._waiting: list[str] = []
        self._next: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    async def add(self, item: str) -> None:
        """Return once the item is written. Raises what `write` raises."""
        self._waiting.append(item)
        if self._next is None:
            self._next = asyncio.create_task(self._write_all())
        await asyncio.shield(self._next)  # whoever gives up waiting must not end it for the others

    async def _write_all(self) -> None:
        async with self._writing:
            items, self._waiting, self._next = self._waiting, [], None
            await asyncio.to_thread(self._write, items)

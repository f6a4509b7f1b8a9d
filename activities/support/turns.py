"""One call at a time to each workflow that many call at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

Key = TypeVar("Key")


class Turns(Generic[Key]):
    """Lets those who call the same workflow wait for each other here, in the order in which they came.

    Temporal does one thing at a time with a workflow. Where twenty Signals to an incident are under way at once, they
    wait there: each may run out of time, and its end makes Temporal load the whole workflow anew, so that the next ones
    take longer. And a person's command waits behind all of them. Here they wait at no cost.
    """

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, key: Key) -> AsyncIterator[None]:
        """Have the turn of `key` for as long as the block lasts."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            yield

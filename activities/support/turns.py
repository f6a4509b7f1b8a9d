"""One call at a time to each workflow that many call at once, with all that waits put together into the next call."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

Key = TypeVar("Key")
Message = TypeVar("Message")
Answer = TypeVar("Answer")

MOST = 50
"""Messages that one call carries at most."""


class Turns(Generic[Key, Message, Answer]):
    """Sends messages to workflows: those to the same one in one call after the other, in the order in which they came.

    Temporal does one thing at a time with a workflow. Where twenty Signals to an incident are under way at once, they
    wait there: each may run out of time, and its end makes Temporal load the whole workflow anew, so that the next ones
    take longer. And a person's command waits behind all of them. Here messages wait at no cost, and what came while a
    call was under way goes with the next one: so a storm makes calls larger, not more.
    """

    def __init__(self, call: Callable[[Key, Sequence[Message]], Awaitable[Answer]]) -> None:
        """`call` hands messages over in one call; its answer, or what it raises, is that of each of them."""
        self._call = call
        self._waiting: dict[Key, list[tuple[Message, asyncio.Future[Answer]]]] = {}
        self._calling: dict[Key, asyncio.Task[None]] = {}

    async def send(self, key: Key, message: Message) -> Answer:
        """Send a message to the workflow of `key`. Returns and raises what the call does that carried it.

        Whoever is cancelled before that takes the message back, unless it is under way.
        """
        sent: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        one = (message, sent)
        self._waiting.setdefault(key, []).append(one)
        if key not in self._calling:
            self._calling[key] = asyncio.create_task(self._call_until_none_wait(key))
        try:
            return await sent
        finally:
            with suppress(KeyError, ValueError):
                self._waiting[key].remove(one)

    async def _call_until_none_wait(self, key: Key) -> None:
        try:
            while waiting := self._waiting.get(key):
                batch, waiting[:MOST] = waiting[:MOST], []
                await self._carry(key, batch)
        finally:
            self._waiting.pop(key, None)
            del self._calling[key]

    async def _carry(self, key: Key, batch: Sequence[tuple[Message, asyncio.Future[Answer]]]) -> None:
        try:
            answer = await self._call(key, [message for message, _ in batch])
        except Exception as error:
            for _, sent in batch:
                if not sent.done():
                    sent.set_exception(error)
        else:
            for _, sent in batch:
                if not sent.done():
                    sent.set_result(answer)

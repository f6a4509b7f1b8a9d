"""The loops of a relay: a fault of one round ends neither the loop nor the process."""

import asyncio
import logging

import pytest

from store.database import DatabaseDown
from workers.rounds import in_rounds


async def test_a_round_that_fails_is_logged_and_the_next_one_comes(caplog: pytest.LogCaptureFixture) -> None:
    came = asyncio.Event()
    loop = asyncio.get_running_loop()
    outcomes: list[str | Exception | None] = [DatabaseDown("no answer"), ValueError("a bug"), "3 are done", None]

    def work() -> str | None:
        outcome = outcomes.pop(0)
        if not outcomes:
            loop.call_soon_threadsafe(came.set)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    with caplog.at_level(logging.INFO, logger="tierline.rounds"):
        running = asyncio.create_task(in_rounds(work, 0, "nothing is done"))
        await came.wait()
        running.cancel()
        await asyncio.wait([running])

    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [
        ("WARNING", "nothing is done: no answer"),
        ("ERROR", "nothing is done"),
        ("INFO", "3 are done"),
    ]

"""A measurement of many minutes: it says how far it has come, and ends in time with what is known by then."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

EVERY = 20.0
"""Seconds between two lines that say how far it has come."""


class Bound:
    """Whether the time of a measurement has run out."""

    def __init__(self) -> None:
        self.ran_out = False


@asynccontextmanager
async def bounded(
    minutes: float, report: Callable[[str], None], how_far: Callable[[], str] | None = None
) -> AsyncIterator[Bound]:
    """Give the block so many minutes. What has not come about by then is left out, and no error.

    `how_far` says in a few words how far it has come; it is asked in a thread, every so often.
    """
    bound, began = Bound(), time.perf_counter()

    async def report_progress() -> None:
        while how_far:
            await asyncio.sleep(EVERY)
            words = await asyncio.to_thread(how_far)
            report(f"  {time.perf_counter() - began:5.0f} s: {words}")

    reporting = asyncio.create_task(report_progress())
    try:
        async with asyncio.timeout(minutes * 60) as timeout:
            yield bound
    except TimeoutError:
        if not timeout.expired():
            raise
        bound.ran_out = True
        report(f"  the time is over, after {minutes:g} minutes: what follows is what is known by now")
    finally:
        reporting.cancel()

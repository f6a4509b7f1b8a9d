"""Wait for a condition: with a bound that a busy machine does not reach, and never by a sleep of a guessed length."""

import asyncio
import inspect
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

PATIENCE = 400.0
"""Seconds that any one condition may take on a machine that is busy with many tests, or slow."""
RPC_PATIENCE = timedelta(seconds=PATIENCE)
"""The same for one call to Temporal."""


async def until(
    condition: Callable[[], Any], what: str = "", *, among: tuple[type[Exception], ...] = (), seconds: float = PATIENCE
) -> Any:
    """Return the first true answer of `condition`, which may be a coroutine function; it is asked again until then.

    `what` is awaited, for the message. `among`: what `condition` may raise as long as it does not hold yet. Raises
    AssertionError after so many seconds.
    """
    loop = asyncio.get_running_loop()
    start = loop.time()
    while True:
        waited = loop.time() - start
        try:
            answer = condition()
            if inspect.isawaitable(answer):
                answer = await answer
            if answer:
                return answer
        except among:
            if waited > seconds:
                raise
        assert waited < seconds, f"still not so after {seconds:g} s: {what or condition}"
        await asyncio.sleep(_pause(waited))  # looked at, not waited for: another task or process brings it about


def wait_until(condition: Callable[[], Any], what: str = "", *, seconds: float = PATIENCE) -> Any:
    """Return the first true answer of `condition`, in a test that has no event loop."""
    start = time.monotonic()
    while not (answer := condition()):
        waited = time.monotonic() - start
        assert waited < seconds, f"still not so after {seconds:g} s: {what or condition}"
        time.sleep(_pause(waited))  # looked at, not waited for: another thread or process brings it about
    return answer


def _pause(waited: float) -> float:
    """Return the seconds until a condition is looked at again. To look costs as much as to work: a query has a worker
    decode its ticket. So who has waited for long is less often in the way of what they wait for."""
    return min(0.25, max(0.02, waited / 8))

"""The one timer of a workflow."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow


class RearmableTimer:
    """One durable timer that is moved to whatever comes next.

    It is cancelled and started again only when that instant moves, so a ticket that waits for ninety days keeps a
    history of a few events, and nothing is polled.
    """

    def __init__(self, fired: Callable[[], None]) -> None:
        self._fired = fired
        self._at: datetime | None = None
        self._task: asyncio.Task[None] | None = None

    def arm(self, at: datetime | None, summary: str = "") -> None:
        """Fire at `at`, and at no other time; None is never. `summary` stands on the timer in the Temporal UI."""
        if at == self._at:
            return
        if self._task:
            self._task.cancel()
        self._at, self._task = at, None
        if at is not None:
            self._task = asyncio.create_task(self._wait(at, summary))

    async def _wait(self, at: datetime, summary: str) -> None:
        await workflow.sleep(max(at - workflow.now(), timedelta(0)), summary=summary)
        # Forgotten before anyone looks, so that the same instant could be armed again.
        self._at = self._task = None
        self._fired()

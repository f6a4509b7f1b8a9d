"""The one page of an area for which no incident can be opened: for all its tickets together (G6).

It starts with the first ticket that asks (`activities.incidents.page_area`), under the page's key as its id. Whoever
asks while it runs has its page, and sends none: the calls to the pager are bounded by areas, and not by tickets.
"""

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from workflows import ports
from workflows.build_in_use import to_build_in_use

PATIENCE = timedelta(seconds=15)
"""How long a channel may take for the page before the other one is tried, and the pause before both are again."""
STANDS = timedelta(minutes=30)
"""For how long the page stands for the area's tickets, unless an incident took it over and is closed before."""


@workflow.defn(name="AreaPageWorkflow")
class AreaPageWorkflow:
    """Page until one of the channels takes it, then stand for it."""

    def __init__(self) -> None:
        self._closed = False

    @workflow.run
    async def run(self, page: ports.PageRequest) -> None:
        while not self._closed and not await self._taken(page):
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(page, initial_versioning_behavior=to_build_in_use())
            await self._closed_within(PATIENCE)
        await self._closed_within(STANDS)

    @workflow.signal
    def incident_closed(self) -> None:
        """Take note that the incident of the area is over: what comes now is another problem, and pages again."""
        self._closed = True

    async def _taken(self, page: ports.PageRequest) -> bool:
        for channel in (ports.PAGE, ports.PAGE_ELSEWHERE):
            with suppress(ActivityError):
                await channel(page, "Page, since no incident can be opened", PATIENCE)
                return True
        return False

    async def _closed_within(self, time: timedelta) -> None:
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._closed, timeout=time)

"""A run: real processes, the people of its plan, and what is done to Tierline meanwhile."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from temporalio.service import RPCError

from chaos.checks import Check, Seen, check_all
from chaos.lives import LIVES, SPEED, Lived
from chaos.people import People
from chaos.plan import Disturbance, Plan
from domain.ticket.state import workflow_id
from integrations.standins import run as standins
from tests.support.people import Office
from tests.support.processes import Processes

EVERYTHING = ("postgres", "temporal", "worker", "relay", "api")
SIDE_BY_SIDE = 20
"""Tickets that are worked on at the same time."""
CREATE = {"method": "POST", "path": "/rest/api/3/issue"}
_SOON = timedelta(seconds=10)
"""How long a query may wait for its answer."""
Say = Callable[[str], None]


class Numbers(NamedTuple):
    """What happened in a run."""

    lived: int
    """Tickets whose way ended."""
    disturbances: int
    """How many of the plan's struck."""
    requests: int
    """Requests that were answered with 2xx."""


class Result(NamedTuple):
    """What became of a run: its numbers, and what each check found."""

    lived: int
    disturbances: int
    requests: int
    checks: list[Check]


class Progress:
    """Counts answered requests, and lets others wait until there are so many."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = asyncio.Event()
        self._over = False

    def answered(self) -> None:
        self.count += 1
        self._changed.set()

    def end(self) -> None:
        """Say that no more requests come: nobody waits any longer."""
        self._over = True
        self._changed.set()

    async def reached(self, count: int) -> bool:
        """Wait until so many have been answered. Returns False where the run ended before."""
        while self.count < count and not self._over:
            self._changed.clear()
            await self._changed.wait()
        return self.count >= count


async def carry_out(plan: Plan, say: Say) -> Result:
    """Carry a plan out on processes of its own, and look at what is left. Raises what keeps a ticket from its end."""
    async with carried_out(plan, say) as (seen, numbers):
        return Result(*numbers, await check_all(seen, say))


@asynccontextmanager
async def carried_out(plan: Plan, say: Say) -> AsyncIterator[tuple[Seen, Numbers]]:
    """Carry a plan out. What it has left behind is there as long as the block lasts, and everything runs again."""
    async with _house() as house:
        await house.up(*EVERYTHING)
        progress = Progress()
        office = await Office.at(house, SPEED)
        people = People(house, office, plan.seed, progress.answered)
        try:
            lived, struck = await _live(plan, people, progress, say)
            for control in (house.jira, house.pager, house.chat):
                control.clear()
            await house.up(*EVERYTHING)
            say("all tickets have ended; looking at what is left")
            yield Seen(house, office, people.accepted, lived), Numbers(len(lived), struck, progress.count)
        finally:
            people.close()
            office.db.dispose()


@asynccontextmanager
async def _house() -> AsyncIterator[Processes]:
    folder = Path(tempfile.mkdtemp(prefix="tl-"))
    with standins.running() as outside:
        house = Processes(folder, outside)
        try:
            house.jira.subscribe(f"{house.api_url}/webhooks/jira", standins.JIRA_SECRET.get_secret_value())
            yield house
        finally:
            house.stop()
            shutil.rmtree(folder, ignore_errors=True)


async def _live(plan: Plan, people: People, progress: Progress, say: Say) -> tuple[list[Lived], int]:
    """Let every ticket go its way, while the plan's disturbances strike. Returns the tickets, and how many struck."""
    room = asyncio.Semaphore(SIDE_BY_SIDE)
    done = 0

    async def one(number: int) -> Lived:
        nonlocal done
        async with room:
            lived = await LIVES[plan.ways[number]](people, number)
        done += 1
        if done % 10 == 0 or done == len(plan.ways):
            say(f"{done} of {len(plan.ways)} tickets have ended, {progress.count} requests answered")
        return lived

    disturbing = asyncio.create_task(_disturb(plan, people, progress, say))
    lives = [asyncio.create_task(one(number)) for number in range(len(plan.ways))]
    try:
        lived = await asyncio.gather(*lives)
        progress.end()
        return list(lived), await disturbing
    finally:
        for task in (*lives, disturbing):
            task.cancel()
        await asyncio.gather(*lives, disturbing, return_exceptions=True)


async def _disturb(plan: Plan, people: People, progress: Progress, say: Say) -> int:
    """Let the plan's disturbances strike, one after the other. Those after the last request strike at once."""
    struck = 0
    for one in plan.disturbances:
        await progress.reached(one.after)
        say(f"after {progress.count} requests: {one.what}")
        await _strike(one, people)
        struck += 1
    return struck


async def _strike(one: Disturbance, people: People) -> None:
    house = people.house
    jira, pager, chat = house.jira, house.pager, house.chat
    if one.what.startswith("kill "):
        name = one.what.removeprefix("kill ")
        house.kill(name)
        await asyncio.sleep(one.seconds)  # how long it is away
        await house.up(name)
        return
    faults: dict[str, Callable[[], None]] = {
        "Jira drops answers": lambda: jira.fault("commit_then_drop", times=3, **CREATE),
        "Jira answers 504 after it acted": lambda: jira.fault("commit_then_504", times=3, **CREATE),
        "Jira's search is late": lambda: jira.fault("search_lag", seconds=1),
        "the pager drops answers": lambda: pager.fault("commit_then_drop", times=2),
        "notices are answered late": lambda: chat.fault("slow", seconds=3, times=3),
        "webhooks come five times": lambda: jira.fault("webhook_repeated", times=5),
        "webhooks come in reverse": lambda: jira.fault("webhook_reversed"),
        "webhooks are lost": lambda: jira.fault("webhook_lost", times=2),
    }
    if one.what in faults:
        await asyncio.to_thread(faults[one.what])
        if one.what in ("webhooks come in reverse", "Jira's search is late"):
            await asyncio.sleep(one.seconds)  # how long it lasts
            await asyncio.to_thread(jira.clear)
        return
    await _query_all(people)


async def _query_all(people: People) -> None:
    """Ask the workflow of every ticket what it knows, all at once, as a page of Temporal's UI would. Answers are of no
    interest here, and neither is a query that meets a dead server: no query may break a ticket."""

    async def ask(ticket: str) -> None:
        handle = people.office.client.get_workflow_handle(workflow_id(ticket))
        try:
            await handle.query("ticket", rpc_timeout=_SOON)
        except RPCError:
            return

    await asyncio.gather(*(ask(one) for one in {accepted.ticket for accepted in people.accepted}))

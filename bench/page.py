"""How soon somebody is paged: from the intake of a P0 to the page accepted, while 500 other tickets are being worked.

Everything is as in earnest, on one machine: PostgreSQL, Temporal, a worker and the stand-ins as processes or threads of
their own; the intake through the service. The pager's own record says when it accepted.
"""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from typing import Any
from uuid import uuid4

from bench import house
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from integrations.standins import run as standins
from services.intake.request import OpenRequest
from services.tickets import TicketService

OTHERS = 500
"""Tickets that are being worked meanwhile."""
EVERY = timedelta(seconds=60)
"""How often somebody does something on each of them."""
PAGES = 100
"""P0s that are opened, each in an area of its own, so that each is an incident and a page."""
BETWEEN = 1.0
"""Seconds from one P0 to the next."""
STRIDE = 3.0
"""Seconds until the work has got into its stride."""
BUDGET = 2.0
"""Seconds within which 99 of 100 pages must be accepted."""


async def measure(report: Callable[[str], None] = print) -> dict[str, Any]:
    """Measure the milliseconds from the intake to the page accepted."""
    async with house.running(accounts_known=PAGES, durable=False) as here:
        desk, outside, log = here.desk, here.outside, here.log
        others = [await _open(desk, "P2") for _ in range(OTHERS)]
        report(f"  {OTHERS} tickets are open")
        done: list[float] = []
        over = asyncio.Event()
        work = asyncio.create_task(_work(desk, others, done, over))
        try:
            await asyncio.sleep(STRIDE)
            began, before = time.perf_counter(), len(done)
            taken_in = {}
            for number in range(PAGES):
                at = datetime.now(UTC)
                taken_in[await _open(desk, "P0", f"known-{number}")] = at
                await asyncio.sleep(BETWEEN)
            rate = (len(done) - before) / (time.perf_counter() - began)
            accepted = await _accepted(outside, taken_in, log)
            doubles = _doubles(outside)
        finally:
            over.set()  # what is under way ends by itself: a command that is cut off leaves an error that nobody reads
            await work
    waits = sorted((accepted[ticket] - at).total_seconds() for ticket, at in taken_in.items())
    percentiles = quantiles(waits, n=100)
    return {
        "p50_ms": round(percentiles[49] * 1000),
        "p99_ms": round(percentiles[98] * 1000),
        "max_ms": round(waits[-1] * 1000),
        "pages": len(waits),
        "paged_twice": doubles,
        "other_tickets": OTHERS,
        "commands_per_s": round(rate, 1),
        "command_p50_ms": round(quantiles(done, n=100)[49] * 1000),
        "budget_ms": round(BUDGET * 1000),
        "within": percentiles[98] <= BUDGET,
    }


async def _open(desk: TicketService, priority: str, customer: str = "") -> str:
    name = uuid4().hex[:12]
    account = {"id": customer or f"bench-{name}", "plan": "premium"}
    form = {"source": "bench", "external_id": name, "priority": priority, "account": account, "product_area": name}
    return (await desk.open(OpenRequest.parse({"subject": "It broke"} | form))).ticket


async def _work(desk: TicketService, tickets: list[str], done: list[float], over: asyncio.Event) -> None:
    """Work on every ticket at a steady rate, until it is `over`: it is taken, then noted on. `done`: the seconds that
    each command took."""
    dice = random.Random(1)
    pause = EVERY.total_seconds()

    async def rest(least: float, most: float) -> bool:
        """Wait for so many pauses. Returns whether the work goes on."""
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), dice.uniform(least * pause, most * pause))
        return not over.is_set()

    async def one(ticket: str) -> None:
        if await rest(0, 1):
            await _do(desk, ticket, done, "take")
        while await rest(0.5, 1.5):
            await _do(desk, ticket, done, "note", text="Looking at it.")

    await asyncio.gather(*map(one, tickets))


async def _do(desk: TicketService, ticket: str, done: list[float], name: str, **payload: Any) -> None:
    began = time.perf_counter()
    with suppress(Refused, Unavailable):
        await desk.handle(ticket, name, {"by": "ada", "role": "agent"} | payload)
    done.append(time.perf_counter() - began)


async def _accepted(
    outside: standins.Running, tickets: dict[str, datetime], log: Callable[[], str]
) -> dict[str, datetime]:
    """Return when the pager accepted the page of each ticket. Raises RuntimeError where one was never sent."""
    bound = time.monotonic() + 60
    while True:
        alerts = outside.pager.see("alerts")["alerts"]
        found = {alert["details"]["tickets"].split(",")[0]: datetime.fromisoformat(alert["opened"]) for alert in alerts}
        if tickets.keys() <= found.keys():
            return found
        if time.monotonic() > bound:
            raise RuntimeError(f"{len(tickets.keys() - found.keys())} P0s were never paged: {log()}")
        await asyncio.sleep(0.2)


def _doubles(outside: standins.Running) -> int:
    alerts = outside.pager.see("alerts")["alerts"]
    return len(alerts) - len({alert["dedup_key"] for alert in alerts})

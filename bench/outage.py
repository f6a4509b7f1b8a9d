"""An outage: Temporal is down while the deadlines of many tickets pass, and comes back.

Everything is as in earnest, on one machine; Temporal is killed, and started again on its data. Until all breaches stand
in the journals, each at its own due instant, is counted from the moment at which Temporal is started again.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from bench import house
from bench.many_due import SPARE, exactness, lapsed, many, open_due, pace

TICKETS = 1000
MINUTES = 10.0
GRACE = timedelta(seconds=10)
"""Between the kill and the first deadline, and between the last one and the start."""
BOUND = 900.0


class Options(NamedTuple):
    """How much is measured."""

    tickets: int = TICKETS
    minutes: float = MINUTES
    """How long Temporal is down."""


async def measure(options: Options, report: Callable[[str], None] = print) -> dict[str, Any]:
    """Return the seconds from the start of Temporal until every breach stands."""
    async with house.running(accounts_known=0) as here:
        machine, temporal = house.machine(), here.installation.temporal
        preparing = timedelta(seconds=await pace(here) * SPARE * options.tickets)
        down = timedelta(minutes=options.minutes)
        kill_at = datetime.now(UTC) + preparing + 2 * GRACE
        step = (down - 2 * GRACE) / options.tickets
        instants = [kill_at + GRACE + number * step for number in range(options.tickets)]
        acts = [partial(open_due, here, f"due-{number}", instant) for number, instant in enumerate(instants)]
        due = dict(zip(await many(acts), instants, strict=True))
        early = (kill_at - datetime.now(UTC)).total_seconds()
        report(f"  {options.tickets} tickets are open, {early:.0f} s early")
        if early < 0:
            raise RuntimeError("the machine became slower meanwhile: the first deadlines have passed. Try again")
        await asyncio.sleep(early)
        await asyncio.to_thread(temporal.kill)
        await asyncio.sleep((kill_at + down - datetime.now(UTC)).total_seconds())
        began, started = time.perf_counter(), datetime.now(UTC)
        await asyncio.to_thread(temporal.start)
        answers = time.perf_counter() - began
        report(f"  Temporal answers again after {answers:.1f} s")
        found = await lapsed(here, due, BOUND)
        exact = exactness(found, due)
        return {
            "machine": machine,
            "machine_at_the_end": house.machine(),
            "tickets": options.tickets,
            "down_minutes": options.minutes,
            **exact,
            "temporal_answers_after_s": round(answers, 1),
            "all_noticed_after_s": round((max(one.detected for one in found) - started).total_seconds(), 1),
            "all_stand_after_s": round((max(one.recorded for one in found) - started).total_seconds(), 1),
            "within": exact["exact"] == options.tickets,
        }

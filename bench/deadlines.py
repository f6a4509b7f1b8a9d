"""Deadlines under load: thousands of tickets whose first response is due in the same minute, beside bare timers.

First a minute of bare timers, then a minute of tickets, at the same pace, in the same worker process. Everything is as
in earnest, on one machine. How late one was: the instant at which its workflow noticed, less the instant that was due.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from bench import bare_timer, house
from bench.many_due import SPARE, exactness, lapsed, many, open_due, pace, percentiles

TICKETS = 2000
MINUTE = timedelta(seconds=60)
REST = timedelta(seconds=20)
"""Between the opening and the first minute, and between the two."""
BEHIND_MS = 1000
"""By how much the tickets' p99 may be behind that of bare timers."""
BOUND = 600.0


class Options(NamedTuple):
    """How much is measured."""

    tickets: int = TICKETS


async def measure(options: Options, report: Callable[[str], None] = print) -> dict[str, Any]:
    """Return milliseconds by which deadlines were noticed late, of tickets and of bare timers."""
    async with house.running(accounts_known=0, module="bench.bare_timer") as here:
        machine = house.machine()
        # A bare timer is started in less time than a ticket is taken in.
        preparing = timedelta(seconds=await pace(here) * SPARE * 1.5 * options.tickets)
        bare_at = datetime.now(UTC) + preparing + REST
        tickets_at = bare_at + MINUTE + REST
        step = MINUTE / options.tickets
        bare_due = [bare_at + number * step for number in range(options.tickets)]
        handles = await many([
            partial(
                here.client.start_workflow, bare_timer.BareTimer.run, due, id=f"bare-{due.timestamp()}",
                task_queue=bare_timer.QUEUE,
            )
            for due in bare_due
        ])  # fmt: skip
        due = {}
        for instant, ticket in zip(
            (tickets_at + number * step for number in range(options.tickets)),
            await many([
                partial(open_due, here, f"due-{number}", tickets_at + number * step)
                for number in range(options.tickets)
            ]),
            strict=True,
        ):  # fmt: skip
            due[ticket] = instant
        early = bare_at - datetime.now(UTC)
        report(f"  {options.tickets} tickets and as many bare timers stand, {early.total_seconds():.0f} s early")
        if early < timedelta(0):
            raise RuntimeError("the machine became slower meanwhile: the first deadlines have passed. Try again")
        await asyncio.sleep((bare_at + MINUTE - datetime.now(UTC)).total_seconds())
        bare = [await handle.result() for handle in handles]
        found = await lapsed(here, due, (tickets_at + MINUTE - datetime.now(UTC)).total_seconds() + BOUND)
        late, bare_late = percentiles([(one.detected - one.due).total_seconds() for one in found]), percentiles(bare)
        exact = exactness(found, due)
        return {
            "machine": machine,
            "machine_at_the_end": house.machine(),
            "tickets": options.tickets,
            **exact,
            "noticed_late_ms": late,
            "bare_timer_late_ms": bare_late,
            "in_the_journal_late_ms": percentiles([(one.recorded - one.due).total_seconds() for one in found]),
            "goal_ms": bare_late["p99"] + BEHIND_MS,
            "within": late["p99"] <= bare_late["p99"] + BEHIND_MS and exact["exact"] == options.tickets,
        }

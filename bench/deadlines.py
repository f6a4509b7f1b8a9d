"""Deadlines under load: thousands of tickets whose first response is due in the same minute, beside bare timers.

First a minute of bare timers, then a minute of tickets, at the same pace, in the same worker process. Everything is as
in earnest, on one machine. How late one was: the instant at which its workflow noticed, less the instant that was due.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from temporalio.client import WorkflowHandle

from bench import bare_timer, house
from bench.bounded import bounded
from bench.many_due import SPARE, Opened, exactness, lapsed, many, on_record, pace, percentiles

TICKETS = 2000
MINUTE = timedelta(seconds=60)
REST = timedelta(seconds=20)
"""Between the opening and the first minute, and between the two."""
BEHIND_MS = 1000
"""By how much the tickets' p99 may be behind that of bare timers."""
BOUND = 30.0
"""Minutes after which it ends with what is known."""


class Options(NamedTuple):
    """How much is measured."""

    tickets: int = TICKETS
    bound: float = BOUND
    """Minutes after which it ends with what is known."""


async def measure(options: Options, report: Callable[[str], None] = print) -> dict[str, Any]:
    """Return milliseconds by which deadlines were noticed late, of tickets and of bare timers.

    What was started only after its instant, on a machine that became slower meanwhile, is not counted.
    """
    async with house.running(accounts_known=0, module="bench.bare_timer") as here:
        machine = house.machine()
        opened, due, bare = Opened(here), dict[str, datetime](), list[float]()
        async with bounded(options.bound, report, opened.how_far) as bound:
            # A bare timer is started in less time than a ticket is taken in.
            preparing = timedelta(seconds=await pace(here) * SPARE * 1.5 * options.tickets)
            bare_at = datetime.now(UTC) + preparing + REST
            tickets_at = bare_at + MINUTE + REST
            step = MINUTE / options.tickets
            handles = await many([
                partial(_start_timer, here, bare_at + number * step) for number in range(options.tickets)
            ])  # fmt: skip
            await opened.open([tickets_at + number * step for number in range(options.tickets)])
            stand = datetime.now(UTC)
            early = (bare_at - stand).total_seconds()
            report(f"  {options.tickets} tickets and as many bare timers stand, {early:.0f} s early")
            due = {ticket: instant for ticket, instant in opened.due.items() if instant > stand}
            await asyncio.sleep(max(0.0, (bare_at + MINUTE - stand).total_seconds()))
            for at, handle in handles:
                if at > stand:
                    bare.append(await handle.result())
            await lapsed(here, due)
        found = await asyncio.to_thread(on_record, here, due)
        late, bare_late = percentiles([(one.detected - one.due).total_seconds() for one in found]), percentiles(bare)
        exact = exactness(found, due)
        return {
            "machine": machine,
            "machine_at_the_end": house.machine(),
            "tickets": options.tickets,
            "counted": len(due),
            "bare_timers_counted": len(bare),
            "complete": not bound.ran_out and len(due) == len(bare) == options.tickets,
            **exact,
            "noticed_late_ms": late,
            "bare_timer_late_ms": bare_late,
            "in_the_journal_late_ms": percentiles([(one.recorded - one.due).total_seconds() for one in found]),
            "goal_ms": bare_late["p99"] + BEHIND_MS if bare_late else None,
            "within": bool(late and bare_late)
            and late["p99"] <= bare_late["p99"] + BEHIND_MS
            and exact["exact"] == options.tickets,
        }


async def _start_timer(here: house.House, due: datetime) -> tuple[datetime, WorkflowHandle[Any, float]]:
    name = f"bare-{due.timestamp()}"
    return due, await here.client.start_workflow(bare_timer.BareTimer.run, due, id=name, task_queue=bare_timer.QUEUE)

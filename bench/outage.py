"""An outage: Temporal is down while the deadlines of many tickets pass, and comes back.

Everything is as in earnest, on one machine; Temporal is killed, and started again on its data. Until all breaches stand
in the journals, each at its own due instant, is counted from the moment at which Temporal is started again.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from bench import house
from bench.bounded import bounded
from bench.many_due import SPARE, Opened, exactness, lapsed, on_record, pace

TICKETS = 1000
MINUTES = 10.0
GRACE = timedelta(seconds=10)
"""Between the kill and the first deadline, and between the last one and the start."""
BOUND = 15.0
"""Minutes beside those in which Temporal is down: then it ends with what is known."""


class Options(NamedTuple):
    """How much is measured."""

    tickets: int = TICKETS
    minutes: float = MINUTES
    """How long Temporal is down."""
    bound: float | None = None
    """Minutes after which it ends with what is known. None: so many that a machine which bears it has them to spare."""


async def measure(options: Options, report: Callable[[str], None] = print) -> dict[str, Any]:
    """Return the seconds from the start of Temporal until every breach stands.

    Tickets that were taken in only after their deadlines, on a machine that became slower meanwhile, are not counted.
    """
    async with house.running(accounts_known=0) as here:
        machine, temporal = house.machine(), here.installation.temporal
        opened, due = Opened(here), dict[str, datetime]()
        started, answers = None, None
        minutes = options.minutes + BOUND if options.bound is None else options.bound
        async with bounded(minutes, report, opened.how_far) as bound:
            preparing = timedelta(seconds=await pace(here) * SPARE * options.tickets)
            down = timedelta(minutes=options.minutes)
            kill_at = datetime.now(UTC) + preparing + 2 * GRACE
            step = (down - 2 * GRACE) / options.tickets
            await opened.open([kill_at + GRACE + number * step for number in range(options.tickets)])
            early = (kill_at - datetime.now(UTC)).total_seconds()
            report(f"  {options.tickets} tickets are open, {early:.0f} s early")
            await asyncio.sleep(max(0.0, early))
            await asyncio.to_thread(temporal.kill)
            killed = datetime.now(UTC)
            due = {ticket: instant for ticket, instant in opened.due.items() if instant > killed}
            await asyncio.sleep(max(0.0, (kill_at + down - datetime.now(UTC)).total_seconds()))
            began, started = time.perf_counter(), datetime.now(UTC)
            await asyncio.to_thread(temporal.start)
            answers = round(time.perf_counter() - began, 1)
            report(f"  Temporal answers again after {answers} s")
            await lapsed(here, due)
        found = await asyncio.to_thread(on_record, here, due)
        exact = exactness(found, due)
        known = started is not None and found

        def after(instants: Iterable[datetime]) -> float | None:
            return round((max(instants) - started).total_seconds(), 1) if started and known else None

        return {
            "machine": machine,
            "machine_at_the_end": house.machine(),
            "tickets": options.tickets,
            "counted": len(due),
            "complete": not bound.ran_out and len(due) == options.tickets,
            "down_minutes": options.minutes,
            **exact,
            "temporal_answers_after_s": answers,
            "last_noticed_after_s": after(one.detected for one in found),
            "last_on_record_after_s": after(one.recorded for one in found),
            "within": not bound.ran_out and exact["exact"] == options.tickets,
        }

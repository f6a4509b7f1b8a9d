"""Many tickets whose deadlines fall in one span of time, and what their journals say of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from statistics import quantiles
from typing import NamedTuple, TypeVar

from sqlalchemy import text

from bench import house
from services.intake.request import OpenRequest

AT_ONCE = 20
"""Tickets that are taken in at the same time."""
FIRST_RESPONSE = timedelta(hours=1)
"""Of an enterprise account, counted day and night: the ticket came in that long before it is due."""
WARM_UP = 40
"""Tickets that show how fast tickets are taken in; they are not counted."""
SPARE = 1.5
"""How many times as long the others may take."""
LOOK = 0.5
"""Seconds between two looks at the journals: to look more often would be load of its own."""

_LAPSED = text("""
    SELECT ticket_id, due, at, detected, recorded_at FROM ticket_events
    WHERE type = 'lapsed' AND NOT superseded AND body ->> 'side' = 'contract' AND body ->> 'metric' = 'first_response'
    AND ticket_id = ANY(:tickets)
""")

T = TypeVar("T")


class Lapse(NamedTuple):
    """One breach, as the journal of its ticket has it."""

    ticket: str
    due: datetime
    at: datetime
    detected: datetime
    recorded: datetime


async def pace(here: house.House) -> float:
    """Return the seconds that the intake of one ticket takes, among many at once."""
    began = time.perf_counter()
    await many([(lambda number=number: open_due(here, f"warm-{number}", here.db.clock.now() + FIRST_RESPONSE))
                for number in range(WARM_UP)])  # fmt: skip
    return (time.perf_counter() - began) / WARM_UP


async def many(acts: list[Callable[[], Awaitable[T]]]) -> list[T]:
    """Do all acts, some at once. Returns what they return, in their order."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(act: Callable[[], Awaitable[T]]) -> T:
        async with room:
            return await act()

    return await asyncio.gather(*map(one, acts))


async def open_due(here: house.House, name: str, due: datetime) -> str:
    """Take in a ticket whose first response is due at an instant by its contract. Returns its id."""
    account = {"id": f"bench-{name}", "plan": "enterprise"}
    form = {"source": "bench", "external_id": name, "priority": "P3", "account": account, "subject": "It is slow"}
    request = OpenRequest.parse(form | {"opened_at": due - FIRST_RESPONSE, "role": "integration", "by": "bench"})
    return (await here.desk.open(request)).ticket


async def lapsed(here: house.House, due: Mapping[str, datetime]) -> list[Lapse]:
    """Return the breaches of all tickets once they stand in the journal. What bounds it is the caller's."""
    while len(found := await asyncio.to_thread(on_record, here, due)) < len(due):
        await asyncio.sleep(LOOK)
    return found


def on_record(here: house.House, due: Mapping[str, datetime]) -> list[Lapse]:
    """Return those breaches that stand in the journal by now."""
    with here.db.session() as session:
        return [Lapse(*row) for row in session.execute(_LAPSED, {"tickets": list(due)})]


class Opened:
    """Tickets that were taken in, each with the instant at which it is due."""

    def __init__(self, here: house.House) -> None:
        self._here = here
        self.due: dict[str, datetime] = {}

    async def open(self, instants: Sequence[datetime]) -> None:
        """Take in a ticket for each instant, some at once."""

        async def one(number: int, due: datetime) -> None:
            self.due[await open_due(self._here, f"due-{number}", due)] = due

        await many([partial(one, number, due) for number, due in enumerate(instants)])

    def how_far(self) -> str:
        return f"{len(self.due)} tickets open, {len(on_record(self._here, self.due))} breaches on record"


def exactness(found: list[Lapse], due: Mapping[str, datetime]) -> dict[str, int]:
    """Return how many breaches stand at their due instant, and how many do not, or stand twice."""
    exact = sum(one.due == one.at == due[one.ticket] for one in found)
    return {"exact": exact, "not_exact": len(found) - exact, "twice": len(found) - len({one.ticket for one in found})}


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Return p50, p99 and the largest, in milliseconds; nothing where there are too few for that."""
    if len(seconds) < 2:
        return {}
    cuts = quantiles(seconds, n=100, method="inclusive")
    return {"p50": round(cuts[49] * 1000), "p99": round(cuts[98] * 1000), "max": round(max(seconds) * 1000)}

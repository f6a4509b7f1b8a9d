"""A real outage: one incident that thousands of tickets join within minutes, and its commander at work meanwhile.

Everything is as in earnest, on one machine: PostgreSQL, Temporal, one worker and the stand-ins as processes or threads
of their own; tickets and commands come in through the services. When a ticket joined and when it was told of the
incident is read from the journals: the instants at which the two workflows recorded it.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import chain, count
from statistics import quantiles
from typing import Any, NamedTuple

from sqlalchemy import Row, text

from bench import house
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from services.incidents import IncidentService
from services.intake.request import OpenRequest
from services.policy_file.load import load_policy
from store.database import Database

TICKETS = 2000
MINUTES = 10.0
"""In which the tickets come in, evenly."""
AT_ONCE = 20
"""Tickets that are taken in at the same time, at most."""
BETWEEN = 5.0
"""Seconds between the commander's commands while tickets come in."""
TOLD_WITHIN = 60.0
"""Seconds after the last ticket within which all have joined and were told."""
ANSWERED_WITHIN = 1.0
"""Seconds within which each command of the commander is answered."""
BOUND = 600.0
"""Seconds after which nobody waits any longer."""

_JOINED = text("""
    SELECT event -> 'body' ->> 'ticket' AS ticket, min(detected) AS at FROM incident_events
    WHERE type = 'ticket_joined' AND NOT superseded GROUP BY 1
""")
_TOLD = text("""
    SELECT ticket_id AS ticket, min(detected) AS at, max((body ->> 'version')::int) AS version FROM ticket_events
    WHERE type = 'incident_changed' AND NOT superseded GROUP BY 1
""")
_STANDING = text("SELECT number, (state ->> 'version')::int AS version FROM incidents ORDER BY number")


class Options(NamedTuple):
    """How much is measured."""

    tickets: int = TICKETS
    minutes: float = MINUTES


class _Commander:
    """Gives commands to the incident one after the other, and notes how long each took to be answered."""

    def __init__(self, service: IncidentService, number: int) -> None:
        self._service, self._number = service, number
        self.took: dict[str, list[float]] = {}
        self.unanswered: list[str] = []

    async def give(self, name: str, **payload: Any) -> None:
        began = time.perf_counter()
        try:
            await self._service.handle(self._number, name, {"by": "cora", "role": "engineer"} | payload)
        except Unavailable as error:
            self.unanswered.append(f"{name}: {error}")
        except Refused as refused:
            if name != "resolve":  # packages are owed still, and the answer says so
                raise RuntimeError(f"{name} was refused: {refused}") from None
        self.took.setdefault(name, []).append(time.perf_counter() - began)


async def measure(options: Options, report: Callable[[str], None] = print) -> dict[str, Any]:
    """Return the seconds from the last ticket until all stand, and those that the commander waited for answers."""
    async with house.running(accounts_known=options.tickets) as here:
        began, machine = time.perf_counter(), house.machine()
        service = IncidentService(here.client, here.db, load_policy(), channel="bench")
        taken_in: dict[str, datetime] = {}
        cpu = here.installation.cpu()
        opening = asyncio.create_task(_open_all(here, options, taken_in))
        number = await _until(lambda: _standing(here.db), bool, here.log)
        commander = _Commander(service, number[0].number)
        await commander.give("acknowledge")
        for turn in count(1):
            await asyncio.wait((opening,), timeout=BETWEEN)
            if opening.done():
                break
            await commander.give("communications", to=("dora", "emil")[turn % 2])
            if turn % 24 == 0:
                await commander.give("update", status=f"We are at it, {turn}.")
        await opening
        last = datetime.now(UTC)
        report(f"  {options.tickets} tickets were opened in {time.perf_counter() - began:.0f} s")
        await commander.give("update", status="We know the cause.")
        joined = await _until(lambda: _rows(here.db, _JOINED), lambda rows: len(rows) >= options.tickets, here.log)
        report(f"  all have joined after {(datetime.now(UTC) - last).total_seconds():.1f} s")
        told = await _until(lambda: _rows(here.db, _TOLD), lambda rows: len(rows) >= options.tickets, here.log)
        report(f"  all know of it after {(datetime.now(UTC) - last).total_seconds():.1f} s")
        update = await _news_is_told(here, options.tickets)
        await commander.give("mitigate", comment="It works again.")
        mitigation = await _news_is_told(here, options.tickets)
        await commander.give("resolve")
        spent = {name: round(now - cpu.get(name, 0)) for name, now in here.installation.cpu().items()}
        after = {
            "joined": (max(row.at for row in joined) - last).total_seconds(),
            "told": (max(row.at for row in told) - last).total_seconds(),
        }
        waits = sorted((row.at - taken_in[row.ticket]).total_seconds() for row in told)
        incidents = len(await asyncio.to_thread(_standing, here.db))
        pages = here.outside.pager.see("alerts")["alerts"]
        doubled = len(joined) - len({row.ticket for row in joined})
    slowest = {name: round(max(took), 2) for name, took in commander.took.items()}
    return {
        "machine": machine,
        "machine_at_the_end": house.machine(),
        "tickets": options.tickets,
        "incidents": incidents,
        "pages": len(pages),
        "joined_twice": doubled,
        "opened_in_s": round((last - min(taken_in.values())).total_seconds(), 1),
        "all_joined_s_after_the_last": round(after["joined"], 1),
        "all_told_s_after_the_last": round(after["told"], 1),
        "one_ticket_until_told_s": _percentiles(waits),
        "update_told_to_all_s": round(update, 1),
        "mitigation_told_to_all_s": round(mitigation, 1),
        "commands": sum(map(len, commander.took.values())),
        "commands_unanswered": commander.unanswered[:5],
        "command_s": _percentiles(sorted(chain.from_iterable(commander.took.values()))),
        "slowest_by_command_s": slowest,
        "processor_s": spent,
        "within": (
            not commander.unanswered
            and max(slowest.values()) <= ANSWERED_WITHIN
            and max(after.values()) <= TOLD_WITHIN
            and incidents == 1
        ),
    }


async def _open_all(here: house.House, options: Options, taken_in: dict[str, datetime]) -> None:
    """Take tickets of one area in, evenly, and note when each came."""
    room, began = asyncio.Semaphore(AT_ONCE), time.perf_counter()
    pause = options.minutes * 60 / options.tickets

    async def one(number: int) -> None:
        account = {"id": f"known-{number}", "plan": "premium"}
        form = {"source": "bench", "external_id": f"outage-{number}", "priority": "P0", "account": account}
        request = OpenRequest.parse(form | {"product_area": "exports", "subject": f"Exports are down ({number})"})
        at = datetime.now(UTC)
        try:
            taken_in[(await here.desk.open(request)).ticket] = at
        finally:
            room.release()

    async with asyncio.TaskGroup() as group:
        for number in range(options.tickets):
            await asyncio.sleep(max(0.0, began + number * pause - time.perf_counter()))
            await room.acquire()
            group.create_task(one(number))


async def _news_is_told(here: house.House, tickets: int) -> float:
    """Return the seconds until every ticket knows the incident's present version."""
    began = time.perf_counter()

    def behind() -> int:
        version = _standing(here.db)[0].version
        return tickets - sum(row.version >= version for row in _rows(here.db, _TOLD))

    await asyncio.sleep(BETWEEN / 5)  # the incident's own journal is a moment behind the answer
    await _until(behind, lambda left: left == 0, here.log)
    return time.perf_counter() - began


async def _until(look: Callable[[], Any], enough: Callable[[Any], bool], log: Callable[[], str]) -> Any:
    """Return what is seen, once it is enough. RuntimeError after a long time."""
    bound = time.monotonic() + BOUND
    while not enough(seen := await asyncio.to_thread(look)):
        if time.monotonic() > bound:
            raise RuntimeError(f"it did not come about within {BOUND:.0f} s: {log()}")
        await asyncio.sleep(0.5)
    return seen


def _rows(db: Database, query: Any) -> list[Row[Any]]:
    with db.session() as session:
        return list(session.execute(query))


def _standing(db: Database) -> list[Row[Any]]:
    return [row for row in _rows(db, _STANDING) if row.version]


def _percentiles(sorted_s: list[float]) -> dict[str, float]:
    cuts = quantiles(sorted_s, n=100)
    return {"p50": round(cuts[49], 2), "p99": round(cuts[98], 2), "max": round(sorted_s[-1], 2)}

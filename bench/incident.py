"""A real outage: one incident that thousands of tickets join within minutes, and its commander at work meanwhile.

Everything is as in earnest, on one machine: PostgreSQL, Temporal, one worker and the stand-ins as processes or threads
of their own; tickets and commands come in through the services. When a ticket joined and when it was told of the
incident is read from the journals: the instants at which the two workflows recorded it.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import chain, count
from statistics import quantiles
from typing import Any, NamedTuple

from sqlalchemy import Row, text

from bench import house
from bench.bounded import bounded
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from services.incidents import IncidentService
from services.intake.request import OpenRequest
from services.policy_file.load import load_policy
from store.database import Database
from tests.support.waiting import until

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
BOUND = 8.0
"""Minutes after the tickets should all have come, in which the rest has to happen: then it ends with what is known."""

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
    bound: float | None = None
    """Minutes after which it ends with what is known. None: so many that a machine which bears it has them to spare."""


class _Commander:
    """Gives commands to the incident one after the other, and notes how long each took to be answered."""

    def __init__(self, here: house.House) -> None:
        self._service = IncidentService(here.client, here.db, load_policy(), channel="bench")
        self.number = 0
        self.took: dict[str, list[float]] = {}
        self.unanswered: list[str] = []

    async def give(self, name: str, **payload: Any) -> int:
        """Give a command. Return the version of the incident that it led to; 0 where nobody answered, or it was
        refused."""
        began = time.perf_counter()
        try:
            payload = {"by": "cora", "role": "engineer"} | payload
            return (await self._service.handle(self.number, name, payload)).version
        except Unavailable as error:
            self.unanswered.append(f"{name}: {error}")
        except Refused as refused:
            if name != "resolve":  # packages are owed still, and the answer says so
                raise RuntimeError(f"{name} was refused: {refused}") from None
        finally:
            self.took.setdefault(name, []).append(time.perf_counter() - began)
        return 0

    def slowest(self) -> dict[str, float]:
        return {name: round(max(took), 2) for name, took in self.took.items()}


class _Outage:
    """What happens, and what is known of it so far."""

    def __init__(self, here: house.House, options: Options, report: Callable[[str], None]) -> None:
        self._here, self._options, self._report = here, options, report
        self.commander = _Commander(here)
        self.taken_in: dict[str, datetime] = {}
        self.came_last: datetime | None = None
        self.seconds: dict[str, float | None] = dict.fromkeys(("update_told_to_all_s", "mitigation_told_to_all_s"))

    async def happen(self) -> None:
        """Let the tickets come, the commander work, and everybody be told."""
        opening = asyncio.create_task(self._open_all())
        try:
            await self._command_until(opening)
        finally:
            opening.cancel()
        known = await self.commander.give("update", status="We know the cause.")
        await self._everybody(_JOINED, "have joined")
        await self._everybody(_TOLD, "know of it")
        self.seconds["update_told_to_all_s"] = await self._is_told(known)
        mitigated = await self.commander.give("mitigate", comment="It works again.")
        self.seconds["mitigation_told_to_all_s"] = await self._is_told(mitigated)
        await self.commander.give("resolve")

    async def _command_until(self, opening: asyncio.Task[None]) -> None:
        """Give commands for as long as tickets come in."""
        (first, *_) = await until(lambda: self._ask(_standing), "an incident declared")
        self.commander.number = first.number
        await self.commander.give("acknowledge")
        for turn in count(1):
            await asyncio.wait((opening,), timeout=BETWEEN)  # a commander's pace: nothing is waited for
            if opening.done():
                break
            await self.commander.give("communications", to=("dora", "emil")[turn % 2])
            if turn % 24 == 0:
                await self.commander.give("update", status=f"We are at it, {turn}.")
        await opening
        self.came_last = max(self.taken_in.values())
        self._report(f"  {len(self.taken_in)} tickets were opened")

    async def _open_all(self) -> None:
        """Take tickets of one area in, evenly, and note when each came."""
        room, began = asyncio.Semaphore(AT_ONCE), time.perf_counter()
        pause = self._options.minutes * 60 / self._options.tickets

        async def one(number: int) -> None:
            account = {"id": f"known-{number}", "plan": "premium"}
            form = {"source": "bench", "external_id": f"outage-{number}", "priority": "P0", "account": account}
            request = OpenRequest.parse(form | {"product_area": "exports", "subject": f"Exports are down ({number})"})
            at = datetime.now(UTC)
            try:
                self.taken_in[(await self._here.desk.open(request)).ticket] = at
            finally:
                room.release()

        async with asyncio.TaskGroup() as group:
            for number in range(self._options.tickets):
                await asyncio.sleep(max(0.0, began + number * pause - time.perf_counter()))
                await room.acquire()
                group.create_task(one(number))

    async def _everybody(self, query: Any, what: str) -> None:
        async def all_of_them() -> bool:
            return len(await self._ask(lambda db: _rows(db, query))) >= self._options.tickets

        await until(all_of_them, f"all {what}", seconds=float("inf"))
        assert self.came_last is not None
        self._report(f"  all {what} after {(datetime.now(UTC) - self.came_last).total_seconds():.1f} s")

    async def _is_told(self, version: int) -> float | None:
        """Return the seconds until the journal of every ticket has this version of the incident."""
        began = time.perf_counter()

        async def nobody_is_behind() -> bool:
            rows = await self._ask(lambda db: _rows(db, _TOLD))
            return sum(row.version >= version for row in rows) >= self._options.tickets

        await until(nobody_is_behind, f"all know version {version}", seconds=float("inf"))
        return round(time.perf_counter() - began, 1) if version else None

    async def _ask(self, look: Callable[[Database], Any]) -> Any:
        return await asyncio.to_thread(look, self._here.db)

    def how_far(self) -> str:
        joined, told = (len(_rows(self._here.db, query)) for query in (_JOINED, _TOLD))
        slowest = max(chain.from_iterable(self.commander.took.values()), default=0.0)
        return f"{len(self.taken_in)} opened, {joined} joined, {told} told, slowest command {slowest:.2f} s"

    async def figures(self) -> dict[str, Any]:
        """Return what is known of it by now."""
        joined, told = [await self._ask(lambda db, query=query: _rows(db, query)) for query in (_JOINED, _TOLD)]
        last = max(self.taken_in.values(), default=None)
        waits = sorted(
            (row.at - self.taken_in[row.ticket]).total_seconds() for row in told if row.ticket in self.taken_in
        )
        return {
            "tickets_opened": len(self.taken_in),
            "incidents": len(await self._ask(_standing)),
            "pages": len(self._here.outside.pager.see("alerts")["alerts"]),
            "joined": len({row.ticket for row in joined}),
            "told": len(told),
            "opened_in_s": round((last - min(self.taken_in.values())).total_seconds(), 1) if last else None,
            "last_joined_s_after_the_last_came": _after(last, joined),
            "last_told_s_after_the_last_came": _after(last, told),
            "one_ticket_until_told_s": _percentiles(waits),
            **self.seconds,
            "commands": sum(map(len, self.commander.took.values())),
            "commands_unanswered": self.commander.unanswered[:5],
            "command_s": _percentiles(sorted(chain.from_iterable(self.commander.took.values()))),
            "slowest_by_command_s": self.commander.slowest(),
        }


async def measure(options: Options, report: Callable[[str], None] = print) -> dict[str, Any]:
    """Return the seconds from the last ticket until all stand, and those that the commander waited for answers."""
    async with house.running(accounts_known=options.tickets) as here:
        machine, cpu = house.machine(), here.installation.cpu()
        outage = _Outage(here, options, report)
        minutes = options.minutes + BOUND if options.bound is None else options.bound
        async with bounded(minutes, report, outage.how_far) as bound:
            await outage.happen()
        spent = {name: round(now - cpu.get(name, 0)) for name, now in here.installation.cpu().items()}
        found = await outage.figures()
    complete = not bound.ran_out and found["joined"] == found["told"] == options.tickets
    after = (found["last_joined_s_after_the_last_came"], found["last_told_s_after_the_last_came"])
    return {
        "machine": machine,
        "machine_at_the_end": house.machine(),
        "tickets": options.tickets,
        "complete": complete,
        **found,
        "processor_s": spent,
        "within": (
            complete
            and not outage.commander.unanswered
            and max(outage.commander.slowest().values()) <= ANSWERED_WITHIN
            and max(after) <= TOLD_WITHIN
            and found["incidents"] == 1
        ),
    }


def _after(last: datetime | None, rows: Iterable[Any]) -> float | None:
    """Return the seconds from the last ticket's coming to the latest of these; None where there are none."""
    latest = max((row.at for row in rows), default=None)
    return round((latest - last).total_seconds(), 1) if latest and last else None


def _rows(db: Database, query: Any) -> list[Row[Any]]:
    with db.session() as session:
        return list(session.execute(query))


def _standing(db: Database) -> list[Row[Any]]:
    return [row for row in _rows(db, _STANDING) if row.version]


def _percentiles(sorted_s: list[float]) -> dict[str, float]:
    if len(sorted_s) < 2:
        return {}
    cuts = quantiles(sorted_s, n=100, method="inclusive")
    return {"p50": round(cuts[49], 2), "p99": round(cuts[98], 2), "max": round(sorted_s[-1], 2)}

"""What is looked at after a run. Each check lists what differs from what it should be: nothing, if all is well."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple

from temporalio.service import RPCError

from chaos.lives import Lived
from chaos.people import Accepted
from chaos.plan import Way
from domain.core.enums import Side
from domain.incident.state import Incident
from domain.incident.state import workflow_id as incident_workflow
from services.comparison import Looked, look
from store.database import DatabaseDown
from store.journal import INCIDENTS
from tests.support.differences import what_differs
from tests.support.people import Office, RealTicket
from tests.support.processes import Processes
from tests.support.replaying import failures
from tests.support.waiting import RPC_PATIENCE, until

AT_ONCE = 8
"""Tickets that are looked at at the same time."""
MOST = 1000
"""Differences between store and Temporal that are looked at."""


class Seen(NamedTuple):
    """What a run has left behind."""

    house: Processes
    office: Office
    accepted: Sequence[Accepted]
    """What was answered with 2xx."""
    lived: Sequence[Lived]
    """Every ticket whose way has ended."""


class Check(NamedTuple):
    """One thing that must hold, and where it does not."""

    name: str
    looked_at: int
    differences: list[str]


Look = Callable[[Seen], Awaitable[Check]]


async def check_all(seen: Seen, say: Callable[[str], None]) -> list[Check]:
    """Look at everything, in turn."""
    found = []
    for check in CHECKS:
        found.append(await check(seen))
        say(f"{found[-1].name}: {found[-1].looked_at} looked at, {len(found[-1].differences)} differ")
    return found


# -- Tickets and their journals ----------------------------------------------------------------------------------


async def _each(seen: Seen, look: Callable[[RealTicket], Awaitable[Iterable[str]]]) -> list[str]:
    """Return what differs, of every ticket that the store knows."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(ticket: str) -> list[str]:
        async with room:
            return [f"ticket {ticket}: {text}" for text in await look(RealTicket(seen.office, ticket))]

    return [text for texts in await asyncio.gather(*map(one, _tickets(seen))) for text in texts]


def _tickets(seen: Seen) -> list[str]:
    return [ticket for (ticket,) in seen.house.rows("SELECT id FROM tickets ORDER BY 1")]


async def accepted(seen: Seen) -> Check:
    """Check that every request that was answered with 2xx is on record, and that the workflow knows it."""
    wanted: dict[str, list[Accepted]] = {}
    for one in seen.accepted:
        wanted.setdefault(one.ticket, []).append(one)
    missing = [f"ticket {ticket} was accepted and is not on record" for ticket in wanted.keys() - set(_tickets(seen))]

    async def look(case: RealTicket) -> list[str]:
        there = {entry.event.seq for entry in case.events()}
        known = (await case.see()).seq
        ours = wanted.get(case.id, ())
        lacks = [(one, "the journal") for one in ours if one.seq not in there]
        lacks += [(one, "Temporal") for one in ours if one.seq > known]
        return [f"{one.what} was accepted as event {one.seq}, which {where} lacks" for one, where in lacks]

    return Check(
        "every accepted request is on record and in Temporal", len(seen.accepted), missing + await _each(seen, look)
    )


async def journals(seen: Seen) -> Check:
    """Check that each journal has every event, without a gap, and leads to what the workflow knows."""

    async def look(case: RealTicket) -> list[str]:
        try:
            await case.until_caught_up()
        except AssertionError as error:
            return [_short(error)]
        return []

    differ = await _each(seen, look)
    numbers = _incidents(seen)
    for number in numbers:
        try:
            await _incident_caught_up(seen, number)
        except AssertionError as error:
            differ.append(f"incident {number}: {_short(error)}")
    return Check("journals are complete and without a gap", len(_tickets(seen)) + len(numbers), differ)


async def _incident_caught_up(seen: Seen, number: int) -> None:
    handle = seen.office.client.get_workflow_handle(incident_workflow(number))

    async def look() -> bool:
        known: Incident = await handle.query("incident", result_type=Incident, rpc_timeout=RPC_PATIENCE)
        with seen.office.db.session() as session:
            stored, folded = INCIDENTS.load(session, number), INCIDENTS.fold(session, number)
        if stored is None or folded is None or {stored.seq, folded.seq} != {known.seq}:
            return False
        assert stored == folded == known, what_differs(known, stored=stored, folded=folded)
        return True

    await until(look, f"incident {number} journalled", among=(RPCError, DatabaseDown))


def _incidents(seen: Seen) -> list[int]:
    return [number for (number,) in seen.house.rows("SELECT number FROM incidents ORDER BY 1")]


EVENTS: dict[Way, dict[str, int]] = {
    Way.SOLVED: {"opened": 1, "taken": 1, "responded": 1, "clock_met": 2, "resolved": 1, "closed": 1},
    Way.ENGINEERING: {
        "opened": 1, "taken": 2, "responded": 1, "clock_met": 2, "escalated": 2, "filled": 2, "effect_done": 1,
        "jira_changed": 1, "answered": 1, "resolved": 1, "closed": 1,
    },
}  # fmt: skip
"""Of each type, on a way on which no deadline passes."""


async def ways(seen: Seen) -> Check:
    """Check that each event of a way is on record as often as it happened, and that each effect was done once."""
    differ = []
    for one in seen.lived:
        events = [entry.event for entry in RealTicket(seen.office, one.ticket).events()]
        done = Counter(event.body.key for event in events if event.body.type == "effect_done")
        differ += [f"ticket {one.ticket}: {key} was done {count} times" for key, count in done.items() if count != 1]
        found = Counter(event.body.type for event in events)
        wanted = Counter(EVENTS.get(one.way, found))
        if found != wanted:
            more, fewer = dict(found - wanted), dict(wanted - found)
            differ.append(f"ticket {one.ticket}, {one.way}: too many {more}, missing {fewer}")
    return Check("each event and each effect as often as it happened", len(seen.lived), differ)


# -- What went out -----------------------------------------------------------------------------------------------


async def issues(seen: Seen) -> Check:
    """Check that each hand-over to engineering has one issue."""
    made = Counter(
        label
        for issue in seen.house.jira.see("issues")["issues"]
        for label in issue["labels"]
        if label.startswith("tierline-")
    )
    differ = [f"{label} has {count} issues" for label, count in made.items() if count != 1]
    asked = 0

    async def look(case: RealTicket) -> list[str]:
        nonlocal asked
        count = sum(entry.event.body.to_engineering == "jira_bug" for entry in case.events("escalated"))
        asked += count
        there = len(case.issues())
        return [f"{count} hand-overs, {there} issues"] if there != count else []

    differ += await _each(seen, look)
    return Check("one issue for each hand-over to engineering", asked, differ)


async def pages(seen: Seen) -> Check:
    """Check that each step of a ladder has one page, at the pager or at the second channel."""
    alerts = Counter(alert["dedup_key"] for alert in seen.house.pager.see("alerts")["alerts"])
    messages = seen.house.chat.see("messages")
    elsewhere = str(messages.get("pages", []))
    differ = [f"{key} was paged {count} times" for key, count in alerts.items() if count != 1]
    steps = 0
    for number in _incidents(seen):
        with seen.office.db.session() as session:
            paged = [e.event.body for e in INCIDENTS.timeline(session, number) if e.event.body.type == "paged"]
        for body in paged:
            steps += 1
            first = (body.level, body.round) == (1, 1)
            key = incident_workflow(number) + ("" if first else f":{body.level}:{body.round}")
            if key not in alerts and key not in elsewhere:
                differ.append(f"step {body.step} of incident {number} has no page")
    return Check("one page for each step of a ladder", steps, differ)


async def deadlines(seen: Seen) -> Check:
    """Check that each deadline that passed is on record once, at its own instant."""
    differ: list[str] = []
    missed = [one for lived in seen.lived for one in lived.missed]
    for one in missed:
        case = RealTicket(seen.office, one.ticket)
        found = [
            entry.event
            for entry in case.events("limit_reached", "lapsed")
            if (entry.event.body.type == "limit_reached") == (one.what == "limit")
            and getattr(entry.event.body, "side", None) in (None, Side.CONTRACT)
        ]
        instants = [(event.at, event.body.due) for event in found]
        if instants != [(one.due, one.due)]:
            differ.append(f"ticket {one.ticket}: {one.what} was due at {one.due.isoformat()}, on record {instants}")
    return Check("each missed deadline once, at its own instant", len(missed), differ)


async def notices(seen: Seen) -> Check:
    """Check that each notice that is owed has arrived, and none that is not. A receiver drops what comes twice under
    one id."""

    def waiting() -> int:
        ((count,),) = seen.house.rows("SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending')")
        return int(count)

    await until(lambda: not waiting(), "no notice waits")
    owed = {key for (key,) in seen.house.rows("SELECT key FROM outbox WHERE state = 'sent'")}
    known = {key for (key,) in seen.house.rows("SELECT key FROM outbox")}  # with those that were cancelled
    arrived = {notice["id"] for notice in seen.house.chat.see("messages")["messages"]}
    differ = [f"notice {key} never arrived" for key in sorted(owed - arrived)]
    differ += [f"notice {key} arrived and nobody owes it" for key in sorted(arrived - known)]
    return Check("each notice arrived, under one id", len(owed), differ)


# -- Temporal ----------------------------------------------------------------------------------------------------


async def replays(seen: Seen) -> Check:
    """Check that the history of every workflow replays."""
    names = seen.house.workflows()
    failed = await failures(seen.office.client, names)
    return Check("every history replays", len(names), [f"{name}: {why}" for name, why in failed.items()])


async def agree(seen: Seen) -> Check:
    """Check that what is open has a running workflow, and that what is over has none."""

    async def looked() -> Looked:
        return await look(seen.office.client, seen.office.db, MOST, quiet=timedelta(0))

    async def nothing_over_runs() -> bool:
        return not (await looked()).over

    with suppress(AssertionError):  # what still runs after that is named below
        await until(nothing_over_runs, "Temporal's list of what runs has caught up")
    found = await looked()
    differ = [f"{name} is open, and its workflow is {one.status}" for name, one in found.stopped.items()]
    differ += [f"{name} is over, and its workflow runs" for name in found.over]
    differ += [f"the journal of {one.workflow} is behind: {one.journal} of {one.decided}" for one in found.behind]
    return Check("store and Temporal agree on what is open", len(_tickets(seen)) + len(_incidents(seen)), differ)


def _short(error: Any) -> str:
    return " ".join(str(error).split())[:300]


CHECKS: tuple[Look, ...] = (
    journals, accepted, ways, issues, pages, deadlines, notices, replays, agree,
)  # fmt: skip

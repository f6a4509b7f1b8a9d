"""Compares what is open in the journal with what runs at Temporal, both ways: by lists, not by a call for each.

Temporal's list is behind by moments, and sometimes by more, so a difference is a question and no answer yet: whoever
acts on one looks at that ticket or incident by itself first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Literal, NamedTuple, TypeVar

from temporalio.client import Client
from temporalio.common import TypedSearchAttributes

from domain.incident import state as incident_state
from domain.ticket import state as ticket_state
from domain.ticket.state import Ticket
from services.reading.running import Connect, Described, asked, describe
from services.tickets import INTAKE
from store import reconciliation
from store.database import Database
from store.reconciliation import OnRecord, OpenTicket
from workflows import search_attributes as sa
from workflows.ports import CompareResult

QUIET = timedelta(minutes=1)
"""What was written to within this time is left out: it has just begun, or just ended."""
PAGE = 1000
"""Workflows of one page of Temporal's list."""
AT_ONCE = 20
"""How many of those that differ are looked at at the same time."""
LOOKED_AT = 200
"""How many of each kind the schedule looks at one by one."""
ALIVE = ("running", "paused", "continued_as_new", "unknown")
"""How Temporal describes what must not be started again."""
Given = TypeVar("Given")
Found = TypeVar("Found")
_TICKET, _INCIDENT = ticket_state.workflow_id(""), incident_state.workflow_id(0).removesuffix("0")


class Differences(NamedTuple):
    """What one list has and the other has not, or has otherwise. Each is a workflow's id, but for the first two."""

    tickets: Sequence[str]
    """Ids of tickets that are open in the journal and do not stand in Temporal's list of running workflows."""
    incidents: Sequence[int]
    """Numbers of incidents of which the same is so."""
    otherwise: Mapping[str, int]
    """Tickets that stand in both, not in the same state, each with the number of the journal's latest event."""
    unknown: Sequence[str]
    """Running workflows of which the journal has no ticket or incident."""
    over: Sequence[str]
    """Running workflows whose ticket or incident is over in the journal, with nothing left to be done."""


class Behind(NamedTuple):
    """A running workflow whose journal lacks events."""

    workflow: str
    journal: int
    """The number of the journal's latest event; 0 if it has none."""
    decided: int | None
    """The number of the latest event that the workflow has decided; None where no worker says it."""


class Looked(NamedTuple):
    """What differs, looked at one by one up to a bound."""

    stopped: Mapping[str, Described]
    """Workflow id -> how Temporal describes it: open in the journal, and not running."""
    behind: Sequence[Behind]
    over: Sequence[str]
    """Workflows that run though the journal says that all is done."""
    more: int
    """How many differences were not looked at, since there were more than asked for."""


NOTHING = Looked({}, (), (), 0)
"""What is found where nobody looks."""


async def compare(client: Client, db: Database, quiet: timedelta = QUIET) -> Differences:
    """Return what differs between the lists. Raises DatabaseDown, RPCError, RuntimeError of a client without a
    connection."""
    tickets = await asyncio.to_thread(_open_tickets, db, quiet)
    incidents = await asyncio.to_thread(_open_incidents, db, quiet)
    run_tickets = await _running(client, "TicketWorkflow")
    run_incidents = await _running(client, "IncidentWorkflow")
    workflows = {ticket_state.workflow_id(one.id): one for one in tickets}
    open_incidents = {incident_state.workflow_id(number): number for number in incidents}
    more_tickets = {name.removeprefix(_TICKET): name for name in run_tickets if name not in workflows}
    more_incidents = {
        int(name.removeprefix(_INCIDENT)): name
        for name in run_incidents
        if name not in open_incidents and name.removeprefix(_INCIDENT).isdecimal()
    }
    known = await asyncio.to_thread(_on_record, db, list(more_tickets), list(more_incidents), quiet)
    rest = [(more_tickets[key], known[0].get(key)) for key in more_tickets]
    rest += [(more_incidents[key], known[1].get(key)) for key in more_incidents]
    return Differences(
        tickets=[one.id for name, one in workflows.items() if name not in run_tickets],
        incidents=[number for name, number in open_incidents.items() if name not in run_incidents],
        otherwise={
            name: one.seq for name, one in workflows.items() if name in run_tickets and _differs(run_tickets[name], one)
        },
        unknown=[name for name, record in rest if record is None],
        over=[name for name, record in rest if record is OnRecord.OVER],
    )


async def look(client: Client, db: Database, limit: int, quiet: timedelta = QUIET) -> Looked:
    """Return what differs, each looked at by itself: `limit` of each kind at most. Changes nothing. Raises as `compare`
    does."""
    found = await compare(client, db, quiet)
    missing = [*map(ticket_state.workflow_id, found.tickets), *map(incident_state.workflow_id, found.incidents)]
    otherwise = [*((name, 0) for name in found.unknown), *found.otherwise.items()]
    described = await in_turns(lambda name: describe(_connected(client), name), missing[:limit])
    decided = await in_turns(lambda one: _decided(client, *one), otherwise[:limit])
    still = await in_turns(lambda name: describe(_connected(client), name), found.over[:limit])
    more = sum(max(0, len(ones) - limit) for ones in (missing, otherwise, found.over))
    return Looked(
        stopped={name: one for name, one in zip(missing, described, strict=False) if one.status not in ALIVE},
        behind=[one for one in decided if one],
        over=[name for name, one in zip(found.over, still, strict=False) if one.status in ALIVE],
        more=more,
    )


def put_on_record(db: Database, found: Looked, mended: Collection[str] = ()) -> None:
    """Keep how many differ, for the metrics and `tierline health`: without those that were mended meanwhile. Blocks.
    Raises DatabaseDown."""
    kinds = [of_workflow(name)[0] for name in found.stopped if name not in mended]
    with db.begin() as session:
        reconciliation.note_comparison(
            session,
            tickets=kinds.count("ticket"),
            incidents=kinds.count("incident"),
            behind=sum(one.workflow not in mended for one in found.behind),
            over=len(found.over),
            not_looked_at=found.more,
        )


async def look_and_record(client: Client, db: Database, limit: int = LOOKED_AT) -> CompareResult:
    """Compare, and keep how many differ: what the schedule does. Raises as `compare` does."""
    found = await look(client, db, limit)
    await asyncio.to_thread(put_on_record, db, found)
    return CompareResult(
        not_running=len(found.stopped), behind=len(found.behind), over=len(found.over), not_looked_at=found.more
    )


def of_workflow(workflow: str) -> tuple[Literal["ticket", "incident"], str | int]:
    """Return what a workflow's id is about: a ticket and its id, or an incident and its number."""
    if workflow.startswith(_INCIDENT):
        return "incident", int(workflow.removeprefix(_INCIDENT))
    return "ticket", workflow.removeprefix(_TICKET)


async def _decided(client: Client, workflow: str, journal: int) -> Behind | None:
    """Return how far the journal of a running workflow is behind; None where it is not, by now."""
    if workflow.startswith(_INCIDENT):
        state = await asked(_connected(client), workflow, "incident", incident_state.Incident)
        return Behind(workflow, journal, state.seq if state else None)
    ticket = await asked(_connected(client), workflow, "ticket", Ticket)
    if ticket and ticket.seq <= journal:
        return None  # Temporal's list was behind
    return Behind(workflow, journal, ticket.seq if ticket else None)


def _differs(running: TypedSearchAttributes, ticket: OpenTicket) -> bool:
    """Return whether Temporal shows a ticket in another state than the journal has."""
    shown = (sa.STATUS, sa.TIER, sa.PRIORITY, sa.SLA_STATE, sa.WAITS_ON)
    here = (ticket.status, ticket.tier, ticket.priority, ticket.sla_state, ticket.waits_on)
    return any(running.get(key) != value for key, value in zip(shown, here, strict=True))


async def _running(client: Client, kind: str) -> dict[str, TypedSearchAttributes]:
    """Return all running workflows of a kind, by pages, with what Temporal shows of them. The list may be behind."""
    query = f"WorkflowType = '{kind}' AND ExecutionStatus = 'Running'"
    return {found.id: found.typed_search_attributes async for found in client.list_workflows(query, page_size=PAGE)}


def _connected(client: Client) -> Connect:
    async def connect() -> Client:
        return client

    return connect


async def in_turns(act: Callable[[Given], Awaitable[Found]], ones: Sequence[Given]) -> list[Found]:
    """Return what `act` gives for each, with few of them under way at the same time."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def in_turn(one: Given) -> Found:
        async with turns:
            return await act(one)

    return await asyncio.gather(*(in_turn(one) for one in ones))


def _open_tickets(db: Database, quiet: timedelta) -> Sequence[OpenTicket]:
    with db.session() as session:
        return reconciliation.open_tickets(session, quiet, INTAKE)


def _open_incidents(db: Database, quiet: timedelta) -> Sequence[int]:
    with db.session() as session:
        return reconciliation.open_incidents(session, quiet)


def _on_record(
    db: Database, tickets: Sequence[str], incidents: Sequence[int], quiet: timedelta
) -> tuple[Mapping[str, OnRecord], Mapping[int, OnRecord]]:
    with db.session() as session:
        found = reconciliation.tickets_on_record(session, tickets, quiet)
        return found, reconciliation.incidents_on_record(session, incidents, quiet)

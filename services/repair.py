"""What ops do about what is stuck: try again at once, start again from the journal, hand over, make a projection anew.

Each acts on one ticket or incident and is safe to repeat, and in several places at once. Whoever acts on many calls it
for each, and may stop in the middle.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest, ResetActivityRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.core.failures import Unavailable
from domain.core.ids import spoken
from domain.core.refusal import Refused
from domain.incident import state as incident_state
from domain.ticket import state as ticket_state
from services.incidents import IncidentService
from services.reading.running import PATIENCE
from services.tickets import TicketService
from store import queries
from store.database import Database
from store.journal import INCIDENTS, TICKETS

PART = 50
"""Tickets whose projection is made in one transaction."""
MOST_HELD = 1000
"""Tickets of one person that are handed over at once."""
_WAITS = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED


class About(NamedTuple):
    """A ticket or an incident, as ops name it."""

    noun: Literal["ticket", "incident"]
    id: str | int

    @property
    def workflow(self) -> str:
        """Return its workflow's id."""
        if isinstance(self.id, int):
            return incident_state.workflow_id(self.id)
        return ticket_state.workflow_id(self.id)

    def __str__(self) -> str:
        return str(self.id) if self.noun == "ticket" else f"incident-{self.id}"


def named(typed: str) -> About:
    """Return what somebody typed: a ticket's id, or an incident as in `incident-7`. Raises Refused (`not_found`)."""
    kind, _, number = typed.strip().lower().rpartition("-")
    if kind == "incident" and number.isdecimal() and len(number) < 10:
        return About("incident", int(number))
    try:
        return About("ticket", spoken(typed))
    except ValueError as error:
        raise Refused("not_found", str(error)) from None


class Retried(NamedTuple):
    """What was tried again."""

    refused: bool
    """Effects that had been refused for good are asked for again."""
    waiting: Sequence[str]
    """The activities that waited for their next try, by name: they are tried now."""


async def retry(
    client: Client, tickets: TicketService, incidents: IncidentService, about: About, who: dict[str, Any]
) -> Retried:
    """Try again at once what another system refused for good, and what waits for its next try.

    What was refused is asked for again by the command `retry`, which stands on the timeline. What waits keeps its key,
    so nothing is done twice by it. Raises Refused (`not_found`; `does_not_fit` and the like, where neither is so),
    Unavailable, DatabaseDown.
    """
    service: Any = tickets if about.noun == "ticket" else incidents
    refusal: Refused | None = None
    try:
        await service.handle(about.id, "retry", dict(who))
    except Refused as refused:
        if refused.code == "not_found":
            raise
        refusal = refused
    waiting = await _hurry(client, about.workflow)
    if refusal and not waiting:
        raise refusal
    return Retried(refused=refusal is None, waiting=waiting)


async def _hurry(client: Client, workflow: str) -> Sequence[str]:
    """Have the activities of a running workflow that wait for their next try tried now. Returns their names."""
    execution = WorkflowExecution(workflow_id=workflow)
    try:
        described = await client.workflow_service.describe_workflow_execution(
            DescribeWorkflowExecutionRequest(namespace=client.namespace, execution=execution), timeout=PATIENCE
        )
        names = []
        for one in described.pending_activities:
            if one.state != _WAITS or not one.HasField("last_failure"):
                continue
            asked = ResetActivityRequest(
                namespace=client.namespace, execution=execution, id=one.activity_id, identity=client.identity
            )
            try:
                await client.workflow_service.reset_activity(asked, timeout=PATIENCE)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:  # it has just been done
                    raise
                continue
            names.append(one.activity_type.name)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return []
        raise Unavailable(f"Temporal does not answer ({error.status.name})") from None
    return names


def held_by(db: Database, person: str) -> Sequence[str]:
    """Return the active tickets that somebody holds, what matters most first. Raises DatabaseDown."""
    with db.session() as session:
        return [line.id for line in queries.queue(session, assignee=person, limit=MOST_HELD).lines]


async def reassign(tickets: TicketService, ticket: str, to: str, who: dict[str, Any], *, override: bool) -> None:
    """Assign a ticket to somebody else, whoever holds it. Raises Refused, Unavailable."""
    await tickets.handle(ticket, "assign", who | {"to": to, "over": True, "override": override})


# -- The projection ------------------------------------------------------------------------------------------


class Rebuilt(NamedTuple):
    """What became of a projection."""

    about: About
    changed: Sequence[str]
    """The columns that were not as the journal makes them."""


def rebuild(db: Database, abouts: Sequence[About], *, write: bool = True) -> list[Rebuilt]:
    """Make the projection of tickets and incidents anew from their journals, in one transaction; with `write` off, only
    say what differs. Nothing else is written: no notice, no webhook. Raises Refused (`not_found`), DatabaseDown."""
    found = []
    with db.begin() as session:
        for about in abouts:
            kept: Any = TICKETS if about.noun == "ticket" else INCIDENTS
            changed = kept.rebuild(session, about.id, write=write)
            if changed is None:
                raise Refused("not_found", f"the journal knows no {about.noun} {about.id}")
            found.append(Rebuilt(about, changed))
    return found


def all_in_parts(db: Database) -> Iterator[Sequence[About]]:
    """Yield every ticket and incident that has a journal, in parts of a bounded size. Raises DatabaseDown."""
    after_ticket, after_incident = "", 0
    while True:
        with db.session() as session:
            ids = TICKETS.keys_after(session, after_ticket, PART)
        if not ids:
            break
        yield [About("ticket", one) for one in ids]
        after_ticket = ids[-1]
    while True:
        with db.session() as session:
            numbers = INCIDENTS.keys_after(session, after_incident, PART)
        if not numbers:
            break
        yield [About("incident", one) for one in numbers]
        after_incident = numbers[-1]

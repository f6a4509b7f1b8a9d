"""How a fact reaches the workflow of a ticket or incident, and how an incident's workflow is started."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.core.refusal import Refused
from domain.documents.markdown import inert
from domain.incident.commands import JoinTicket, PageAcknowledged, ReportPagerAct, TicketUpdate
from domain.incident.state import workflow_id as incident_workflow
from domain.ticket.commands import IncidentUpdate, IssueUpdate, MatchAccount
from domain.ticket.state import workflow_id as ticket_workflow
from store import closed_tickets, incidents
from store.database import Database
from store.journal import INCIDENTS
from workflows import ports
from workflows.incident.messages import FACTS, IncidentStart
from workflows.task_priority import INCIDENT

log = logging.getLogger("tierline.signalling")

TicketFact = IssueUpdate | IncidentUpdate | MatchAccount
IncidentFact = PageAcknowledged | ReportPagerAct | TicketUpdate

INCIDENT_WORKFLOW = "IncidentWorkflow"
PATIENCE = timedelta(seconds=10)
"""How long Temporal may take to accept a Signal, or the start of an incident."""


class NotRunning(Exception):
    """A ticket or incident is open on record, and its workflow does not run: to be tried again later, once it has
    been started or resumed."""


async def deliver_to_ticket(client: Client, db: Database, ticket: str, fact: TicketFact) -> bool:
    """Signal a fact to a ticket's workflow, or decide on it over the journal of a closed ticket.

    Returns False where the closed ticket refuses it. Raises NotRunning, RPCError, DatabaseDown.
    """
    if await signal(client, ticket_workflow(ticket), fact.do, fact):
        return True
    try:
        await asyncio.to_thread(closed_tickets.command_closed, db, ticket, fact, datetime.now(UTC))
    except Refused as refused:
        log.info("ticket %s takes no %s: %s", ticket, fact.do, refused.code)
        return False
    except closed_tickets.NotClosed as error:
        raise NotRunning(str(error)) from None
    return True


async def deliver_to_incident(client: Client, db: Database, number: int, *facts: IncidentFact) -> bool:
    """Signal facts to an incident's workflow, all in one call. Returns False where the incident is over, or there never
    was one.

    Raises NotRunning, RPCError, DatabaseDown.
    """
    if await _sent(client, incident_workflow(number), *_as_signal(facts)):
        return True
    if await asyncio.to_thread(_is_open, db, number):
        raise NotRunning(f"{incident_workflow(number)} is open, and its workflow does not run")
    return False


async def signal(client: Client, workflow: str, name: str, argument: BaseModel | None = None) -> bool:
    """Send the Signal `name` to a workflow, by its id. Returns False where none runs. Raises RPCError."""
    return await _sent(client, workflow, name, [argument.model_dump(mode="json")] if argument else [])


async def _sent(client: Client, workflow: str, name: str, arguments: list[Any]) -> bool:
    try:
        await client.get_workflow_handle(workflow).signal(name, args=arguments, rpc_timeout=PATIENCE)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


def _as_signal(facts: Sequence[BaseModel]) -> tuple[str, list[Any]]:
    """Return the name and the arguments of the Signal that brings facts: one as itself, several as a list."""
    contents = [fact.model_dump(mode="json") for fact in facts]
    return (contents[0]["do"], contents) if len(contents) == 1 else (FACTS, [contents])


async def start_incident(
    client: Client,
    start: IncidentStart,
    *,
    joins: Sequence[JoinTicket] = (),
    reuse: WorkflowIDReusePolicy = WorkflowIDReusePolicy.REJECT_DUPLICATE,
) -> bool:
    """Start an incident's workflow unless it runs, and signal with the start which tickets join.

    `start` declares the incident, or goes on from its journal. `reuse` says whether another workflow may follow one
    that has ended. Returns False where it may not. Raises RPCError.
    """
    incident = start.carried.incident if start.carried else start.declare
    assert incident is not None, "an incident begins with one of the two"
    name, arguments = _as_signal(joins) if joins else (None, [])
    try:
        await client.start_workflow(
            INCIDENT_WORKFLOW,
            start,
            id=incident_workflow(incident.number),
            task_queue=ports.TICKETS,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=reuse,
            start_signal=name,
            start_signal_args=arguments,
            static_summary=f"{incident.priority} in {inert(incident.product_area) or 'the service'}",
            priority=INCIDENT,  # G10
            rpc_timeout=PATIENCE,
        )
    except WorkflowAlreadyStartedError:
        return False
    return True


def _is_open(db: Database, number: int) -> bool:
    with db.session() as session:
        known = INCIDENTS.load(session, number)
        return incidents.is_open(session, number) if known is None else not known.ended

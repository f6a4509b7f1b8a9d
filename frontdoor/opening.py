"""How a ticket begins: decided at the front door, started as a workflow."""

from collections.abc import Sequence
from datetime import datetime

from temporalio.client import Client, WorkflowHandle
from temporalio.common import Priority as TaskPriority
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from domain import commands as c
from domain.decide import open_ticket
from domain.events import Event, Opened
from domain.evolve import fold
from domain.policy import Policy
from domain.story import Story
from domain.ticket import Actor, workflow_id
from domain.words import Channel, Priority
from frontdoor.policy import resolve_terms
from frontdoor.requests import OpenRequest
from workflows import ports, rendering
from workflows.messages import TicketEnd, TicketStart
from workflows.ticket import TicketWorkflow


def opening_story(policy: Policy, request: OpenRequest, now: datetime) -> Story:
    """The first events of the ticket that `request` asks for, under the policy's terms of today."""
    at = min(request.opened_at or now, now)
    staff = request.role in c.STAFF
    opened = Opened(
        source=request.source,
        external_id=request.external_id,
        terms=resolve_terms(policy, request.account, at),
        channel=request.channel,
        account=request.account,
        category=request.category,
        priority=request.priority,
        priority_guessed=request.priority_guessed,
        product_area=request.product_area,
        language=request.language,
        tags=request.tags,
        in_person=staff and request.channel in (Channel.PHONE, Channel.CHAT),  # C5
        parent=request.parent,
    )
    texts = {
        "subject": request.subject,
        "description": request.description,
        "logs_or_screenshots": request.attachments,
    }
    return open_ticket(opened, at, now, Actor(id=request.by, role=request.role), texts)


async def start_ticket(
    client: Client, opening: Sequence[Event], *, recorded: bool
) -> WorkflowHandle[TicketWorkflow, TicketEnd]:
    """Start the workflow of a ticket, or find the one that runs: its id is derived from the ticket's.

    `recorded` says that the journal has the opening already. Search attributes and summary are set with the start,
    which costs nothing. Raises WorkflowAlreadyStartedError if it has ended.
    """
    ticket = fold(opening)
    return await client.start_workflow(
        TicketWorkflow.run,
        TicketStart(opening=tuple(opening), recorded=recorded),
        id=workflow_id(ticket.id),
        task_queue=ports.TICKETS,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        search_attributes=rendering.at_start(rendering.attributes(ticket)),
        static_summary=rendering.summary(ticket),
        static_details=rendering.origin(ticket),
        # G10: a backlog of workflow tasks is worked in the order of priority.
        priority=TaskPriority(priority_key=1 + list(Priority).index(ticket.priority)),
    )

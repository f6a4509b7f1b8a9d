"""How a ticket begins: decided at the front door, started as a workflow."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from temporalio.client import Client, WorkflowHandle
from temporalio.common import Priority as TaskPriority
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from domain import commands as c
from domain.calendar import CalendarError
from domain.decide import open_ticket
from domain.events import Event, Opened
from domain.evolve import fold
from domain.policy import Policy
from domain.refusal import Refused
from domain.routing import route
from domain.story import Story
from domain.terms import Terms
from domain.ticket import Account, Actor, workflow_id
from domain.words import Channel, Priority, Tier
from frontdoor.enrich import classified, customer_of
from frontdoor.policy import resolve_terms
from frontdoor.requests import OpenRequest
from workflows import ports, rendering
from workflows.messages import TicketEnd, TicketStart
from workflows.ticket import TicketWorkflow

PATIENCE = timedelta(seconds=5)
"""How long a start may take before Temporal counts as away."""
OLDEST = timedelta(days=366)
"""How long ago a ticket may have come in, by the word of an integration: of older ones every clock has long run out."""


def opening_story(policy: Policy, request: OpenRequest, now: datetime, known: Account | None = None) -> Story:
    """The first events of the ticket that `request` asks for, under the policy's terms of today.

    `known` is the account as the CRM last told of it. Raises Refused for a zone or region that does not exist, and
    for a ticket that came in too long ago.
    """
    at = came_in(request, now)
    staff = request.role in c.STAFF
    account, unknown = customer_of(request.account, known)
    taken_for = classified(policy, request)
    terms = _terms(policy, account, at, known)
    first = route(  # G10
        terms,
        area=taken_for.product_area,
        category=taken_for.category,
        language=taken_for.language,
        tier=Tier.T1,
        at=at,
    )
    opened = Opened(
        source=request.source,
        external_id=request.external_id,
        terms=terms,
        channel=request.channel,
        account=account,
        category=taken_for.category,
        priority=taken_for.priority,
        priority_guessed=request.priority_guessed or taken_for.priority_guessed,
        product_area=taken_for.product_area,
        language=taken_for.language,
        tags=taken_for.tags,
        reasons=taken_for.reasons,
        account_unknown=unknown,
        route=first,
        in_person=staff and request.channel in (Channel.PHONE, Channel.CHAT),  # C5
        parent=request.parent,
    )
    texts = {
        "subject": request.subject,
        "description": request.description,
        "logs_or_screenshots": request.attachments,
    }
    return open_ticket(opened, at, now, Actor(id=request.by, role=request.role), texts)


def came_in(request: OpenRequest, now: datetime) -> datetime:
    """When the ticket's clocks begin. Nothing comes in from the future. Raises Refused for what is too long ago."""
    at = min(request.opened_at or now, now)
    if now - at > OLDEST:
        fault = f"a ticket comes in {OLDEST.days} days ago at most: leave it out, and its clocks begin now"
        raise Refused("malformed", f"opened_at: {fault}", fields={"opened_at": fault})
    return at


def _terms(policy: Policy, account: Account, at: datetime, known: Account | None) -> Terms:
    """What the account is promised. A zone or region that the CRM told of and that is no more does not keep a customer
    out: the policy's own counts then."""
    try:
        return resolve_terms(policy, account, at)
    except CalendarError as error:
        if known is not None:
            return resolve_terms(policy, account.model_copy(update={"zone": None, "region": None}), at)
        raise Refused("malformed", f"account: {error}", fields={"account": str(error)}) from None


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
        rpc_timeout=PATIENCE,
    )

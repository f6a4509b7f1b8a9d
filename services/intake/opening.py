"""Decide how a ticket opens, and start or resume its workflow."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from domain.aggregate.aggregate import Recording
from domain.calendars.calendar import CalendarError
from domain.clocks.terms import Terms
from domain.core.actor import Actor
from domain.core.enums import Channel, Priority, Tier
from domain.core.refusal import Refused
from domain.core.text import has_text
from domain.policy.policy import Policy
from domain.ticket import commands as c
from domain.ticket.aggregate import TICKET, open_ticket
from domain.ticket.events import Event, Opened
from domain.ticket.rules.package import StepNoted
from domain.ticket.rules.routing import route
from domain.ticket.state import Account, Ticket, workflow_id
from services.intake.enrichment import automatic_by, classified, customer_of
from services.intake.request import OLDEST, OpenRequest
from services.policy_file.load import resolve_terms
from workflows import ports, search_attributes
from workflows.known_ids import KnownIds
from workflows.task_priority import task_priority
from workflows.ticket import rendering
from workflows.ticket.messages import Carried, TicketEnd, TicketStart
from workflows.ticket.workflow import TicketWorkflow

PATIENCE = timedelta(seconds=5)
"""How long a start may take before Temporal counts as away."""
TAKEN_AS_UNKNOWN = "taken_as_unknown"
"""The text of the opening that names what could not be read, so that people can see and correct it."""
SELF_SERVE = "searched"
"""The text of the opening that says what the customer searched and read before."""


def opening_recording(
    policy: Policy,
    request: OpenRequest,
    now: datetime,
    known: Account | None = None,
    *,
    identity: str | None = None,
    self_serve: str = "",
) -> Recording[Ticket]:
    """Return the first events of the ticket that `request` asks for, under the policy's terms of today.

    `known` is the account as the CRM last had it. `identity` is recorded as the command's id. `self_serve` is what
    the customer searched and read before; what a bot has tried is a step taken (G3). A zone or region
    that does not exist keeps nobody out: it is taken as unknown, and the opening says so. A P0 of an account that
    nobody knows, and which nobody of support brings, is a guessed one: it goes to the duty agent before it pages (G6).
    Raises Refused for a ticket that came in too long ago.
    """
    at = came_in(request, now)
    staff = request.role in c.STAFF
    account, unknown = customer_of(request.account, known)
    automatic = automatic_by(policy, request)  # C17
    taken_for = classified(policy, request, automatic=bool(automatic))
    terms, account, unread = _promised(policy, account, at)
    first = route(  # G10
        terms,
        area=taken_for.product_area,
        category=taken_for.category,
        language=taken_for.language,
        tier=Tier.T1,
        at=at,
    )
    critical = taken_for.priority is Priority.P0
    guessed = request.priority_guessed or taken_for.priority_guessed or (critical and known is None and not staff)  # G6
    unread = request.unread | unread
    opened = Opened(
        source=request.source,
        external_id=request.external_id,
        terms=terms,
        channel=request.channel,
        account=account,
        category=taken_for.category,
        priority=taken_for.priority,
        priority_guessed=guessed,
        product_area=taken_for.product_area,
        language=taken_for.language,
        tags=taken_for.tags,
        reasons=taken_for.reasons,
        account_unknown=unknown,
        route=first,
        in_person=staff and request.channel in (Channel.PHONE, Channel.CHAT),  # C5
        parent=request.parent,
        automatic=automatic,
        guess_from=now if critical and guessed and now > at else None,
    )
    texts = {
        "subject": request.subject,
        "description": request.description,
        "message": request.message,
        "logs_or_screenshots": request.attachments,
        "transcript": request.transcript,
        SELF_SERVE: self_serve,
        TAKEN_AS_UNKNOWN: "\n".join(f"{name}: {value}" for name, value in unread.items()),
    }
    recording = open_ticket(opened, at, now, Actor(id=request.by, role=request.role), texts, identity)
    for step in request.tried:
        if has_text(step):
            recording.record(StepNoted(), texts={"steps_taken": step})
    return recording


def came_in(request: OpenRequest, now: datetime) -> datetime:
    """Return when the ticket's clocks begin. Nothing comes in from the future. Raises Refused for what is too long
    ago."""
    at = min(request.opened_at or now, now)
    if now - at > OLDEST:
        fault = f"a ticket comes in {OLDEST.days} days ago at most: leave it out, and its clocks begin now"
        raise Refused("malformed", f"opened_at: {fault}", fields={"opened_at": fault})
    return at


def taken_as_unknown(opening: Sequence[Event]) -> tuple[str, ...]:
    """Return the fields of a form that an opening could not read, by name."""
    return tuple(unread_names(opening[0].texts.get(TAKEN_AS_UNKNOWN, "")))


def unread_names(text: str) -> list[str]:
    """Return the names of the fields that the text TAKEN_AS_UNKNOWN of an opening lists."""
    return [line.partition(":")[0] for line in text.splitlines()]


def _promised(policy: Policy, account: Account, at: datetime) -> tuple[Terms, Account, dict[str, str]]:
    """Return what the account is promised, the account without a zone or region that does not exist, and what that
    was. The policy's own zone and holidays count instead: nobody at support could correct a field of the customer's
    records."""
    with suppress(CalendarError):
        return resolve_terms(policy, account, at), account, {}
    unread: dict[str, str] = {}
    for name, tried in (("zone", account.model_copy(update={"region": None})), ("region", account)):
        value: str | None = getattr(account, name)
        try:
            resolve_terms(policy, tried.model_copy(update={"zone": account.zone}), at)
        except CalendarError:
            if value is not None:
                unread[f"account.{name}"] = value
                account = account.model_copy(update={name: None})
    return resolve_terms(policy, account, at), account, unread


async def start_ticket(
    client: Client, opening: Sequence[Event], *, recorded: bool
) -> WorkflowHandle[TicketWorkflow, TicketEnd]:
    """Start the workflow of a ticket, or find the one that runs: its id is derived from the ticket's.

    `recorded` says that the journal has the opening already. Raises WorkflowAlreadyStartedError if it has ended.
    """
    start = TicketStart(opening=tuple(opening), recorded=recorded)
    return await _start(client, TICKET.fold(opening), start, WorkflowIDReusePolicy.REJECT_DUPLICATE)


async def resume_ticket(
    client: Client, ticket: Ticket, known_ids: Sequence[str]
) -> WorkflowHandle[TicketWorkflow, TicketEnd]:
    """Start a workflow for an open ticket whose own is gone (terminated, deleted, lost): it goes on from `ticket`, as
    the journal has it, and finds the one that runs if there is one.

    What fell due meanwhile keeps its instant, and effects keep their keys. `given` are the ids of the commands that it
    was given: none of them is carried out again. Raises WorkflowAlreadyStartedError where
    the ticket's workflow has completed: then all is done, and the journal is behind.
    """
    start = TicketStart(carried=Carried(ticket=ticket, given=KnownIds("", known_ids).packed()))
    return await _start(client, ticket, start, WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY)


async def _start(
    client: Client, ticket: Ticket, start: TicketStart, reuse: WorkflowIDReusePolicy
) -> WorkflowHandle[TicketWorkflow, TicketEnd]:
    """Search attributes and summary are set with the start, which costs nothing."""
    return await client.start_workflow(
        TicketWorkflow.run,
        start,
        id=workflow_id(ticket.id),
        task_queue=ports.TICKETS,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=reuse,
        search_attributes=search_attributes.at_start(rendering.attributes(ticket)),
        static_summary=rendering.summary(ticket),
        static_details=rendering.origin(ticket),
        priority=task_priority(ticket.priority, ticket.account.id),  # G10
        rpc_timeout=PATIENCE,
    )

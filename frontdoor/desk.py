"""The one way in: every ticket is opened here, and every command passes here, whoever brings it.

The opening is decided and journalled before the workflow starts. So a ticket that was accepted is on record even
if Temporal is down, and the workflow need not journal it again.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session
from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain import commands as c
from domain.base import Frozen
from domain.events import Event
from domain.ids import ticket_id
from domain.policy import Policy
from domain.refusal import Refused
from domain.standing import sla_state
from domain.ticket import Actor, Ticket, workflow_id
from domain.words import Channel, Priority, Role
from frontdoor.opening import opening_story, start_ticket
from frontdoor.requests import OpenRequest
from store import closed, inbox, journal, refusals
from store.database import Database, DatabaseDown
from workflows.messages import Answer

INTAKE = "intake"
"""The inbox's source of what is on record and to be started."""
PATIENCE = 20.0
"""Seconds that a command may take, a restarted worker's catching up included."""


class Unavailable(Exception):
    """Something that Tierline needs does not answer. One line, which says what to do."""


class Receipt(Frozen):
    """What became of a request to open a ticket."""

    ticket: str
    created: bool
    """False: this request was here before; the ticket is the same."""
    started: bool = True
    """False: Temporal is down; the ticket is on record, and its workflow starts with the next try."""


class Desk:
    """Opens tickets and hands commands to them."""

    def __init__(self, client: Client, db: Database, policy: Policy, *, channel: str = "cli") -> None:
        """`channel` is the way in, for the record of refusals: cli, api, page, webhook."""
        self._client = client
        self._db = db
        self._policy = policy
        self._channel = channel
        self._churn = policy.churn_rule()

    async def open(self, request: OpenRequest) -> Receipt:
        """Put the ticket on record, then start its workflow. Safe to repeat at any point.

        Raises Refused, or `store.database.DatabaseDown`: then nothing is on record.
        """
        opening, created = await asyncio.to_thread(self._put_on_record, request)
        ticket = ticket_id(request.source, request.external_id)
        started = await self._start(opening)
        if started:
            with suppress(DatabaseDown):  # then it is started once more, which finds it running
                await asyncio.to_thread(self._note_started, ticket)
        return Receipt(ticket=ticket, created=created, started=started)

    async def start_overdue(self, older: timedelta = timedelta(seconds=10)) -> int:
        """Start the tickets that are on record and whose front door died, or found no Temporal, before the start.

        Safe to run beside the front door, and many times at once: a workflow that runs is found. Returns how many
        were seen to.
        """
        before = datetime.now(UTC) - older
        waiting = await asyncio.to_thread(self._waiting, before)
        for ticket, opening in waiting:
            if not await self._start(opening):
                break  # Temporal is away: all of them wait for it
            await asyncio.to_thread(self._note_started, ticket)
        return len(waiting)

    def _waiting(self, before: datetime) -> list[tuple[str, Sequence[Event]]]:
        with self._db.begin() as session:
            return [(ticket, _opening(session, ticket)) for ticket in inbox.overdue(session, INTAKE, before)]

    def _note_started(self, ticket: str) -> None:
        with self._db.begin() as session:
            inbox.done(session, INTAKE, ticket, datetime.now(UTC))

    def _put_on_record(self, request: OpenRequest) -> tuple[Sequence[Event], bool]:
        story = opening_story(self._policy, request, datetime.now(UTC))
        with self._db.begin() as session:
            recorded = journal.open_once(session, story.ticket.id, story.events, churn=self._churn)
            if recorded.new:
                inbox.keep(session, INTAKE, story.ticket.id, {}, datetime.now(UTC), ticket_id=story.ticket.id)
                return story.events, True
            known = recorded.state
            if (known.source, known.external_id) != (request.source, request.external_id):
                raise Refused("malformed", f"the id {known.id} belongs to another ticket: give another external_id")
            return _opening(session, known.id), False

    async def _start(self, opening: Sequence[Event]) -> bool:
        """Start the workflow, or find that it runs or has ended. False if Temporal does not answer."""
        try:
            await start_ticket(self._client, opening, recorded=True)
        except WorkflowAlreadyStartedError:
            return True  # it has ended: the journal has the rest
        except RPCError as error:
            if error.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED):
                return False
            raise
        return True

    async def give(self, ticket: str, name: str, payload: dict[str, Any]) -> Answer:
        """Hand a command to a ticket, open or closed, and say what it did.

        `payload["id"]` makes it idempotent. Raises Refused (audited) or Unavailable.
        """
        identity = str(payload.get("id") or uuid4().hex)
        stamped = payload | {"id": identity, "received": datetime.now(UTC).isoformat()}
        try:
            c.parse(stamped, name)  # what is malformed is refused here already, and needs no worker for it
            return await self._update(ticket, name, stamped, identity)
        except Refused as refused:
            if refused.code == "closed" and name == "reply":
                return await self._follow_up(ticket, stamped)
            actor = Actor(id=str(payload.get("by", "unknown"))[:100], role=_role(payload))
            with suppress(DatabaseDown):  # the answer is the same, on record or not
                await asyncio.to_thread(self._audit, ticket, name, actor, refused)
            raise

    async def _update(
        self, ticket: str, name: str, payload: dict[str, Any], identity: str, *, healed: bool = False
    ) -> Answer:
        handle = self._client.get_workflow_handle(workflow_id(ticket))
        timeout = datetime.now(UTC)
        try:
            patience = timedelta(seconds=PATIENCE)
            update = handle.execute_update(name, payload, id=identity, result_type=Answer, rpc_timeout=patience)
            return await asyncio.wait_for(update, PATIENCE + 1)
        except WorkflowUpdateFailedError as error:
            raise refused_by(error) from None
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            waited = (datetime.now(UTC) - timeout).total_seconds()
            raise Unavailable(
                f"no worker answered for ticket {ticket} in {waited:.0f} s: see that `tierline worker` runs; "
                "the same command id can be sent again"
            ) from None
        except RPCError as error:
            if error.status is RPCStatusCode.FAILED_PRECONDITION:
                raise Unavailable(
                    f"ticket {ticket} is stuck on an error in its worker: see the worker's log; it goes on by itself "
                    "once that is corrected"
                ) from None
            if error.status is RPCStatusCode.NOT_FOUND and not healed:
                return await self._without_workflow(ticket, name, payload)
            raise Unavailable(f"Temporal does not answer ({error.status.name}): try again") from None

    async def _without_workflow(self, ticket: str, name: str, payload: dict[str, Any]) -> Answer:
        """The workflow has completed, or never started: the journal knows which."""
        opening, known = await asyncio.to_thread(self._known, ticket)
        if known is None:
            raise Refused("not_found", f"there is no ticket {ticket}")
        if not known.closed:  # accepted while Temporal was down, and never started
            if not await self._start(opening):
                raise Unavailable("Temporal does not answer: the ticket is on record; try again")
            return await self._update(ticket, name, payload, payload["id"], healed=True)
        # C10: a reply is refused here as closed, as the workflow would refuse it while it finishes.
        return await asyncio.to_thread(self._give_closed, ticket, c.parse(payload, name))

    def _known(self, ticket: str) -> tuple[Sequence[Event], Ticket | None]:
        with self._db.begin() as session:
            return _opening(session, ticket), journal.load(session, ticket)

    def _give_closed(self, ticket: str, command: c.Command) -> Answer:
        story = closed.command_closed(self._db, ticket, command, datetime.now(UTC))
        return answer_of(story.ticket, [event.body.type for event in story.events])

    async def _follow_up(self, ticket: str, payload: dict[str, Any]) -> Answer:
        """C10: what the customer writes after closing opens a linked ticket."""
        reply = c.parse(payload, "reply")
        known = (await asyncio.to_thread(self._known, ticket))[1]
        assert isinstance(reply, c.Reply)
        assert known is not None
        receipt = await self.open(
            OpenRequest(
                source="follow-up",
                external_id=f"{known.id}:{reply.id}",
                account=known.account,
                channel=Channel(known.channel),
                category=known.category,
                priority=Priority.P3,
                product_area=known.product_area,
                subject=f"Follow-up of {known.id}",
                description=reply.text,
                language=known.language,
                parent=known.id,
                by=reply.by,
                role=Role.CUSTOMER,
            )
        )
        opened = (await asyncio.to_thread(self._known, receipt.ticket))[1]
        assert opened is not None
        return answer_of(opened, ["opened"])

    def _audit(self, ticket: str, name: str, actor: Actor, refused: Refused) -> None:
        with self._db.begin() as session:
            refusals.refuse(
                session,
                refused,
                at=datetime.now(UTC),
                ticket_id=ticket,
                command=name,
                actor=actor,
                channel=self._channel,
            )


def _role(payload: dict[str, Any]) -> Role:
    known = payload.get("role", Role.AGENT)
    return Role(known) if known in list(Role) else Role.AGENT


def _opening(session: Session, ticket: str) -> Sequence[Event]:
    """The events with which the front door opened a ticket."""
    return [entry.event for entry in journal.timeline(session, ticket) if entry.run_id == journal.INTAKE]


def refused_by(error: WorkflowUpdateFailedError) -> Exception:
    """The refusal behind a failed Update, as the core gave it."""
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.details and isinstance(cause.details[0], dict):
        detail = cause.details[0]
        return Refused(
            detail.get("code", "does_not_fit"),
            detail.get("message", cause.message),
            missing=detail.get("missing", []),
            would_fit=detail.get("would_fit", []),
            fields=detail.get("fields", {}),
        )
    return Unavailable(f"the ticket could not decide this: {cause}")


def answer_of(ticket: Ticket, did: Sequence[str]) -> Answer:
    """An answer for a ticket that no workflow speaks for."""
    return Answer(
        ticket=ticket.id,
        seq=ticket.seq,
        did=tuple(did),
        status=ticket.status,
        tier=ticket.tier,
        assignee=ticket.assignee,
        waits_on=ticket.waits_on,
        sla=sla_state(ticket),
    )

"""The one way in: every ticket is opened here, and every command passes here, whoever brings it.

The opening is decided and journalled before the workflow starts. So a ticket that was accepted is on record even
if Temporal is down, and the workflow need not journal it again.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple, TypeVar
from uuid import uuid4

from pydantic import Field, ValidationError
from sqlalchemy.orm import Session
from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.support.ops_alerts import OpsAlerts
from domain.aggregate.command import malformed
from domain.calendars.calendar import CalendarError
from domain.core.actor import Actor
from domain.core.enums import Channel, Priority, Role
from domain.core.ids import ticket_id
from domain.core.refusal import Refused
from domain.core.size import check_size
from domain.core.text import has_text, one_line
from domain.core.values import Frozen
from domain.documents.redaction import redact
from domain.policy.policy import Notice, Policy
from domain.ticket import commands as c
from domain.ticket.aggregate import TICKET
from domain.ticket.events import Event, Opened
from domain.ticket.state import Account, Ticket, workflow_id
from services.batching import WriteBatcher
from services.intake import sources
from services.intake.opening import opening_story, resume_ticket, start_ticket, taken_as_unknown
from services.intake.request import AccountSaid, OpenRequest
from services.journal_repair import JournalRepair
from services.policy_file.load import resolve_terms
from store import accounts, inbox, journal, refusals
from store import closed_tickets as closed
from store.database import Database, DatabaseDown
from workflows.known_ids import ADDED_AT_THE_DOOR
from workflows.ticket.messages import Answer

log = logging.getLogger("tierline.desk")

AnyAnswer = TypeVar("AnyAnswer", bound=Frozen)

INTAKE = "intake"
"""The inbox's source of what is on record and to be started."""
AT_ONCE = 50
"""Tickets of a backlog that are read, and noted as started, together."""
REFUSED_AGAIN, REFUSED_AT_LAST = timedelta(seconds=10), timedelta(minutes=10)
"""After how long a start that Temporal refuses is tried again: the first time, and the longest. (After a namespace was
set up, Temporal refuses all starts for a minute, until it has noticed the search attributes.)"""
AT_IT = timedelta(seconds=10)
"""How long a front door may be at the start of a ticket before it counts as dead."""
PATIENCE = 20.0
"""Seconds that a command may take, a restarted worker's catching up included."""


class Unavailable(Exception):
    """Something that Tierline needs does not answer. One line, which says what to do."""


class StartRefused(Exception):
    """Temporal refuses to start this one workflow, and will refuse the same start again. One line that says why."""


class NoWorkflow(Exception):
    """No workflow runs under this id: it has ended, or was never started."""


class Receipt(Frozen):
    """What became of a request to open a ticket."""

    ticket: str
    created: bool
    """False: this request was here before; the ticket is the same."""
    started: bool = True
    """False: Temporal is down; the ticket is on record, and its workflow starts with the next try."""
    taken_as_unknown: Annotated[tuple[str, ...], Field(exclude_if=lambda names: not names)] = ()
    """Fields that say something which does not exist, such as a zone: as if they had not been said."""


class _Record(NamedTuple):
    """A ticket on record."""

    opening: Sequence[Event]
    created: bool
    waits: bool
    """An earlier ticket of the same source waits for Temporal."""


_NEVER = (RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.OUT_OF_RANGE)
"""How Temporal refuses a request for a reason that lies in the request itself."""


def is_away(error: Exception) -> bool:
    """Whether Temporal does not answer. (A RuntimeError is a lazy client's that could not connect.)"""
    if isinstance(error, RPCError):
        return error.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)
    return isinstance(error, RuntimeError) and "connect" in str(error)


class TicketService:
    """Opens tickets and hands commands to them."""

    def __init__(self, client: Client, db: Database, policy: Policy, *, channel: str = "cli") -> None:
        """`channel` is the way in, for the record of refusals: cli, api, page, webhook."""
        self._client = client
        self._db = db
        self._policy = policy
        self._channel = channel
        self._churn = policy.churn_rule()
        self._repair = JournalRepair(client, db, self._churn)
        self._ops = OpsAlerts(tuple(policy.notices[Notice.INTEGRATION_FAILING].to))
        self._started = WriteBatcher(self._note_started)

    async def open(self, request: OpenRequest, *, identity: str | None = None) -> Receipt:
        """Put the ticket on record, then start its workflow. Safe to repeat at any point.

        Tickets of one source start in the order in which they came: while an earlier one waits for Temporal, this one
        waits behind it. The source is whose it says: every way in sees to that (`services.intake.sources`). `identity`
        is recorded with the opening, and only an opening with one like it, up to the first colon, is the same ticket.
        Raises Refused, or `store.database.DatabaseDown`: then nothing is on record.
        """
        check_size(request.model_dump(mode="json", exclude_defaults=True), "the ticket")
        record = await asyncio.to_thread(self._put_on_record, request, identity)
        ticket = ticket_id(request.source, request.external_id)
        started = False
        if not record.waits:
            with suppress(DatabaseDown):  # then it is started once more, which finds it running
                try:
                    started = await self._start(record.opening)
                except StartRefused as error:
                    await asyncio.to_thread(self._set_aside, ticket, str(error))
                else:
                    await (self._started.add(ticket) if started else asyncio.to_thread(self._note_waiting, ticket))
        return Receipt(
            ticket=ticket,
            created=record.created,
            started=started,
            taken_as_unknown=taken_as_unknown(record.opening),
        )

    async def home(self, ticket: str) -> str | None:
        """The source that a ticket belongs to; None if there is no such ticket. Raises DatabaseDown."""
        return await asyncio.to_thread(self._home, ticket)

    def _home(self, ticket: str) -> str | None:
        with self._db.session() as session:
            return sources.home(session, ticket)

    async def start_overdue(self, older: timedelta = AT_IT) -> int:
        """Start the tickets that are on record and whose front door died, or found no Temporal, before the start:
        those of each source in the order in which they came.

        Safe to run beside the front door, and in many places at once: a workflow that runs is found, and whoever
        starts one has seen to all before it. One that Temporal refuses for a reason of its own is set aside, and holds
        up none. Returns how many were started.
        """
        waiting = await asyncio.to_thread(self._backlog, self._db.clock.now() - older)
        return sum(await asyncio.gather(*(self._start_in_order(tickets) for tickets in waiting.values())))

    async def _start_in_order(self, tickets: Sequence[str]) -> int:
        begun = 0
        for place in range(0, len(tickets), AT_ONCE):
            some = tickets[place : place + AT_ONCE]
            started: list[str] = []
            waits = False
            for ticket, opening in zip(some, await asyncio.to_thread(self._openings, some), strict=True):
                try:
                    waits = not await self._start(opening)
                except StartRefused as error:
                    await asyncio.to_thread(self._set_aside, ticket, str(error))
                    continue
                if waits:
                    break  # all that follow wait for it
                started.append(ticket)
            await asyncio.to_thread(self._note_started, started)
            begun += len(started)
            if waits:
                break
        return begun

    def _openings(self, tickets: Sequence[str]) -> list[Sequence[Event]]:
        with self._db.session() as session:
            return [_opening(session, ticket) for ticket in tickets]

    def _backlog(self, before: datetime) -> dict[str, list[str]]:
        with self._db.session() as session:
            return inbox.backlog(session, INTAKE, before)

    def _note_started(self, tickets: Sequence[str]) -> None:
        with self._db.begin() as session:
            inbox.done(session, INTAKE, tickets, self._db.clock.now())

    def _note_waiting(self, ticket: str) -> None:
        with self._db.begin() as session:
            inbox.failed(session, INTAKE, ticket, "Temporal does not answer")

    def _set_aside(self, ticket: str, why: str) -> None:
        said = f"ticket {ticket} is on record and cannot start: {why}. It is tried again, at last every ten minutes"
        with self._db.begin() as session:
            inbox.set_aside(session, INTAKE, ticket, why, REFUSED_AGAIN, REFUSED_AT_LAST)
            self._ops.alert(session, f"start:{ticket}", said)

    def _put_on_record(self, request: OpenRequest, identity: str | None) -> "_Record":
        with self._db.begin() as session:
            now = self._db.clock.now()
            known = accounts.find_account(session, request.account.id)
            story = opening_story(self._policy, request, now, known, identity=identity)
            ticket = story.state.id
            recorded = journal.open_once(session, ticket, story.events, churn=self._churn)
            if recorded.new:
                inbox.keep(session, INTAKE, ticket, {}, now, about=request.source, ticket_id=ticket)
            elif (recorded.state.source, recorded.state.external_id) != (request.source, request.external_id):
                raise Refused("malformed", f"the id {ticket} belongs to another ticket: give another external_id")
            opening = story.events if recorded.new else _opening(session, ticket)
            if not recorded.new:
                _check_same(recorded.state, opening, request, identity)
            return _Record(
                opening=opening,
                created=bool(recorded.new),
                waits=inbox.stuck_before(session, INTAKE, ticket, now - AT_IT),
            )

    async def _start(self, opening: Sequence[Event]) -> bool:
        """Start the workflow, or find that it runs or has ended. Returns False if Temporal does not do it now.

        Raises StartRefused if Temporal refuses this start for a reason that lies in it.
        """
        try:
            await start_ticket(self._client, opening, recorded=True)
        except WorkflowAlreadyStartedError:
            return True  # it has ended: the journal has the rest
        except (RPCError, RuntimeError) as error:
            if not (is_away(error) or isinstance(error, RPCError)):
                raise
            why = one_line(redact(str(error)[:2000]).text, 200)
            if isinstance(error, RPCError) and error.status in _NEVER:
                log.error("a ticket on record cannot be started: %s", why)
                raise StartRefused(f"Temporal refuses it ({error.status.name}: {why})") from None
            log.warning("a ticket on record waits for Temporal: %s", why)
            return False
        return True

    async def handle(
        self, ticket: str, name: str, payload: dict[str, Any], *, received: datetime | None = None
    ) -> Answer:
        """Hand a command to a ticket, open or closed, and say what it did.

        `payload["id"]` makes it idempotent. `received` is when it reached us, where that was before now: an outage of
        ours makes nobody late. Raises Refused (audited) or Unavailable.
        """
        identity = str(payload.get("id") or uuid4().hex)
        stamped = payload | {"id": identity, "received": (received or self._db.clock.now()).isoformat()}
        try:
            if name == "replace_terms" and stamped.get("terms") is None:
                stamped |= await asyncio.to_thread(self._terms_of_today, ticket, stamped)
            c.parse(stamped, name)  # what is malformed is refused here already, and needs no worker for it
            return await self._update(ticket, name, stamped, identity)
        except Refused as refused:
            if refused.code == "given_before":
                return await asyncio.to_thread(self._first_answer, ticket, identity)
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
        try:
            return await send(handle, f"ticket {ticket}", name, payload, identity, Answer)
        except NoWorkflow as error:
            if healed:
                raise Unavailable(str(error)) from None
            return await self._without_workflow(ticket, name, payload)

    async def _without_workflow(self, ticket: str, name: str, payload: dict[str, Any]) -> Answer:
        """The workflow has completed, or never started: the journal knows which."""
        known = await asyncio.to_thread(self._known, ticket)
        if known is None:
            raise Refused("not_found", f"there is no ticket {ticket}")
        if not known.closed:  # accepted while Temporal was down, and never started; or its workflow is gone
            known = await self.resume(known)
        if not known.closed:
            return await self._update(ticket, name, payload, payload["id"], healed=True)
        # C10: a reply is refused here as closed, as the workflow would refuse it while it finishes.
        return await asyncio.to_thread(self._give_closed, ticket, c.parse(payload, name))

    def _first_answer(self, ticket: str, identity: str) -> Answer:
        """The answer that a command got which the workflow knows, and has forgotten the answer of: from the journal."""
        with self._db.session() as session:
            entries = journal.timeline(session, ticket)
        events = [entry.event for entry in entries]
        led_to = [event for event in events if event.command_id == identity]
        then = TICKET.fold([event for event in events if not led_to or event.seq <= led_to[-1].seq])
        return Answer.of(then, led_to)

    async def resume(self, ticket: Ticket) -> Ticket:
        """See that an open ticket of the journal has a workflow: one that goes on from there, where none runs.

        What the journal lacks is read from the history of the workflow that has ended, before anything goes on. Returns
        the ticket as the journal has it then: it may be closed, and has no workflow to go on with. Safe to repeat, and
        in several places at once. Raises Unavailable.
        """
        try:
            await self._repair.catch_up_ended(workflow_id(ticket.id))
            known = await asyncio.to_thread(self._known, ticket.id)
            ticket = known or ticket
            if ticket.closed:
                return ticket
            given = await asyncio.to_thread(self._command_ids, ticket.id)
            await resume_ticket(self._client, ticket, given)
        except WorkflowAlreadyStartedError:
            raise Unavailable(
                f"ticket {ticket.id} has ended, and its journal lacks events that Temporal's history does not have: "
                'see "A gap in the journal" in docs/ops.md'
            ) from None
        except (RPCError, RuntimeError) as error:
            if not (is_away(error) or isinstance(error, RPCError)):
                raise
            raise Unavailable("Temporal does not start it: the ticket is on record; try again") from None
        return ticket

    def _command_ids(self, ticket: str) -> Sequence[str]:
        with self._db.session() as session:
            events = (entry.event for entry in journal.timeline(session, ticket))
            return list(dict.fromkeys(event.command_id for event in events if event.command_id is not None))

    def _known(self, ticket: str) -> Ticket | None:
        with self._db.session() as session:
            return journal.load(session, ticket)

    def _terms_of_today(self, ticket: str, payload: dict[str, Any]) -> dict[str, Any]:
        """What the policy promises today to the account that the payload says, or as it is known. Raises Refused."""
        with self._db.session() as session:
            known = journal.load(session, ticket)
            if known is None:
                raise Refused("not_found", f"there is no ticket {ticket}")
            found = accounts.find_account(session, known.account.id) or known.account
        try:
            told = AccountSaid.model_validate(payload.get("account") or found)  # bounded, and on one line
            account = Account.model_validate(told.model_dump(exclude_none=True))
            terms = resolve_terms(self._policy, account, self._db.clock.now())
        except ValidationError as error:
            raise malformed(error) from None
        except CalendarError as error:
            raise Refused("malformed", str(error), fields={"account": str(error)}) from None
        return {"terms": terms.model_dump(mode="json"), "account": account.model_dump(mode="json")}

    def _give_closed(self, ticket: str, command: c.Command) -> Answer:
        story = closed.command_closed(self._db, ticket, command, self._db.clock.now())
        return Answer.of(story.state, story.events)

    async def _follow_up(self, ticket: str, payload: dict[str, Any]) -> Answer:
        """C10: what the customer writes after closing opens a linked ticket."""
        reply = c.parse(payload, "reply")
        known = await asyncio.to_thread(self._known, ticket)
        assert isinstance(reply, c.Reply)
        assert known is not None
        if not has_text(reply.text):
            raise Refused("missing_fields", "missing: text", missing=["text"])
        receipt = await self.open(
            OpenRequest(
                source="follow-up",
                external_id=f"{known.id}:{_short(str(reply.id))}",
                account={"id": known.account.id} if known.account_unknown else known.account,
                channel=Channel(known.channel),
                category=known.category,
                priority=Priority.P3,
                product_area=known.product_area,
                subject=f"Follow-up of {known.id}",
                description=reply.text,
                language=known.language,
                parent=known.id,
                opened_at=reply.received,  # C12: it counts from when it reached us
                by=reply.by,
                role=Role.CUSTOMER,
            )
        )
        opened = await asyncio.to_thread(self._known, receipt.ticket)
        assert opened is not None
        return Answer.of(opened, ()).model_copy(update={"did": ("opened",)})

    def _audit(self, ticket: str, name: str, actor: Actor, refused: Refused) -> None:
        with self._db.begin() as session:
            refusals.refuse(
                session,
                refused,
                at=self._db.clock.now(),
                ticket_id=ticket,
                command=name,
                actor=actor,
                channel=self._channel,
            )


def _check_same(known: Ticket, opening: Sequence[Event], request: OpenRequest, identity: str | None) -> None:
    """Raise Refused unless a request is about the ticket that has its source and external id already.

    One that says whose it is by its identity is about a ticket that was opened under such a one. Any other is about a
    ticket of the same account: of another customer's, it would be lost there.
    """
    first = opening[0]
    if identity is not None:
        owner = identity.partition(":")[0]
        if (first.command_id or "").startswith(f"{owner}:"):
            return
        message = f"ticket {known.id} has this source and external_id, and was not opened by {owner}: it is left alone"
        raise Refused("does_not_fit", message)
    assert isinstance(first.body, Opened)
    if request.account.id not in (first.body.account.id, known.account.id):
        message = "this source has given this external_id to a ticket of another account: give another external_id"
        raise Refused("does_not_fit", message, fields={"external_id": message})


def _short(identity: str) -> str:
    """An id that leaves room for another beside it."""
    return identity if len(identity) <= 100 else hashlib.sha256(identity.encode()).hexdigest()


def _role(payload: dict[str, Any]) -> Role:
    known = payload.get("role", Role.AGENT)
    return Role(known) if known in list(Role) else Role.AGENT


def _opening(session: Session, ticket: str) -> Sequence[Event]:
    """The events with which the front door opened a ticket."""
    return [entry.event for entry in journal.timeline(session, ticket) if entry.run_id == journal.INTAKE]


async def send(
    handle: WorkflowHandle[Any, Any],
    whom: str,
    name: str,
    payload: dict[str, Any],
    identity: str,
    answer: type[AnyAnswer],
) -> AnyAnswer:
    """Give a command to the workflow that speaks for `whom`, as in "ticket 4k7m-3q9x-tbd2". Returns its `answer`.

    Raises Refused; NoWorkflow where none runs; Unavailable where nobody answers.
    """
    began = datetime.now(UTC)
    try:
        patience = timedelta(seconds=PATIENCE)
        known_as = update_id(identity, name, payload)
        update = handle.execute_update(name, payload, id=known_as, result_type=answer, rpc_timeout=patience)
        given: AnyAnswer = await asyncio.wait_for(update, PATIENCE + 1)
        return given
    except WorkflowUpdateFailedError as error:
        raise refused_by(error) from None
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
        waited = (datetime.now(UTC) - began).total_seconds()
        raise Unavailable(
            f"no worker answered for {whom} in {waited:.0f} s: see that `tierline worker` runs; "
            "the same command id can be sent again"
        ) from None
    except RPCError as error:
        if error.status is RPCStatusCode.FAILED_PRECONDITION:
            raise Unavailable(
                f"{whom} is stuck on an error in its worker: see the worker's log; it goes on by itself "
                "once that is corrected"
            ) from None
        kind = NoWorkflow if error.status is RPCStatusCode.NOT_FOUND else Unavailable
        raise kind(f"Temporal does not answer ({error.status.name}): try again") from None
    except RuntimeError as error:
        if not is_away(error):
            raise
        raise Unavailable("Temporal does not answer (no connection): try again") from None


def update_id(identity: str, name: str, payload: dict[str, Any]) -> str:
    """Make the id that Temporal knows a command by, from the command's own id and what it says.

    Temporal gives the first answer to whatever comes under an id again, without a look at it: so another command has
    another id there, and the workflow sees that the two have one key. No key or delivery id stands there in plain.
    """
    said = {field: value for field, value in payload.items() if field not in ADDED_AT_THE_DOOR}
    digest = hashlib.sha256(json.dumps([identity, name, said], sort_keys=True, default=str).encode())
    return digest.hexdigest()[:40]


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

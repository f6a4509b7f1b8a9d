"""Open tickets, and hand commands to them. Every ticket and every command passes here, whoever brings it.

The opening is decided and journalled before the workflow starts. So a ticket that was accepted is on record even
if Temporal is down, and the workflow need not journal it again.
"""

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated, Any, NamedTuple
from uuid import uuid4

from pydantic import Field, ValidationError
from sqlalchemy.orm import Session
from temporalio.client import (
    Client,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.support.ops_alerts import OpsAlerts
from domain.aggregate.command import malformed
from domain.calendars.calendar import CalendarError
from domain.core.enums import Channel, Priority, Role
from domain.core.failures import Unavailable
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
from domain.ticket.rules.automatic import known_by
from domain.ticket.rules.templates import MESSAGES, Templated, check_own_words, edited_percent
from domain.ticket.rules.work_in_progress import check_work_in_progress, holder_after
from domain.ticket.state import Account, Ticket, workflow_id
from integrations.tracing import port as tracing
from services.batching import WriteBatcher
from services.commands import FirstSent, NoWorkflow, command_ids, first_answer, is_away, record_refusal, send
from services.intake import language, sources
from services.intake.enrichment import classified
from services.intake.lenient import without_untrusted_instant
from services.intake.opening import opening_recording, resume_ticket, start_ticket, taken_as_unknown
from services.intake.request import TEXTS, AccountForm, OpenRequest
from services.intake.texts import Kept, prepare, prepare_command
from services.journal_repair import JournalRepair
from services.knowledge import visits
from services.policy_file.load import resolve_terms
from services.raising import served_as_raised
from services.reply_templates import template_of_message
from services.sense import check_words, known_parent
from store import accounts, help_sessions, inbox, journal, kept_texts, queries
from store import closed_tickets as closed
from store.database import Database, DatabaseDown
from workflows.ticket.messages import Answer

log = logging.getLogger("tierline.tickets")

INTAKE = "intake"
"""The inbox's source of what is on record and to be started."""
AT_ONCE = 50
"""Tickets of a backlog that are read, and noted as started, together."""
REFUSED_AGAIN, REFUSED_AT_LAST = timedelta(seconds=10), timedelta(minutes=10)
"""After how long a start that Temporal refuses is tried again: the first time, and the longest. (After a namespace was
set up, Temporal refuses all starts for a minute, until it has noticed the search attributes.)"""
AT_IT = timedelta(seconds=10)
"""How long a service may be at the start of a ticket before it counts as dead."""
TYPED = ("cli", "api", "page")
"""Ways in on which a person types: what makes no sense is refused there. Of a system, it keeps no ticket out."""


class StartRefused(Exception):
    """Temporal refuses to start this one workflow, and will refuse the same start again. One line that says why."""


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


class TicketService:
    """Opens tickets and hands commands to them."""

    def __init__(self, client: Client, db: Database, policy: Policy, *, channel: str = "cli") -> None:
        """`channel` is the way in, for the record of refusals: cli, api, page, webhook."""
        self._client = client
        self._db = db
        self.policy = policy
        self._channel = channel
        self._churn = policy.churn_rule()
        self._repair = JournalRepair(client, db, self._churn)
        self._ops = OpsAlerts(tuple(policy.notices[Notice.INTEGRATION_FAILING].to))
        self._started = WriteBatcher(self._note_started)
        self._first_sent = FirstSent()

    async def open(self, request: OpenRequest, *, identity: str | None = None) -> Receipt:
        """Put the ticket on record, then start its workflow. Safe to repeat at any point.

        Tickets of one source start in the order in which they came: while an earlier one waits for Temporal, this one
        waits behind it. The source is whose it says: every way in sees to that (`services.intake.sources`). `identity`
        is recorded with the opening, and only an opening with one like it, up to the first colon, is the same ticket.
        Raises Refused, or `store.database.DatabaseDown`: then nothing is on record.
        """
        if request.parent and self._channel in TYPED and request.role is not Role.INTEGRATION:
            own = ticket_id(request.source, request.external_id)
            parent = await asyncio.to_thread(known_parent, self._db, request.parent, own)
            request = request.model_copy(update={"parent": parent})
        ticket = ticket_id(request.source, request.external_id)
        request, kept = await asyncio.to_thread(_prepared, ticket, request)
        check_size(request.model_dump(mode="json", exclude_defaults=True), "the ticket")
        record = await asyncio.to_thread(self._put_on_record, request, identity, kept)
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
        """Return the source that a ticket belongs to; None if there is no such ticket. Raises DatabaseDown."""
        return await asyncio.to_thread(self._home, ticket)

    def _home(self, ticket: str) -> str | None:
        with self._db.session() as session:
            return sources.home(session, ticket)

    async def start_overdue(self, older: timedelta = AT_IT) -> int:
        """Start the tickets that are on record and whose service died, or found no Temporal, before the start:
        those of each source in the order in which they came.

        Safe to run beside the service, and in many places at once: a workflow that runs is found, and whoever
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
            traces = await asyncio.to_thread(self._traces, some)
            for ticket, opening in zip(some, await asyncio.to_thread(self._openings, some), strict=True):
                try:
                    with tracing.span("Start a ticket that waits", "consumer", parent=traces.get(ticket)):
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

    def _traces(self, tickets: Sequence[str]) -> dict[str, str]:
        with self._db.session() as session:
            return inbox.traces(session, INTAKE, tickets)

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
        message = f"ticket {ticket} is on record and cannot start: {why}. It is tried again, at last every ten minutes"
        with self._db.begin() as session:
            inbox.set_aside(session, INTAKE, ticket, why, REFUSED_AGAIN, REFUSED_AT_LAST)
            self._ops.alert(session, f"start:{ticket}", message)

    def _put_on_record(self, request: OpenRequest, identity: str | None, kept: Mapping[str, Kept]) -> "_Record":
        with self._db.begin() as session:
            now = self._db.clock.now()
            known = accounts.find_account(session, request.account.id)
            visit = visits.known(request.help_session)
            tried = visits.in_words(help_sessions.tried(session, visit)) if visit else ""
            recording = opening_recording(self.policy, request, now, known, identity=identity, self_serve=tried)
            ticket = recording.state.id
            recorded = journal.open_once(session, ticket, recording.events, churn=self._churn)
            if recorded.new:
                trace = tracing.here()
                inbox.keep(session, INTAKE, ticket, {}, now, about=request.source, ticket_id=ticket, trace=trace)
                kept_texts.keep(session, ticket, kept)
                if visit:
                    help_sessions.link_ticket(session, visit, ticket)
            elif (recorded.state.source, recorded.state.external_id) != (request.source, request.external_id):
                raise Refused("malformed", f"the id {ticket} belongs to another ticket: give another external_id")
            opening = recording.events if recorded.new else _opening(session, ticket)
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
        ours makes nobody late. What the ticket's own requester writes to the customer is the customer's word, though
        they are one of ours elsewhere (G12). Raises Refused (audited) or Unavailable.
        """
        identity = str(payload.get("id") or uuid4().hex)
        stamped = payload | {"id": identity, "received": (received or self._db.clock.now()).isoformat()}
        try:
            check_words(name, payload)
            if name == "reply" and payload.get("role") in (Role.CUSTOMER, Role.INTEGRATION):
                stamped = without_untrusted_instant(stamped, self.policy.trusted)
            if stamped.get("parent"):
                parent = await asyncio.to_thread(known_parent, self._db, str(stamped["parent"]), ticket)
                stamped |= {"parent": parent}
            stamped, kept = await asyncio.to_thread(prepare_command, ticket, name, stamped)
            if name == "reply":
                stamped |= self._seen_automatic(stamped)
            if kept:
                await asyncio.to_thread(self._keep_texts, ticket, kept)
            if name == "replace_terms" and stamped.get("terms") is None:
                stamped |= await asyncio.to_thread(self._terms_of_today, ticket, stamped)
            if name == "respond" and await asyncio.to_thread(self._asked_for_it, ticket, stamped):
                stamped.pop("seen", None)  # the customer's own words are not held up (G14)
                name, stamped = "reply", stamped | {"role": Role.CUSTOMER}
            command = c.parse(stamped, name)  # what is malformed is refused here, and needs no worker for it
            if isinstance(command, c.Take | c.Assign) and self.policy.work.active_tickets:
                held = await asyncio.to_thread(self._held_beside, ticket, holder_after(command))
                check_work_in_progress(command, held, self.policy.work.active_tickets)
            if isinstance(command, Templated) and command.template:
                template = await asyncio.to_thread(template_of_message, self._db, command.template)
                check_own_words(command, template.body)
                message: str = getattr(command, MESSAGES[name])
                stamped |= {"edited": edited_percent(template.body, message, command.personal_line)}
            async with served_as_raised(self._client, self._db, ticket, command):
                return await self._update(ticket, name, stamped, identity)
        except Refused as refused:
            if refused.code == "given_before":
                events = await asyncio.to_thread(self._events, ticket)
                return first_answer(TICKET, Answer, events, identity)
            if refused.code == "closed" and name == "reply":
                return await self._follow_up(ticket, stamped)
            with suppress(DatabaseDown):  # the answer is the same, on record or not
                await asyncio.to_thread(
                    record_refusal, self._db, refused, payload, command=name, channel=self._channel, ticket_id=ticket
                )
            raise

    def _seen_automatic(self, reply: dict[str, Any]) -> dict[str, Any]:
        """Return what is added to a reply that the policy's rules know for an automatic one, unless its sender says
        (C17)."""
        if reply.get("automatic") is not None:
            return {}
        subject, text = str(reply.get("subject") or ""), str(reply.get("text") or "")
        why = known_by(self.policy.automatic, subject, text)
        return {"automatic": True, "known_by": why} if why else {}

    def _keep_texts(self, ticket: str, kept: Mapping[str, Kept]) -> None:
        with self._db.begin() as session:
            kept_texts.keep(session, ticket, kept)

    async def _update(
        self, ticket: str, name: str, payload: dict[str, Any], identity: str, *, healed: bool = False
    ) -> Answer:
        handle = self._client.get_workflow_handle(workflow_id(ticket))
        try:
            return await send(handle, f"ticket {ticket}", name, payload, identity, Answer, self._first_sent)
        except NoWorkflow as error:
            if healed:
                raise Unavailable(str(error)) from None
            return await self._without_workflow(ticket, name, payload)

    async def _without_workflow(self, ticket: str, name: str, payload: dict[str, Any]) -> Answer:
        """Answer a command whose workflow has completed, or never started: the journal knows which."""
        known = await asyncio.to_thread(self._known, ticket)
        if known is None:
            raise Refused("not_found", f"there is no ticket {ticket}")
        if not known.closed:  # accepted while Temporal was down, and never started; or its workflow is gone
            known = await self.resume(known)
        if not known.closed:
            return await self._update(ticket, name, payload, payload["id"], healed=True)
        # C10: a reply is refused here as closed, as the workflow would refuse it while it finishes.
        return await asyncio.to_thread(self._decide_closed, ticket, c.parse(payload, name))

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
            events = await asyncio.to_thread(self._events, ticket.id)
            await resume_ticket(self._client, ticket, command_ids(events))
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

    def _events(self, ticket: str) -> list[Event]:
        with self._db.session() as session:
            return [entry.event for entry in journal.timeline(session, ticket)]

    def _held_beside(self, ticket: str, person: str) -> int:
        """Return how many other active tickets a person holds, as the journal has it."""
        with self._db.session() as session:
            return queries.held(session, person, besides=ticket)

    def _asked_for_it(self, ticket: str, payload: dict[str, Any]) -> bool:
        """Return whether who gives a command is the requester of the ticket. While the journal is away, nobody is."""
        with suppress(DatabaseDown), self._db.session() as session:
            return journal.requester(session, ticket) == str(payload.get("by"))
        return False

    def _known(self, ticket: str) -> Ticket | None:
        with self._db.session() as session:
            return journal.load(session, ticket)

    def _terms_of_today(self, ticket: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Return what the policy promises today to the account that the payload says, or as it is known. Raises
        Refused."""
        with self._db.session() as session:
            known = journal.load(session, ticket)
            if known is None:
                raise Refused("not_found", f"there is no ticket {ticket}")
            found = accounts.find_account(session, known.account.id) or known.account
        try:
            named = AccountForm.model_validate(payload.get("account") or found)  # bounded, and on one line
            account = Account.model_validate(named.model_dump(exclude_none=True))
            terms = resolve_terms(self.policy, account, self._db.clock.now())
        except ValidationError as error:
            raise malformed(error) from None
        except CalendarError as error:
            raise Refused("malformed", str(error), fields={"account": str(error)}) from None
        return {"terms": terms.model_dump(mode="json"), "account": account.model_dump(mode="json")}

    def _decide_closed(self, ticket: str, command: c.Command) -> Answer:
        recording = closed.command_closed(self._db, ticket, command, self._db.clock.now())
        return Answer.of(recording.state, recording.events)

    async def _follow_up(self, ticket: str, payload: dict[str, Any]) -> Answer:
        """Open a linked ticket for what the customer writes after closing (C10)."""
        reply = c.parse(payload, "reply")
        known = await asyncio.to_thread(self._known, ticket)
        assert isinstance(reply, c.Reply)
        assert known is not None
        if not has_text(reply.text):
            raise Refused("missing_fields", "missing: text", missing=["text"])
        request = OpenRequest(
            source="follow-up",
            external_id=f"{known.id}:{_short(str(reply.id))}",
            account={"id": known.account.id} if known.account_unknown else known.account,
            channel=Channel(known.channel),
            subject=reply.subject or f"Follow-up of {known.id}",
            description=reply.text,
            parent=known.id,
            opened_at=reply.received,  # C12: it counts from when it reached us
            by=reply.by,
            role=Role.CUSTOMER,
        )
        receipt = await self.open(await asyncio.to_thread(self._as_before, known, request))
        opened = await asyncio.to_thread(self._known, receipt.ticket)
        assert opened is not None
        return Answer.of(opened, ()).model_copy(update={"did": ("opened",)})

    def _as_before(self, known: Ticket, request: OpenRequest) -> OpenRequest:
        """Return a follow-up, which is classified like any ticket: its own words come first, and what they do not
        tell is as in the ticket that it follows. The priority is that of the words alone; a P0 is of no other
        category."""
        found = classified(self.policy, request)
        usual = {reason.field for reason in found.reasons if reason.by == "default"}
        inherited: dict[str, Any] = {}
        if "category" in usual and found.priority is not Priority.P0:
            inherited["category"] = known.category
        if "language" in usual:
            inherited["language"] = known.language
        if not found.product_area:
            inherited["product_area"] = known.product_area
        return request.model_copy(update=inherited)


def _prepared(ticket: str, request: OpenRequest) -> tuple[OpenRequest, Mapping[str, Kept]]:
    """Return the request with its texts as an event can keep them, and what they were where that is another."""
    if request.language is None:
        language.ready()
    written = {name: getattr(request, name) for name in TEXTS}
    texts, kept = prepare(ticket, written, html=("subject", "description"), lines=("subject",))
    return request.model_copy(update=texts), kept


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
    """Return an id that leaves room for another beside it."""
    return identity if len(identity) <= 100 else hashlib.sha256(identity.encode()).hexdigest()


def _opening(session: Session, ticket: str) -> Sequence[Event]:
    """Return the events with which the service opened a ticket."""
    return [entry.event for entry in journal.timeline(session, ticket) if entry.run_id == journal.INTAKE]

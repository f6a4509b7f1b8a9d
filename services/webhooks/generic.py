"""The generic signed webhook in (Standard Webhooks): any system opens tickets and gives them commands.

Whoever holds the secret is an integration. Where it names who gave a command (`by`), that person did it, as an agent;
where it names nobody, or says that a program did it (`"role": "bot"`), no person did (G12): what it says is a note, and
a response is a note that the customer sees. It is never a lead. Its tickets have the source `webhook`, and it speaks
for the customers of those.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr, TypeAdapter, ValidationError

from domain.core.enums import Role
from domain.core.ids import spoken, ticket_id
from domain.core.refusal import Refused
from domain.ticket import commands as c
from integrations.standard_webhooks import PROOF, BadSignature, verify
from services.intake import sources
from services.intake.automatic import mark_in
from services.intake.identities import identity_of
from services.intake.lenient import as_text, reply_of
from services.intake.request import ExternalId, OpenRequest
from services.intake.texts import prepare_command
from services.tickets import TicketService
from services.webhooks.deliveries import Delivery, Later, Unreadable, Unverified
from services.webhooks.json_body import NotReadable, parsed
from store import inbox
from store.database import Database

OPEN = "ticket.open"
REPLIED = "customer.replied"
"""The same as `ticket.reply`, by the customer."""
SOLVED = "customer.solved"
"""The same as `ticket.solved`, by the customer (G13)."""
BY_CUSTOMER = {REPLIED: "reply", SOLVED: "solved"}
MACHINES = ("bot", "system", "integration")
"""What the role of whoever gave a command is called, if that is no person."""
NAMES = {name: f"ticket.{name.replace('_', '-')}" for name in (kind.model_fields["do"].default for kind in c.UPDATES)}
"""Command -> the type of its webhook."""
COMMANDS = {kind: name for name, kind in NAMES.items()}
REFERENCE = ("ticket", "ticket_source", "external_id", "into_external_id")
"""How the data names its ticket: by our id, or by the one that another system gave it, and which system. And how it
names the ticket that it was merged into."""
NUMBERS = frozenset({"csat", "effort", "automatic", "over", "force", "override", "new", "public"})
"""Fields of commands that are numbers or yes and no; all others are text, also where a sender writes a number."""
EARLY = timedelta(hours=1)
"""How long a command waits for its ticket: senders do not keep their order, and send again what failed first."""
_EXTERNAL_ID: TypeAdapter[str] = TypeAdapter(ExternalId)


class NoTicketYet(Later):
    """A command has come before its ticket: it is tried again."""


class GenericHook:
    """Implements `Hook`."""

    name = "generic"
    proof: Sequence[str] = PROOF
    longest = 2_097_152

    def __init__(
        self, secrets: Sequence[SecretStr], service: TicketService, db: Database, *, speaks_for: Sequence[str] = ()
    ) -> None:
        """Any of `secrets` may have signed, so that one can be replaced without a gap. `speaks_for` are sources beside
        its own for whose customers it speaks."""
        self._secrets = secrets
        self._service = service
        self._db = db
        self._speaks_for = (sources.WEBHOOK, *speaks_for)

    def accept(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Sequence[Delivery]:
        """Return one delivery, complete: a command that is malformed is refused while the sender listens."""
        try:
            name = verify(self._secrets, headers, body, now)
        except BadSignature as bad:
            raise Unverified(str(bad)) from None
        kind, data = _read(body)
        try:
            if kind == OPEN:
                request = _request(data, now)
                ticket = ticket_id(request.source, request.external_id)
                about = f"opening {ticket}"  # it waits for no command that came before it
            else:
                about = ticket = _ticket(data)
                command, payload = _command(kind, data, name)
                c.parse(prepare_command(ticket, command, payload).texts, command)
        except Refused as refused:
            raise Unreadable(refused.message) from None
        return [Delivery(id=name, about=about, payload={"type": kind, "data": data}, ticket=ticket)]

    async def act(self, delivery: Delivery) -> str | None:
        if not delivery.payload:
            return delivery.ticket  # its person was erased before anybody acted on it
        kind, data = delivery.payload["type"], delivery.payload["data"]
        if kind == OPEN:
            # A ticket begins when it came in, however long we were away.
            request = _request(data, delivery.received or datetime.now(UTC))
            opened_at = request.opened_at or delivery.received
            ticket = (await self._service.open(request.model_copy(update={"opened_at": opened_at}))).ticket
            await asyncio.to_thread(self._wake, ticket)
            return ticket
        command, payload = _command(kind, data, delivery.id)
        ticket = _ticket(data)
        await self._check(ticket, payload, delivery)
        return (await self._service.handle(ticket, command, payload, received=delivery.received)).ticket

    async def _check(self, ticket: str, payload: dict[str, Any], delivery: Delivery) -> None:
        """Raise NoTicketYet or Refused where there is no such ticket, and Refused for the words of another source's
        customers."""
        home = await self._service.home(ticket)
        if home is None:
            if delivery.received and datetime.now(UTC) - delivery.received < EARLY:
                raise NoTicketYet(f"ticket {ticket} is not open yet")
            raise Refused("not_found", f"there is no ticket {ticket}")
        if payload["role"] not in (Role.AGENT, Role.BOT):
            sources.check_speaks(self._speaks_for, home)

    def _wake(self, ticket: str) -> None:
        """Make the deliveries that came before their ticket due now."""
        with self._db.begin() as session:
            inbox.wake(session, self.name, ticket)


def _read(body: bytes) -> tuple[str, dict[str, Any]]:
    try:
        content: Any = parsed(body)
    except NotReadable as error:
        raise Unreadable(str(error)) from None
    if not isinstance(content, dict) or not isinstance(content.get("data"), dict):
        raise Unreadable("a webhook is an object with `type` and `data`")
    kind = content.get("type")
    if not isinstance(kind, str) or (kind not in (OPEN, *BY_CUSTOMER, *COMMANDS)):
        raise Unreadable(f"its type is none of {', '.join([OPEN, *BY_CUSTOMER, *COMMANDS])}")
    return kind, content["data"]


def _request(data: dict[str, Any], now: datetime | None = None) -> OpenRequest:
    """Return the form, with the role that its sender may have: whoever opened it is the customer, unless the form
    says that it was one of us. What only describes, and cannot be read, keeps no ticket out. Raises Refused."""
    form = _marked(data)
    sources.check_actor(form.get("by"))
    role = Role.AGENT if form.get("role") in list(c.STAFF) else Role.CUSTOMER
    source = sources.of_webhook(as_text(form.get("source")))
    return OpenRequest.lenient(form | {"source": source, "role": role}, now or datetime.now(UTC))


def _marked(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data without the headers of the message, and whether these say that a machine wrote it (C17)."""
    mark = mark_in(data.get("headers"))
    kept = {name: value for name, value in data.items() if name != "headers"}
    if mark and kept.get("automatic") is None:
        kept |= {"automatic": True, "known_by": mark}
    return kept


def _command(kind: str, data: dict[str, Any], delivery_id: str) -> tuple[str, dict[str, Any]]:
    """Return the command's name and its payload: the delivery's id makes it idempotent, and the role is ours to say.
    Raises Refused."""
    name = BY_CUSTOMER.get(kind) or COMMANDS[kind]
    fields = _marked(data) if name == "reply" else data
    payload = {
        field: value if field in NUMBERS else as_text(value)
        for field, value in fields.items()
        if field not in REFERENCE and value is not None
    }
    if name == "reply":
        payload = reply_of(payload)
    by, machine = payload.get("by"), payload.get("role") in MACHINES
    sources.check_actor(by)
    if name in BY_CUSTOMER.values() and machine and by:
        raise Refused("not_allowed", f"{kind} is the customer's word, and no program's: send ticket.note")
    if kind in BY_CUSTOMER:
        role, by = Role.CUSTOMER, by or "customer"
    elif name == "end":  # told by the other system, whoever did it there (G13)
        role = Role.INTEGRATION
        if (into := data.get("into_external_id")) is not None:
            payload["into"] = _of_source(data, into)
    else:
        role = Role.BOT if by and machine else Role.AGENT if by else Role.INTEGRATION
    if name == "respond" and role is not Role.AGENT:  # G12: no clock hears of what a machine says
        name, payload = "note", {"text": payload.get("text", ""), "public": True}
    who = {"by": by or "integration", "role": role, "id": identity_of("webhook", delivery_id)}
    return name, payload | who


def _ticket(data: dict[str, Any]) -> str:
    """Return the ticket that the data names. Raises Refused."""
    if (ticket := data.get("ticket")) is not None:
        try:
            return spoken(str(ticket))
        except ValueError as error:
            raise Refused("malformed", str(error), fields={"ticket": str(error)}) from None
    if (external_id := data.get("external_id")) is not None:
        return _of_source(data, external_id)
    raise Refused("malformed", "data names no ticket: give `ticket`, or `external_id` with `ticket_source`")


def _of_source(data: dict[str, Any], external_id: Any) -> str:
    """Return the ticket that a source of the webhook calls so. Raises Refused."""
    try:
        return ticket_id(sources.of_webhook(data.get("ticket_source")), _EXTERNAL_ID.validate_python(external_id))
    except ValidationError as error:
        raise c.malformed(error, "external_id") from None

"""The generic signed webhook in (Standard Webhooks): any system opens tickets and gives them commands.

Whoever holds the secret is an integration. Where it names who gave a command (`by`), that person did it, as an agent;
where it names nobody, it speaks for itself, and may do what an integration may. It is never a lead. Its tickets have
the source `webhook`, and it speaks for the customers of those.
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
from services.intake.identities import identity_of
from services.intake.opening import came_in
from services.intake.request import ExternalId, OpenRequest, without_blanks
from services.tickets import TicketService
from services.webhooks.deliveries import Delivery, Later, Unreadable, Unverified
from services.webhooks.json_body import NotReadable, parsed
from store import inbox
from store.database import Database

OPEN = "ticket.open"
REPLIED = "customer.replied"
"""The same as `ticket.reply`, by the customer."""
NAMES = {name: f"ticket.{name.replace('_', '-')}" for name in (kind.model_fields["do"].default for kind in c.UPDATES)}
"""Command -> the type of its webhook."""
COMMANDS = {kind: name for name, kind in NAMES.items()}
REFERENCE = ("ticket", "ticket_source", "external_id")
"""How the data names its ticket: by our id, or by the one that another system gave it, and which system."""
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
        self, secrets: Sequence[SecretStr], desk: TicketService, db: Database, *, speaks_for: Sequence[str] = ()
    ) -> None:
        """Any of `secrets` may have signed, so that one can be replaced without a gap. `speaks_for` are sources beside
        its own for whose customers it speaks."""
        self._secrets = secrets
        self._desk = desk
        self._db = db
        self._speaks_for = (sources.WEBHOOK, *speaks_for)

    def accept(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Sequence[Delivery]:
        """One delivery, complete: a command that is malformed is refused while the sender listens."""
        try:
            name = verify(self._secrets, headers, body, now)
        except BadSignature as bad:
            raise Unverified(str(bad)) from None
        kind, data = _read(body)
        try:
            if kind == OPEN:
                request = _request(data)
                came_in(request, now)
                ticket = ticket_id(request.source, request.external_id)
                about = f"opening {ticket}"  # it waits for no command that came before it
            else:
                about = ticket = _ticket(data)
                command, payload = _command(kind, data, name)
                c.parse(payload, command)
        except Refused as refused:
            raise Unreadable(refused.message) from None
        return [Delivery(id=name, about=about, payload={"type": kind, "data": data}, ticket=ticket)]

    async def act(self, delivery: Delivery) -> str | None:
        if not delivery.payload:
            return delivery.ticket  # its person was erased before anybody acted on it
        kind, data = delivery.payload["type"], delivery.payload["data"]
        if kind == OPEN:
            # A ticket begins when it came in, however long we were away.
            request = _request(data)
            opened_at = request.opened_at or delivery.received
            ticket = (await self._desk.open(request.model_copy(update={"opened_at": opened_at}))).ticket
            await asyncio.to_thread(self._wake, ticket)
            return ticket
        command, payload = _command(kind, data, delivery.id)
        ticket = _ticket(data)
        await self._check(ticket, payload, delivery)
        return (await self._desk.handle(ticket, command, payload, received=delivery.received)).ticket

    async def _check(self, ticket: str, payload: dict[str, Any], delivery: Delivery) -> None:
        """Raise NoTicketYet or Refused where there is no such ticket, and Refused for the words of another source's
        customers."""
        home = await self._desk.home(ticket)
        if home is None:
            if delivery.received and datetime.now(UTC) - delivery.received < EARLY:
                raise NoTicketYet(f"ticket {ticket} is not open yet")
            raise Refused("not_found", f"there is no ticket {ticket}")
        if payload["role"] is not Role.AGENT:
            sources.check_speaks(self._speaks_for, home)

    def _wake(self, ticket: str) -> None:
        """What came before the ticket is acted on now."""
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
    if not isinstance(kind, str) or (kind not in (OPEN, REPLIED) and kind not in COMMANDS):
        raise Unreadable(f"its type is none of {', '.join([OPEN, REPLIED, *COMMANDS])}")
    return kind, content["data"]


def _request(data: dict[str, Any]) -> OpenRequest:
    """The form, with the role that its sender may have: whoever opened it is the customer, unless the form says that
    it was one of us. Raises Refused."""
    form = without_blanks(data)
    sources.check_actor(form.get("by"))
    role = Role.AGENT if form.get("role") in list(c.STAFF) else Role.CUSTOMER
    return OpenRequest.parse(form | {"source": sources.of_webhook(form.get("source")), "role": role})


def _command(kind: str, data: dict[str, Any], delivery_id: str) -> tuple[str, dict[str, Any]]:
    """The command's name and its payload: the delivery's id makes it idempotent, and the role is ours to say. Raises
    Refused."""
    payload = {name: value for name, value in data.items() if name not in REFERENCE and value is not None}
    by = payload.get("by")
    sources.check_actor(by)
    role = Role.CUSTOMER if kind == REPLIED else Role.AGENT if by else Role.INTEGRATION
    if kind == REPLIED:
        by = by or "customer"
    who = {"by": by or "integration", "role": role, "id": identity_of("webhook", delivery_id)}
    return COMMANDS.get(kind, "reply"), payload | who


def _ticket(data: dict[str, Any]) -> str:
    """The ticket that the data names. Raises Refused."""
    if (ticket := data.get("ticket")) is not None:
        try:
            return spoken(str(ticket))
        except ValueError as error:
            raise Refused("malformed", str(error), fields={"ticket": str(error)}) from None
    if (external_id := data.get("external_id")) is not None:
        try:
            return ticket_id(sources.of_webhook(data.get("ticket_source")), _EXTERNAL_ID.validate_python(external_id))
        except ValidationError as error:
            raise c.malformed(error, "external_id") from None
    raise Refused("malformed", "data names no ticket: give `ticket`, or `external_id` with `ticket_source`")

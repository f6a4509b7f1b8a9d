"""The generic signed webhook in (Standard Webhooks): any system opens tickets and gives them commands.

Whoever holds the secret is an integration. Where it names who did something (`by`), that person did it, as an agent;
where it names nobody, it speaks for itself, and may do what an integration may. It is never a lead.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from domain import commands as c
from domain.ids import spoken, ticket_id
from domain.refusal import Refused
from domain.words import Role
from frontdoor.deliveries import Delivery, Unreadable, Unverified
from frontdoor.desk import Desk
from frontdoor.opening import came_in
from frontdoor.readable import NotReadable, parsed
from frontdoor.requests import OpenRequest
from integrations.chat.signing import PROOF, BadSignature, verify

OPEN = "ticket.open"
REPLIED = "customer.replied"
"""The same as `ticket.reply`, by the customer."""
NAMES = {name: f"ticket.{name.replace('_', '-')}" for name in (kind.model_fields["do"].default for kind in c.UPDATES)}
"""Command -> the type of its webhook."""
COMMANDS = {kind: name for name, kind in NAMES.items()}
REFERENCE = ("ticket", "ticket_source", "external_id")
"""How the data names its ticket: by our id, or by the one that another system gave it, and which system."""


class GenericHook:
    """Implements `Hook`."""

    name = "generic"
    proof: Sequence[str] = PROOF
    longest = 2_097_152

    def __init__(self, secrets: Sequence[SecretStr], desk: Desk) -> None:
        """Any of `secrets` may have signed, so that one can be replaced without a gap."""
        self._secrets = secrets
        self._desk = desk

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
            else:
                ticket = _ticket(data)
                command, payload = _command(kind, data, name)
                c.parse(payload, command)
        except Refused as refused:
            raise Unreadable(refused.message) from None
        return [Delivery(id=name, about=ticket, payload={"type": kind, "data": data}, ticket=ticket)]

    async def act(self, delivery: Delivery) -> str | None:
        if not delivery.payload:
            return delivery.ticket  # its person was erased before anybody acted on it
        kind, data = delivery.payload["type"], delivery.payload["data"]
        if kind == OPEN:
            # A ticket begins when it came in, however long we were away.
            request = _request(data)
            opened_at = request.opened_at or delivery.received
            return (await self._desk.open(request.model_copy(update={"opened_at": opened_at}))).ticket
        command, payload = _command(kind, data, delivery.id)
        return (await self._desk.give(_ticket(data), command, payload, received=delivery.received)).ticket


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
    """The form, with the role that its sender may have."""
    who = {"role": Role.AGENT if data.get("by") else Role.CUSTOMER}
    return OpenRequest.parse({"source": "webhook"} | data | who)


def _command(kind: str, data: dict[str, Any], delivery_id: str) -> tuple[str, dict[str, Any]]:
    """The command's name and its payload: the delivery's id makes it idempotent, and the role is ours to say."""
    payload = {name: value for name, value in data.items() if name not in REFERENCE}
    by = payload.get("by")
    role = Role.CUSTOMER if kind == REPLIED else Role.AGENT if by else Role.INTEGRATION
    if kind == REPLIED:
        by = by or "customer"
    who = {"by": by or "integration", "role": role, "id": f"webhook:{delivery_id}"[:200]}
    return COMMANDS.get(kind, "reply"), payload | who


def _ticket(data: dict[str, Any]) -> str:
    """The ticket that the data names. Raises Refused."""
    if isinstance(data.get("ticket"), str):
        try:
            return spoken(data["ticket"])
        except ValueError as error:
            raise Refused("malformed", str(error), fields={"ticket": str(error)}) from None
    if isinstance(data.get("external_id"), str):
        return ticket_id(str(data.get("ticket_source", "webhook")), data["external_id"])
    raise Refused("malformed", "data names no ticket: give `ticket`, or `external_id` with `ticket_source`")

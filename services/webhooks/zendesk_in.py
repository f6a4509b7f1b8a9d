"""What happens in Zendesk, brought to our tickets.

A webhook only says that something happened. What it was is read from Zendesk itself: the ticket and its history, from
where we last left off. So a delivery that was forged, lost, late or out of order changes nothing that is not true, and
the next one brings what an earlier one did not.

- A ticket that we do not know is opened, as it was written there.
- What the customer writes is a reply. An agent's public comment is a response, and meets the first response at its own
  time (C5, C12); with the ticket set to pending it is a question (C6); with the ticket set to solved it is a
  resolution, which the gates may refuse (G9): then a note there names what is missing, and the status is set back.
- A priority that an agent sets there is ours too, as far as the settings say which is which.
- Our own comments come back as well: they carry our marker, and are passed over.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr

from domain.core.enums import Channel, Priority, Role
from domain.core.ids import ticket_id
from domain.core.refusal import Refused
from domain.core.values import Frozen
from integrations.calls import Rejected
from integrations.helpdesk.zendesk.port import Audit, Comment, HelpdeskPort, HelpdeskTicket
from integrations.helpdesk.zendesk.webhook import (
    BODY_LIMIT,
    SIGNATURE,
    SIGNED_AT,
    BadSignature,
    NotUnderstood,
    read,
    verify,
)  # fmt: skip
from services.intake.identities import identity_of
from services.intake.request import OpenRequest
from services.intake.sources import ZENDESK
from services.tickets import TicketService
from services.webhooks.deliveries import Delivery, Unreadable, Unverified
from store import helpdesk_links
from store.database import Database

SYSTEM = ZENDESK
"""Our name of it: the source of its tickets, which nobody else opens."""
SOURCE = "helpdesk"
"""The trusted source of its time stamps (C12)."""
OVER = ("solved", "closed")
SHORT, MOST = 200, 50
"""Of the form: characters of a word, and words."""
CHANNELS = {
    "chat": Channel.CHAT,
    "native_messaging": Channel.CHAT,
    "voice": Channel.PHONE,
    "slack": Channel.SLACK,
    "microsoft_teams": Channel.TEAMS,
    "mobile_sdk": Channel.IN_APP,
    "mobile": Channel.IN_APP,
    "web_widget": Channel.IN_APP,
}
"""Zendesk's channels as ours; anything else, forms of the help centre too, counts as mail."""


class Reading(Frozen):
    """Which custom fields of Zendesk say what. By their numbers there."""

    product_area: int | None = None
    priority: dict[str, Priority] = {}
    """Zendesk's word for a priority -> ours. What is not here changes nothing: a P0 pages people."""
    record: dict[str, int] = {}
    """Parts of a resolution's record (G9): `what_was_done`, `root_cause`, `kb_article`, `kb_reason`,
    `identity_check`, `resolution`, `parent`, `customer_reason`."""


class ZendeskHook:
    """Implements `Hook`."""

    name = SYSTEM
    proof: Sequence[str] = (SIGNATURE, SIGNED_AT)
    longest = BODY_LIMIT

    def __init__(
        self,
        secrets: Sequence[SecretStr],
        port: HelpdeskPort,
        desk: TicketService,
        db: Database,
        fields: Reading = Reading(),  # noqa: B008  # immutable
        *,
        evidence: timedelta = timedelta(hours=24),
    ) -> None:
        """Any of `secrets` may have signed, so that one can be replaced without a gap. `evidence` is how old a ticket
        may be and still count from its own creation (C12)."""
        self._secrets = secrets
        self._port = port
        self._desk = desk
        self._db = db
        self._reading = fields
        self._evidence = evidence

    def accept(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Sequence[Delivery]:
        try:
            verify(self._secrets, headers, body, now)
            news = read(body)
        except BadSignature as bad:
            raise Unverified(str(bad)) from None
        except NotUnderstood as error:
            raise Unreadable(str(error)) from None
        if news is None:
            return []
        ours = ticket_id(SYSTEM, str(news.ticket))
        return [Delivery(id=news.id, about=str(news.ticket), ticket=ours)]

    async def act(self, delivery: Delivery) -> str | None:
        """Bring our ticket up to what Zendesk's history says, one change after the other; each is noted once it is
        done, and has its own id, so that whoever goes on after a crash repeats one at most, and nothing by it."""
        number = int(delivery.about)
        try:
            there = await asyncio.to_thread(self._port.ticket, number)
            audits = await asyncio.to_thread(self._port.audits, number)
        except Rejected as error:
            raise Refused("not_found", str(error)) from None
        link = await asyncio.to_thread(self._link, number)
        if link is None:
            if there.status in OVER and not self._recent(there, delivery.received):
                return None  # from before we were connected: nobody waits for anything
            ticket, heard = await self._open(there, delivery), _opening(audits)
            await asyncio.to_thread(self._hear, number, ticket, heard)
        else:
            ticket, heard = link.ticket_id, link.heard
        for audit in audits:
            if audit.id > heard:
                if not audit.marker:
                    await asyncio.to_thread(self._see, number, audit)
                    ticket = await self._tell(ticket, audit, there, delivery)
                await asyncio.to_thread(self._hear, number, ticket, audit.id)
        return ticket

    # -- Opening ---------------------------------------------------------------------------------------------

    async def _open(self, there: HelpdeskTicket, delivery: Delivery) -> str:
        """Open it as it was written there; it counts from its own creation, if that is recent enough (C12)."""
        request = self._request(there, delivery.received)
        return (await self._desk.open(request, identity=identity_of(SYSTEM, f"open:{there.id}"))).ticket

    def _request(self, there: HelpdeskTicket, received: datetime | None) -> OpenRequest:
        channel = CHANNELS.get(there.via, Channel.EMAIL)
        by_phone = channel is Channel.PHONE and there.submitter not in (None, there.requester)
        area = there.fields.get(str(self._reading.product_area), "") if self._reading.product_area else ""
        form = {name: text for name, text in there.fields.items() if len(text) <= SHORT} | {"via": there.via[:SHORT]}
        return OpenRequest.parse(
            {
                "source": SYSTEM,
                "external_id": str(there.id),
                "account": {"id": there.organization or f"zendesk-user-{there.requester or 0}"},
                "channel": channel,
                "product_area": area[:SHORT],
                "priority": self._reading.priority.get(there.fields.get("priority", "")),
                "subject": there.subject,
                "description": there.description,
                "tags": there.tags,
                "form": dict(list(form.items())[-MOST:]),
                "parent": ticket_id(SYSTEM, str(there.follows)) if there.follows else None,
                "by": f"zendesk-{there.submitter if by_phone else there.requester or 0}",
                "role": Role.AGENT if by_phone else Role.CUSTOMER,
                "opened_at": there.created_at if self._recent(there, received) else received,
            }
        )

    def _recent(self, there: HelpdeskTicket, received: datetime | None) -> bool:
        """Whether it counts from its own creation: evidence may be so old, and no older (C12)."""
        return received is None or received - there.created_at <= self._evidence

    # -- What happened since ---------------------------------------------------------------------------------

    async def _tell(self, ticket: str, audit: Audit, there: HelpdeskTicket, delivery: Delivery) -> str:
        """Give our ticket what one change of Zendesk's means, as far as it fits its state.

        Returns the ticket that speaks for it from now on: a reply after closing opens a linked one (C10).
        """
        for name, payload in self._meanings(audit, there):
            who = {
                "by": f"zendesk-{audit.by}",
                "role": Role.AGENT if audit.by_staff else Role.CUSTOMER,
                "id": f"zendesk:{audit.id}:{name}",
            }
            try:
                ticket = (await self._desk.handle(ticket, name, payload | who, received=delivery.received)).ticket
            except Refused as refused:
                if name == "resolve" and refused.code == "missing_fields":
                    await self._say_missing(ticket, audit, refused, delivery)
            else:
                if name == "resolve":  # its message was told with it
                    break
        return ticket

    def _meanings(self, audit: Audit, there: HelpdeskTicket) -> list[tuple[str, dict[str, Any]]]:
        """The commands that a change of Zendesk's comes down to, in order."""
        comment, stamped = audit.comment, {"occurred": audit.at.isoformat(), "source": SOURCE}
        if not audit.by_staff:
            return [("reply", {"text": comment.text} | stamped)] if comment else []
        found: list[tuple[str, dict[str, Any]]] = []
        if priority := self._reading.priority.get(audit.priority or ""):
            found.append(("prioritise", {"priority": priority, "reason": "It was changed in the helpdesk."}))
        if audit.status == "solved":
            found.append(("resolve", self._record(there, comment) | stamped))
        if comment and comment.public:
            found.append(("respond", {"text": comment.text} | stamped))
        elif comment:
            found.append(("note", {"text": comment.text}))
        if comment and comment.public and audit.status == "pending":
            found.append(("wait", {"question": "As in the message before."}))  # which counts at its own time
        if comment is None and audit.status in ("open", "hold"):
            found.append(("reopen", {"reason": "It was reopened in the helpdesk."}))
        if audit.status == "closed":
            found.append(("close", {}))
        return found

    def _record(self, there: HelpdeskTicket, comment: Comment | None) -> dict[str, Any]:
        """G9: the record of a resolution, as far as the agent filled in the fields for it."""
        filled = {name: there.fields.get(str(field)) for name, field in self._reading.record.items()}
        record = {"resolution": "solved"} | {name: value for name, value in filled.items() if value}
        return record | ({"message": comment.text} if comment and comment.public else {})

    async def _say_missing(self, ticket: str, audit: Audit, refused: Refused, delivery: Delivery) -> None:
        """A note names what is missing. It goes to Zendesk like any other, and with it the status that still holds."""
        text = f"Not resolved yet. Still missing: {', '.join(refused.missing)}."
        payload = {"text": text, "by": "tierline", "role": Role.AGENT, "id": f"tierline:{audit.id}:missing"}
        await self._desk.handle(ticket, "note", payload, received=delivery.received)

    # -- What is on record -----------------------------------------------------------------------------------

    def _link(self, number: int) -> helpdesk_links.Link | None:
        with self._db.session() as session:
            return helpdesk_links.find(session, SYSTEM, str(number))

    def _see(self, number: int, audit: Audit) -> None:
        """The status that people set there: where ours is another, it is set back with the next thing that we say."""
        with self._db.begin() as session:
            link = helpdesk_links.find(session, SYSTEM, str(number))
            if link and audit.status:
                helpdesk_links.note_fields(session, link, link.fields | {"status": audit.status})

    def _hear(self, number: int, ticket: str, heard: int) -> None:
        with self._db.begin() as session:
            helpdesk_links.hear(session, SYSTEM, str(number), ticket, heard)


def _opening(audits: Sequence[Audit]) -> int:
    """The change with which a ticket began: its comment is the description."""
    return next((audit.id for audit in audits if audit.opening), 0)

"""What happens in Zendesk, brought to our tickets.

A webhook only says that something happened. What it was is read from Zendesk itself: the ticket and its history, from
where we last left off. So a delivery that was forged, lost, late or out of order changes nothing that is not true, and
the next one brings what an earlier one did not.

- A ticket that we do not know is opened, as it was written there. One that an agent opened for the customer with a
  public message is answered by that (C5).
- What each change comes down to, and by whose word (G12), is in `zendesk_meanings` and `zendesk_authors`.
- What was merged, deleted, marked as spam or closed there ends here as well (G13). Restored there, it goes on as a
  linked ticket.
- Our own comments come back as well: they carry our marker, and are passed over.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr

from domain.core.enums import Role
from domain.core.ids import ticket_id
from domain.core.refusal import Refused
from integrations.calls import Rejected
from integrations.helpdesk.zendesk.history import ASIDE
from integrations.helpdesk.zendesk.port import Audit, HelpdeskPort, HelpdeskTicket, History, Merge
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
from services.intake.sources import FOLLOW_UP
from services.tickets import TicketService
from services.webhooks.deliveries import Delivery, Unreadable, Unverified
from services.webhooks.zendesk_authors import Listed
from services.webhooks.zendesk_meanings import (
    SYSTEM,
    HelpdeskCase,
    Reading,
    first_status,
    meanings,
    merged_away,
    opening_of,
    opening_request,
)  # fmt: skip
from store import helpdesk_links, journal
from store.database import Database

OVER = ("solved", "closed")
GONE = 404


class ZendeskHook:
    """Implements `Hook`."""

    name = SYSTEM
    proof: Sequence[str] = (SIGNATURE, SIGNED_AT)
    longest = BODY_LIMIT

    def __init__(
        self,
        secrets: Sequence[SecretStr],
        port: HelpdeskPort,
        service: TicketService,
        db: Database,
        fields: Reading = Reading(),  # noqa: B008  # immutable
        *,
        evidence: timedelta = timedelta(hours=24),
    ) -> None:
        """Any of `secrets` may have signed, so that one can be replaced without a gap. `evidence` is how old a ticket
        may be and still count from its own creation (C12)."""
        self._secrets = secrets
        self._port = port
        self._service = service
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
        ended = {"ended": news.ended} if news.ended else {}
        return [Delivery(id=news.id, about=str(news.ticket), payload=ended, ticket=ours)]

    async def act(self, delivery: Delivery) -> str | None:
        """Bring our ticket up to what Zendesk's history says, one change after the other; each is noted once it is
        done, and has its own id, so that whoever goes on after a crash repeats one at most, and nothing by it."""
        number = int(delivery.about)
        link = await asyncio.to_thread(self._link, number)
        try:
            case = await self._case(number)
        except Rejected as error:
            if error.status == GONE and (link or "ended" in delivery.payload):
                return await self._end(link, "spam" if delivery.payload.get("ended") == "spam" else "deleted", delivery)
            raise Refused("not_found", str(error)) from None
        if case.there.status == "deleted":
            return await self._end(link, "deleted", delivery)
        audits = case.history.audits
        if link is None:
            if self._is_old(case.there, delivery) or merged_away(case) or case.there.via == ASIDE:
                return None  # nobody waits for anything, or they wait in the ticket that it was merged into
            ticket, last_read = await self._open(case, delivery), opening_of(audits)
            await asyncio.to_thread(self._note_read, number, ticket, last_read)
            await asyncio.to_thread(self._see, number, first_status(case))
        else:
            ticket, last_read = link.ticket_id, link.last_read
            if await asyncio.to_thread(self._was_discarded, ticket):
                last_read = max(audit.id for audit in audits)
                ticket = await self._open_again(case, ticket, "restored", delivery)
                await asyncio.to_thread(self._note_read, number, ticket, last_read)
        for audit in audits:
            if audit.id > last_read:
                if not audit.marker:
                    await asyncio.to_thread(self._see, number, audit.status)
                    ticket = await self._pass_on(ticket, audit, case, delivery)
                await asyncio.to_thread(self._note_read, number, ticket, audit.id)
        return ticket

    async def _case(self, number: int) -> HelpdeskCase:
        """Read a ticket with its history. Raises Rejected where there is none."""
        there = await asyncio.to_thread(self._port.ticket, number)
        history = await asyncio.to_thread(self._port.history, number)
        return HelpdeskCase.of(there, history, await asyncio.to_thread(self._listed, history), self._reading)

    # -- Opening and ending ----------------------------------------------------------------------------------

    async def _open(self, case: HelpdeskCase, delivery: Delivery) -> str:
        """Open it as it was written there; it counts from its own creation, if that is recent enough (C12)."""
        recent = self._recent(case.there, delivery.received)
        request = opening_request(case, self._reading, case.there.created_at if recent else delivery.received)
        return (await self._service.open(request, identity=identity_of(SYSTEM, f"open:{case.there.id}"))).ticket

    async def _open_again(self, case: HelpdeskCase, closed: str, why: str, delivery: Delivery) -> str:
        """Open a linked ticket for one that goes on in Zendesk after it has ended here (C10, G13)."""
        own = {"source": FOLLOW_UP, "external_id": f"{closed}:{why}", "parent": closed}
        request = opening_request(case, self._reading, delivery.received)
        # A message of ours from back then is no answer now.
        texts = {"description": request.description or request.message, "message": ""}
        return (await self._service.open(request.model_copy(update=own | texts))).ticket

    def _is_old(self, there: HelpdeskTicket, delivery: Delivery) -> bool:
        """Return whether a ticket of the helpdesk was over before we were connected."""
        return there.status in OVER and not self._recent(there, delivery.received)

    def _recent(self, there: HelpdeskTicket, received: datetime | None) -> bool:
        """Return whether it counts from its own creation: evidence may be so old, and no older (C12)."""
        return received is None or received - there.created_at <= self._evidence

    async def _end(self, link: helpdesk_links.Link | None, how: str, delivery: Delivery) -> str | None:
        """End a ticket that Zendesk has no more (G13). Deleted there before we knew of it, it is never opened."""
        if link is None:
            return None
        await self._finish(link.ticket_id, {"how": how, "id": identity_of(SYSTEM, f"{delivery.id}:end")}, delivery)
        return link.ticket_id

    async def _finish(self, ticket: str, end: dict[str, Any], delivery: Delivery) -> None:
        """End a ticket as it ended there. One that is closed already stays as it is."""
        if await asyncio.to_thread(self._is_closed, ticket):
            return
        with suppress_closed():
            who = {"by": SYSTEM, "role": Role.INTEGRATION}
            await self._service.handle(ticket, "end", who | end, received=delivery.received)

    # -- What happened since ---------------------------------------------------------------------------------

    async def _pass_on(self, ticket: str, audit: Audit, case: HelpdeskCase, delivery: Delivery) -> str:
        """Give our ticket what one change there comes down to. Returns the ticket that speaks for it from now on."""
        if audit.merge:
            await self._merged(audit.merge, audit, case, delivery)
        for name, payload in meanings(audit, case, self._reading):
            command = payload | {"id": f"{SYSTEM}:{audit.id}:{name}"}
            if name == "end":
                await self._finish(ticket, command, delivery)
                continue
            try:
                if name == "say":
                    await self._leave_note(ticket, audit, payload["text"], delivery)
                    continue
                ticket = await self._handle(ticket, name, command, delivery)
            except Refused as refused:
                if name == "resolve" and refused.code == "missing_fields":
                    text = f"Not resolved yet. Still missing: {', '.join(refused.missing)}."
                    await self._leave_note(ticket, audit, text, delivery)
                if name == "reopen" and refused.code == "closed":
                    ticket = await self._open_again(case, ticket, f"reopened:{audit.id}", delivery)
            else:
                if name == "resolve":  # its message was told with it
                    break
        return ticket

    async def _handle(self, ticket: str, name: str, payload: dict[str, Any], delivery: Delivery) -> str:
        """Hand over one command. Raises Refused."""
        try:
            return (await self._service.handle(ticket, name, payload, received=delivery.received)).ticket
        except Refused as refused:
            if name != "note" or refused.code != "not_allowed":
                raise
        # A ticket that began before machines left notes (G12) takes it as ours: it is no less internal.
        internal = payload | {"role": Role.AGENT, "public": False}
        return (await self._service.handle(ticket, name, internal, received=delivery.received)).ticket

    async def _merged(self, merge: Merge, audit: Audit, case: HelpdeskCase, delivery: Delivery) -> None:
        """End the ticket that was merged into this one, though nobody may have said so of it. (That this one was merged
        away is one of its `meanings`.)"""
        if merge.source is None or merge.source == case.there.id:
            return
        if link := await asyncio.to_thread(self._link, merge.source):
            into = ticket_id(SYSTEM, str(case.there.id))
            end = {"how": "merged", "into": into, "id": f"{SYSTEM}:{audit.id}:end", "by": f"{SYSTEM}-{audit.by}"}
            await self._finish(link.ticket_id, end, delivery)

    async def _leave_note(self, ticket: str, audit: Audit, text: str, delivery: Delivery) -> None:
        """Leave a note. It goes to Zendesk like any other, and with it the status that still holds."""
        payload = {"text": text, "by": "tierline", "role": Role.AGENT, "id": f"tierline:{audit.id}:missing"}
        await self._service.handle(ticket, "note", payload, received=delivery.received)

    # -- What is on record -----------------------------------------------------------------------------------

    def _link(self, number: int) -> helpdesk_links.Link | None:
        with self._db.session() as session:
            return helpdesk_links.find(session, SYSTEM, str(number))

    def _is_closed(self, ticket: str) -> bool:
        with self._db.session() as session:
            known = journal.load(session, ticket)
        return known is not None and known.closed

    def _was_discarded(self, ticket: str) -> bool:
        with self._db.session() as session:
            known = journal.load(session, ticket)
        return known is not None and known.discarded

    def _listed(self, history: History) -> Listed:
        """Return who was on the list of agents when: as we have seen it then, else as it is today."""
        return lambda person, _at: person in history.people and history.people[person].staff

    def _see(self, number: int, status: str | None) -> None:
        """Note the status that people set in Zendesk: where ours is another, it is set back with the next thing we
        write."""
        with self._db.begin() as session:
            link = helpdesk_links.find(session, SYSTEM, str(number))
            if link and status:
                helpdesk_links.note_fields(session, link, link.fields | {"status": status})

    def _note_read(self, number: int, ticket: str, last_read: int) -> None:
        with self._db.begin() as session:
            helpdesk_links.note_read(session, SYSTEM, str(number), ticket, last_read)


@contextmanager
def suppress_closed() -> Iterator[None]:
    """Take it for done that a ticket is closed already: it ended twice."""
    try:
        yield
    except Refused as refused:
        if refused.code != "closed":
            raise

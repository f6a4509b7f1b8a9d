"""The generic webhook of a Tierline that works, moved by hand: what is sent is acted on before `send` returns."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from temporalio.client import Client

from activities.support.ops_alerts import OpsAlerts
from domain.ticket.state import Ticket
from integrations.standard_webhooks import headers_for
from integrations.standins.run import CHAT_SECRET
from services.tickets import TicketService
from services.webhooks.deliveries import Deliveries
from services.webhooks.generic import GenericHook
from store import journal
from store.database import Database
from store.tables.integrations import InboxRow, OutboxRow
from tests.support.policy import POLICY
from tests.support.waiting import until


class Door:
    """The generic webhook of a Tierline that works, moved by hand."""

    def __init__(self, client: Client, db: Database) -> None:
        self.db = db
        self.hook = GenericHook([CHAT_SECRET], TicketService(client, db, POLICY), db)
        self.deliveries = Deliveries(db, [self.hook], OpsAlerts(("ops",)))

    async def send(self, kind: str, data: Any, name: str | None = None) -> str:
        body = json.dumps({"type": kind, "data": data}).encode()
        name = name or uuid4().hex
        headers = headers_for(CHAT_SECRET, name, datetime.now(UTC), body)
        assert (await self.deliveries.receive("generic", headers, body)).new
        await self.deliveries.work()
        return name

    def row(self, name: str) -> InboxRow:
        with self.db.session() as session:
            return session.scalars(select(InboxRow).where(InboxRow.delivery_id == name)).one()

    async def replies(self, ticket: str, count: int) -> None:
        await until(lambda: self._replies(ticket) == count)

    def _replies(self, ticket: str) -> int:
        with self.db.session() as session:
            return [entry.event.body.type for entry in journal.timeline(session, ticket)].count("replied")

    async def opened(self, **form: Any) -> Ticket:
        """Send an opening that has to lead to a ticket. Returns the ticket as it is on record."""
        number = uuid4().hex
        name = await self.send("ticket.open", a_form(number, **form))
        row = self.row(name)
        assert (row.handled_at is not None, row.error) == (True, None), row.error
        return self.ticket(str(row.ticket_id))

    def ticket(self, ticket_id: str) -> Ticket:
        """A ticket as it is on record."""
        with self.db.session() as session:
            found = journal.load(session, ticket_id)
        assert found is not None
        return found

    def texts(self, ticket_id: str) -> dict[str, str]:
        """The texts of a ticket, by where they stand."""
        with self.db.session() as session:
            return journal.texts(session, ticket_id)

    def types(self, ticket_id: str) -> list[str]:
        """What happened to a ticket, in order."""
        with self.db.session() as session:
            return [entry.event.body.type for entry in journal.timeline(session, ticket_id)]

    async def until(self, ticket_id: str, last: str) -> None:
        """Wait until the journal ends with an event of a type."""

        async def there() -> bool:
            return (await asyncio.to_thread(self.types, ticket_id))[-1] == last

        await until(there)

    def titles(self) -> list[str]:
        """What ops were told."""
        with self.db.session() as session:
            return list(session.scalars(select(OutboxRow.title).where(OutboxRow.name == "integration_failing")))


def a_form(number: str, **more: Any) -> dict[str, Any]:
    return {"external_id": number, "account": {"id": "acme", "plan": "standard"}, "subject": "It broke."} | more

"""A house with a Zendesk beside it: a real Temporal, PostgreSQL, workers, inbox and feed, over sockets."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from temporalio.client import Client

from activities.support.ops_alerts import OpsAlerts
from domain.core.ids import ticket_id
from domain.ticket.state import Ticket
from integrations.helpdesk.zendesk.client import ZendeskClient
from integrations.standins.zendesk import SECRET, Delivery, ZendeskControl, zendesk_config
from services.tickets import TicketService
from services.webhooks.deliveries import Deliveries
from services.webhooks.zendesk_in import ZendeskHook
from services.webhooks.zendesk_meanings import Reading
from services.webhooks.zendesk_out import Writing, ZendeskOut
from store import journal
from store import webhook_outbox as feed
from store.database import Database
from tests.support.policy import POLICY
from tests.support.waiting import until
from workers.webhook_relay import WebhookRelay

TIER, DUE, DONE, CAUSE, ARTICLE = 11, 12, 21, 22, 23
"""Custom fields of this Zendesk."""
PUT = {"method": "PUT", "path": "/api/v2/tickets/*"}


SHOWN = Writing(tier=TIER, sla_deadline=DUE)


class Helpdesk:
    """All of it, moved by hand: what came in is acted on, and what goes out is sent, when a test says so."""

    def __init__(self, zendesk: ZendeskControl, client: Client, db: Database) -> None:
        self.zendesk, self.db = zendesk, db
        self.desk = TicketService(client, db, POLICY)
        self.port = ZendeskClient(zendesk_config(zendesk.url))
        self.read()
        self._brought = 0
        with db.begin() as session:
            feed.register(session, [ZendeskOut.destination])

    def read(self, **more: Any) -> None:
        """Which fields of Zendesk say what."""
        read = Reading(record={"what_was_done": DONE, "root_cause": CAUSE, "kb_article": ARTICLE}, **more)
        self.hook = ZendeskHook([SECRET], self.port, self.desk, self.db, read)
        self.deliveries = Deliveries(self.db, [self.hook], OpsAlerts(("ops",)), first_retry=timedelta(0))

    async def receive(self, delivery: Delivery) -> int:
        return (await self.deliveries.receive("zendesk", delivery.headers, delivery.body.encode())).new

    async def bring(self) -> None:
        """Every webhook that has not come yet, and what it leads to."""
        new = self.zendesk.deliveries()[self._brought :]
        self._brought += len(new)
        for delivery in new:
            await self.receive(delivery)
        await self.deliveries.work()

    async def tell(self, *, look_first: bool = True, later: timedelta = timedelta(0), show: Writing = SHOWN) -> None:
        """Everything that waits to go out, as if it were `later`."""

        def now() -> datetime:
            return datetime.now(UTC) + later

        sink = ZendeskOut(self.db, self.port, show, ops=OpsAlerts(["ops"]), look_first=look_first, now=now)
        feeder = WebhookRelay(self.db, sink, OpsAlerts(["ops"]), now=now)
        while await asyncio.to_thread(feeder.send_one):
            pass

    def ticket(self, number: int) -> Ticket:
        return self.stands(ticket_id("zendesk", str(number)))

    def stands(self, ticket: str) -> Ticket:
        with self.db.session() as session:
            found = journal.load(session, ticket)
        assert found is not None
        return found

    def types(self, ticket: str) -> list[str]:
        with self.db.session() as session:
            return [entry.event.body.type for entry in journal.timeline(session, ticket)]

    async def handle(self, number: int, name: str, **payload: Any) -> None:
        """A command of ours, journalled."""
        ticket = ticket_id("zendesk", str(number))
        answer = await self.desk.handle(ticket, name, {"by": "ada", "id": uuid4().hex} | payload)
        await until(lambda: self.stands(answer.ticket).seq >= answer.seq)

    async def caught_up(self, number: int, kind: str) -> None:
        await until(lambda: kind in self.types(ticket_id("zendesk", str(number))))

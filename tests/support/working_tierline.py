"""A Tierline that works, whose workflows can be ended from outside."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from sqlalchemy import text
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError

from domain.core.enums import Plan
from domain.incident.state import Incident
from domain.incident.state import workflow_id as incident_workflow
from domain.ticket.state import Account, Ticket, workflow_id
from integrations.standins.run import Running, running
from services.incidents import IncidentService
from services.intake.request import OpenRequest
from services.tickets import TicketService
from store import journal
from store.database import Database
from store.journal import INCIDENTS
from tests.support.clients import clients
from tests.support.packages import T2_PACKAGE
from tests.support.policy import POLICY
from tests.support.waiting import until
from workers.worker import running as workers_running


class Tierline:
    """A Tierline that works, whose workflows can be ended from outside."""

    def __init__(self, client: Client, db: Database, outside: Running) -> None:
        self.client = client
        self.db = db
        self.tickets = TicketService(client, db, POLICY)
        self.incidents = IncidentService(client, db, POLICY)
        self.outside = outside

    async def seen(self, ticket: str, condition: Any) -> Ticket:
        """The ticket as its journal has it, as soon as it meets the condition."""

        async def met() -> Ticket | None:
            with self.db.session() as session:
                known = journal.load(session, ticket)
            return known if known and condition(known) else None

        found: Ticket = await until(met)
        return found

    async def end(self, ticket: str, *, delete: bool) -> None:
        """Terminate the ticket's workflow by hand; with `delete`, Temporal forgets it, as after its retention."""
        await self._end(workflow_id(ticket), delete=delete)

    async def _end(self, workflow: str, *, delete: bool) -> None:
        await self.client.get_workflow_handle(workflow).terminate("by hand")
        if delete:
            await self.forget(workflow, "")

    async def forget(self, workflow: str, run: str) -> None:
        """Let Temporal forget a run, as after its retention."""
        execution = WorkflowExecution(workflow_id=workflow, run_id=run)
        await self.client.workflow_service.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(namespace=self.client.namespace, workflow_execution=execution)
        )

        async def gone() -> bool:
            try:
                await self.client.get_workflow_handle(workflow, run_id=run).describe()
            except RPCError:
                return True
            return False

        await until(gone)

    async def incident(self, number: int, condition: Any) -> Incident:
        """The incident as its journal has it, as soon as it meets the condition."""

        async def met() -> Incident | None:
            with self.db.session() as session:
                known = INCIDENTS.load(session, number)
            return known if known and condition(known) else None

        found: Incident = await until(met)
        return found

    async def end_incident(self, number: int, upto: int) -> None:
        """End the incident's workflow so that Temporal forgets it, and take what came after event `upto` from its
        journal: as if it had died before that was recorded."""
        await self._end(incident_workflow(number), delete=True)
        with self.db.session() as session:
            events = [entry.event for entry in INCIDENTS.timeline(session, number, upto=upto)]
            run = INCIDENTS.timeline(session, number)[0].run_id
        with self.db.begin() as session:
            for table in ("incident_texts", "incident_events"):
                session.execute(text(f"DELETE FROM {table} WHERE number = :n"), {"n": number})
            session.execute(text("UPDATE incidents SET seq = 0, state = NULL WHERE number = :n"), {"n": number})
            session.execute(text("DELETE FROM outbox WHERE key LIKE :k"), {"k": f"incident-{number}:%"})
            INCIDENTS.append(session, number, run, events)

    def stands_at(self, workflow: str) -> int:
        kind, _, key = workflow.partition("-")
        with self.db.session() as session:
            found = journal.load(session, key) if kind == "ticket" else INCIDENTS.load(session, int(key))
        return found.seq if found else 0

    async def journalled(self, workflow: str, seq: int) -> None:
        """Return when the journal has this event."""

        async def there() -> bool:
            return self.stands_at(workflow) >= seq

        await until(there)

    async def open(self, **fields: Any) -> str:
        """A ticket that was taken, in the journal as well."""
        ticket = (await self.tickets.open(form(**fields))).ticket
        await self.give(ticket, "take")
        return ticket

    async def give(self, ticket: str, do: str, **payload: Any) -> int:
        """Give a command, and wait until the journal has what came of it; returns the event's place."""
        answer = await self.tickets.handle(ticket, do, {"by": "ada", **payload})
        await self.journalled(workflow_id(ticket), answer.seq)
        return answer.seq

    async def run_of(self, workflow: str) -> str:
        return str((await self.client.get_workflow_handle(workflow).describe()).run_id)

    def timeline(self, ticket: str) -> list[tuple[int, str, str]]:
        """Each live event of a ticket: its place, type and words."""
        with self.db.session() as session:
            entries = journal.timeline(session, ticket)
            assert journal.fold(session, ticket) == journal.load(session, ticket)
        return [(entry.event.seq, entry.event.body.type, entry.event.texts.get("text", "")) for entry in entries]

    def notices(self) -> list[str]:
        """What ops are told of journals."""
        with self.db.session() as session:
            rows = session.execute(text("SELECT title FROM outbox WHERE key LIKE '%journal_gap%' AND audience = 'ops'"))
            return [row.title for row in rows]

    def epochs(self, ticket: str) -> set[tuple[int, bool]]:
        with self.db.session() as session:
            rows = session.execute(
                text("SELECT epoch, superseded FROM ticket_events WHERE ticket_id = :ticket"), {"ticket": ticket}
            )
            return {(row.epoch, row.superseded) for row in rows}


@asynccontextmanager
async def a_tierline(client: Client, database_url: str, **options: Any) -> AsyncIterator[Tierline]:
    """A Tierline with its workers and stand-ins, for as long as the block lasts."""
    with running() as outside:
        db = Database(database_url)
        world = clients(db, outside, **options)
        async with workers_running(client, world):
            yield Tierline(client, db, outside)
        db.dispose()


async def worked_on(place: Tierline) -> Ticket:
    """A ticket that was taken, answered, and has its first package, in the journal as well."""
    ticket = (await place.tickets.open(form(priority="P2", category="bug"))).ticket
    for name, payload in (
        ("take", {}),
        ("step", {"text": "one"}),
        ("respond", {"text": "We look at it."}),
        ("fill", {"fields": T2_PACKAGE}),
    ):
        answer = await place.tickets.handle(ticket, name, {"by": "ada", **payload})
    return await place.seen(ticket, lambda known: known.seq == answer.seq)


def form(**fields: Any) -> OpenRequest:
    account = Account(id="acme", plan=Plan.STANDARD)
    return OpenRequest.parse({"external_id": uuid4().hex, "account": account, "priority": "P3"} | fields)

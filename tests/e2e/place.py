"""A Tierline that works, whose workflows can be ended from outside."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import text
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError

from domain.incident.state import Incident
from domain.incident.state import workflow_id as incident_workflow
from domain.ticket.state import Ticket, workflow_id
from integrations.jira.client import JiraClient
from integrations.pager.client import PagerDutyClient
from integrations.standins.run import Running, jira_config, pager_config, running
from services.incidents import IncidentService
from services.tickets import TicketService
from store import journal
from store.database import Database
from store.journal import INCIDENTS
from tests.e2e.test_desk import POLICY, form
from tests.workflow.stage import FIRST_PACKAGE, until
from workers.bootstrap import Clients
from workers.worker import running as workers_running


class Place:
    """A Tierline that works, whose workflows can be ended from outside."""

    def __init__(self, client: Client, db: Database, outside: Running) -> None:
        self.client = client
        self.db = db
        self.desk = TicketService(client, db, POLICY)
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
        handle = self.client.get_workflow_handle(workflow)
        await handle.terminate("by hand")
        if not delete:
            return
        execution = WorkflowExecution(workflow_id=workflow)
        await self.client.workflow_service.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(namespace=self.client.namespace, workflow_execution=execution)
        )

        async def gone() -> bool:
            try:
                await handle.describe()
            except RPCError:
                return True
            return False

        await until(gone, 90)

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

    def epochs(self, ticket: str) -> set[tuple[int, bool]]:
        with self.db.session() as session:
            rows = session.execute(
                text("SELECT epoch, superseded FROM ticket_events WHERE ticket_id = :ticket"), {"ticket": ticket}
            )
            return {(row.epoch, row.superseded) for row in rows}


@asynccontextmanager
async def a_place(client: Client, database_url: str) -> AsyncIterator[Place]:
    """A Place with its workers and stand-ins, for as long as the block lasts."""
    with running() as outside:
        db = Database(database_url)
        world = Clients(
            db=db,
            jira=JiraClient(jira_config(outside.jira.url)),
            pager=PagerDutyClient(pager_config(outside.pager.url)),
            ticket_url=lambda ticket: f"http://127.0.0.1/{ticket}",
        )
        async with workers_running(client, world):
            yield Place(client, db, outside)
        db.dispose()


async def worked_on(place: Place) -> Ticket:
    """A ticket that was taken, answered, and has its first package, in the journal as well."""
    ticket = (await place.desk.open(form(priority="P2", category="bug"))).ticket
    for name, payload in (
        ("take", {}),
        ("step", {"text": "one"}),
        ("respond", {"text": "We look at it."}),
        ("fill", {"fields": FIRST_PACKAGE}),
    ):
        answer = await place.desk.handle(ticket, name, {"by": "ada", **payload})
    return await place.seen(ticket, lambda known: known.seq == answer.seq)

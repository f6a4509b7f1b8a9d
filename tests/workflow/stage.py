"""A stage for workflow tests: the real server on virtual time, the real workflow, and activities that remember.

The activities here stand for the world outside of Temporal and only record; the real ones have their own tests.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from domain.events import Event
from domain.ticket import Account, Ticket
from domain.words import Plan
from frontdoor.opening import opening_story, start_ticket
from frontdoor.policy import load_policy
from frontdoor.requests import OpenRequest
from workflows import ports
from workflows.incident import IncidentWorkflow
from workflows.ticket import TicketWorkflow

POLICY = load_policy(None)
Handle = WorkflowHandle[Any, Any]


class World:
    """What the outside heard, in order."""

    def __init__(self) -> None:
        self.journal: dict[str, list[Event]] = {}
        self.issues: list[ports.JiraRequest] = []
        self.joins: list[ports.IncidentRequest] = []
        self.jira_down = False
        self.jira_refuses: str | None = None

    @activity.defn(name=ports.RECORD_EVENTS.name)
    async def record_events(self, request: ports.JournalRequest) -> ports.Nothing:
        known = self.journal.setdefault(request.ticket_id, [])
        fresh = [event for event in request.events if not known or event.seq > known[-1].seq]
        assert not fresh or not known or fresh[0].seq == known[-1].seq + 1
        known += fresh
        return ports.Nothing()

    @activity.defn(name=ports.CREATE_JIRA_ISSUE.name)
    async def create_jira_issue(self, request: ports.JiraRequest) -> ports.JiraResult:
        if self.jira_down:
            raise ApplicationError("Jira is down", type="Unknown")
        if self.jira_refuses:
            raise ApplicationError(self.jira_refuses, type=ports.REFUSED, non_retryable=True)
        self.issues.append(request)
        return ports.JiraResult(key=f"SUP-{len(self.issues)}", url="http://127.0.0.1/browse/SUP")

    @activity.defn(name=ports.JOIN_INCIDENT.name)
    async def join_incident(self, request: ports.IncidentRequest) -> ports.IncidentResult:
        self.joins.append(request)
        return ports.IncidentResult(number=None if request.only_if_open else 7)

    def types(self, ticket: str) -> list[str]:
        """The types of the ticket's journalled events."""
        return [event.body.type for event in self.journal.get(ticket, [])]


class Stage:
    """Opens tickets in the real workflow and gives them commands."""

    def __init__(self, client: Client, world: World) -> None:
        self.client = client
        self.world = world

    async def open(self, at: datetime | None = None, **form: Any) -> tuple[Ticket, Handle]:
        """Open a ticket at `at` (now, if not given); keyword arguments are the form's."""
        account = Account(id="acme", plan=Plan(form.pop("plan", "standard")), csm=form.pop("csm", None))
        request = OpenRequest.parse({"external_id": uuid4().hex, "account": account, "opened_at": at} | form)
        story = opening_story(POLICY, request, datetime.now(UTC))
        handle = await start_ticket(self.client, story.events, recorded=False)
        ticket = story.ticket
        return ticket, handle

    async def give(self, handle: Handle, do: str, **payload: Any) -> Any:
        """Give a command as an Update."""
        body = {"by": "ada", **payload}
        return await handle.execute_update(do, body, rpc_timeout=timedelta(seconds=20))

    async def see(self, handle: Handle) -> Ticket:
        """The ticket as the workflow has it."""
        return await handle.query("ticket", result_type=Ticket)


@asynccontextmanager
async def on_stage(client: Client, *, cached: int = 1000, queues: Sequence[str] = ports.QUEUES) -> AsyncIterator[Stage]:
    """Workers for every queue, with activities that remember."""
    world = World()
    activities = {
        ports.JOURNAL: [world.record_events, world.join_incident],
        ports.JIRA: [world.create_jira_issue],
    }
    async with AsyncExitStack() as stack:
        for queue in queues:
            workflows = [TicketWorkflow, IncidentWorkflow] if queue == ports.TICKETS else []
            if not workflows and queue not in activities:
                continue
            worker = Worker(
                client,
                task_queue=queue,
                workflows=workflows,
                activities=activities.get(queue, []),
                max_cached_workflows=cached,
                workflow_failure_exception_types=[Exception],  # a bug fails the test instead of hanging it
            )
            await stack.enter_async_context(worker)
        yield Stage(client, world)

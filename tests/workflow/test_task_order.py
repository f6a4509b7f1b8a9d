"""G10: who is served first while more tickets wait than workers can take. On the real server, with one slot."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from activities.support.signalling import start_incident
from domain.core.enums import Plan, Priority
from domain.core.refusal import Refused
from domain.incident.commands import Declare
from domain.incident.state import workflow_id as incident_workflow
from domain.ticket.state import Account, workflow_id
from integrations.standins.run import running
from services.policy_file.load import resolve_incident_terms
from services.tickets import TicketService
from store import incidents
from store.database import Database
from tests.support.clients import clients
from tests.support.packages import BOTH_PACKAGES
from tests.support.policy import POLICY
from tests.support.timeskipping import real_time
from tests.support.waiting import until
from tests.support.working_tierline import form
from workers.bootstrap import activities_of
from workers.worker import WORKFLOWS
from workflows import ports
from workflows.incident.messages import IncidentStart

pytestmark = pytest.mark.long

ONE_PARTITION = ("matching.numTaskqueueReadPartitions=1", "matching.numTaskqueueWritePartitions=1")
"""Several partitions of a queue are each in order, and the whole is only nearly so."""
OTHERS = 8
EARLY = OTHERS // 2
"""Whoever is served before half of the others was not served by turns of coming, which would be last of all."""


class Backlog:
    """Tickets on a server whose workers are started by the test, each with one slot."""

    def __init__(self, client: Client, db: Database, activities: dict[str, list[Any]]) -> None:
        self.client = client
        self.tickets = TicketService(client, db, POLICY)
        self.db = db
        self._activities = activities

    async def open(self, account: str, plan: Plan = Plan.STANDARD) -> str:
        fields = {"account": Account(id=account, plan=plan), "priority": "P3"}
        return (await self.tickets.open(form(**fields))).ticket

    async def wait_for_jira(self, account: str) -> str:
        """Open a ticket and escalate it to engineering. Returns it when its issue waits for a worker."""
        ticket = await self.open(account, Plan.ENTERPRISE)
        await self.tickets.handle(ticket, "take", {"by": "ada"})
        await self.tickets.handle(ticket, "escalate", {"by": "ada", "to": "T3", "fields": BOTH_PACKAGES})
        await self.has_activity(ticket, ports.CREATE_ISSUE.name)
        return ticket

    def workflow_worker(self) -> Worker:
        slot: dict[str, Any] = {"max_cached_workflows": 0, "max_concurrent_workflow_tasks": 1}
        return Worker(self.client, task_queue=ports.TICKETS, workflows=WORKFLOWS, **slot)

    def journal_worker(self) -> Worker:
        return self._activity_worker(ports.TICKETS)

    def tracker_worker(self) -> Worker:
        return self._activity_worker(ports.TRACKER)

    def _activity_worker(self, queue: str) -> Worker:
        slot: dict[str, Any] = {"activity_executor": ThreadPoolExecutor(1), "max_concurrent_activities": 1}
        return Worker(self.client, task_queue=queue, activities=self._activities[queue], **slot)

    async def note(self, ticket: str) -> None:
        payload = {"do": "note", "by": "ada", "text": "A word."}
        await self.client.get_workflow_handle(workflow_id(ticket)).signal("advance", payload)

    async def prioritise(self, ticket: str, priority: str, reason: str = "All down.") -> None:
        payload = {"by": "lea", "role": "lead", "priority": priority, "reason": reason}
        await self.tickets.handle(ticket, "prioritise", payload)

    async def place(self, ticket: str, key: int) -> None:
        """Return when Temporal serves a ticket by this priority."""

        async def there() -> bool:
            return (await self.described(ticket)).workflow_execution_info.priority.priority_key == key

        await until(there)

    async def described(self, ticket: str) -> Any:
        return (await self.client.get_workflow_handle(workflow_id(ticket)).describe()).raw_description

    async def has_activity(self, ticket: str, name: str) -> None:
        async def pending() -> bool:
            return any(one.activity_type.name == name for one in (await self.described(ticket)).pending_activities)

        await until(pending)

    async def has_no_activity(self, ticket: str, name: str) -> None:
        async def done() -> bool:
            return all(one.activity_type.name != name for one in (await self.described(ticket)).pending_activities)

        await until(done)

    async def journalled(self, tickets: Iterable[str]) -> None:
        """Return when no batch of the journal waits."""
        for ticket in tickets:
            await self.has_no_activity(ticket, ports.RECORD_EVENTS.name)

    async def quiet(self, tickets: Iterable[str]) -> None:
        """Return when no workflow task waits."""

        async def rests(ticket: str) -> bool:
            return not (await self.described(ticket)).HasField("pending_workflow_task")

        for ticket in tickets:
            await until(lambda ticket=ticket: rests(ticket))

    async def waits(self, count: int) -> None:
        """Return when so many workflow tasks wait in the queue."""
        request = DescribeTaskQueueRequest(
            namespace=self.client.namespace,
            task_queue=TaskQueue(name=ports.TICKETS),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
            report_stats=True,
        )

        async def all_there() -> bool:
            found = await self.client.workflow_service.describe_task_queue(request)
            return found.stats.approximate_backlog_count >= count

        await until(all_there)

    async def order(self, tickets: Iterable[str], event: str) -> list[str]:
        """Return the tickets in the order in which the last event of this kind came, by the server's clock."""
        tickets = list(tickets)
        return [ticket for _, ticket in sorted(zip(await self.instants(tickets, event), tickets, strict=True))]

    async def instants(self, tickets: Iterable[str], event: str) -> list[int]:
        """Return when the last event of this kind came to each ticket, in nanoseconds of the server's clock."""
        found = []
        for ticket in tickets:
            history = await self.client.get_workflow_handle(workflow_id(ticket)).fetch_history()
            times = [one.event_time.ToNanoseconds() for one in history.events if one.HasField(event)]  # type: ignore[arg-type]
            found.append(times[-1])
        return found


async def pending(handle: WorkflowHandle[Any, Any]) -> bool:
    """Whether an activity of a workflow waits for a worker."""
    return bool((await handle.describe()).raw_description.pending_activities)


@asynccontextmanager
async def a_backlog(database_url: str) -> AsyncIterator[Backlog]:
    async with real_time(*ONE_PARTITION) as client:
        with running() as outside:
            db = Database(database_url)
            yield Backlog(client, db, activities_of(client, clients(db, outside)))
            db.dispose()


@pytest.fixture
async def backlog(database_url: str) -> AsyncIterator[Backlog]:
    async with a_backlog(database_url) as found:
        yield found


ACTIVITY_STARTED = "activity_task_started_event_attributes"
STARTED = "workflow_task_started_event_attributes"
PLACED = "workflow_execution_options_updated_event_attributes"


async def test_g10_a_ticket_that_is_raised_is_served_first_and_so_are_its_activities(backlog: Backlog) -> None:
    others = [await backlog.open("acme") for _ in range(OTHERS)]
    raised = await backlog.open("acme")
    async with backlog.workflow_worker():
        for ticket in others:  # their words wait for the journal
            await backlog.note(ticket)
            await backlog.has_activity(ticket, ports.RECORD_EVENTS.name)
        payload = {"do": "prioritise", "by": "lea", "role": "lead", "priority": "P0", "reason": "All down."}
        await backlog.client.get_workflow_handle(workflow_id(raised)).signal("advance", payload)
        await backlog.has_activity(raised, ports.RECORD_EVENTS.name)  # the last that asks the journal for anything

    async with backlog.journal_worker():
        await backlog.journalled([*others, raised])
    written = await backlog.order([*others, raised], ACTIVITY_STARTED)
    assert written.index(raised) < EARLY

    async with backlog.workflow_worker():
        await backlog.quiet([*others, raised])
    for ticket in (*others, raised):
        await backlog.note(ticket)
    await backlog.waits(OTHERS + 1)
    async with backlog.workflow_worker():
        for ticket in (*others, raised):
            await backlog.has_activity(ticket, ports.RECORD_EVENTS.name)
    served = await backlog.order([*others, raised], STARTED)
    assert served.index(raised) < EARLY
    assert (await backlog.described(raised)).workflow_execution_info.priority.priority_key == 2


async def test_g10_the_command_that_raises_a_ticket_is_served_first_itself(backlog: Backlog) -> None:
    others = [await backlog.open("acme") for _ in range(OTHERS)]
    raised = await backlog.open("acme")
    async with backlog.workflow_worker():
        await backlog.quiet([*others, raised])
    for ticket in others:
        await backlog.note(ticket)
    await backlog.waits(OTHERS)

    raising = asyncio.create_task(backlog.prioritise(raised, "P1"))
    await backlog.place(raised, 3)  # before any worker has seen the command
    async with backlog.workflow_worker():
        await raising
        await backlog.quiet(others)

    served = await backlog.order([*others, raised], STARTED)
    assert served.index(raised) < EARLY


async def test_g10_a_ticket_whose_raising_is_refused_keeps_its_place(backlog: Backlog) -> None:
    ticket = await backlog.open("acme")
    async with backlog.workflow_worker():
        with pytest.raises(Refused):
            await backlog.prioritise(ticket, "P1", reason="")

    assert (await backlog.described(ticket)).workflow_execution_info.priority.priority_key == 5
    history = await backlog.client.get_workflow_handle(workflow_id(ticket)).fetch_history()
    assert sum(one.HasField(PLACED) for one in history.events) == 2  # it was raised, and put back


async def test_g10_an_incident_is_served_before_the_urgent_tickets_of_many_accounts(backlog: Backlog) -> None:
    """In a real outage each ticket that joins is of an account of its own, so that turns of accounts help nobody."""
    now = datetime.now(UTC)
    with backlog.db.begin() as session:
        number = incidents.find_or_allocate(session, "exports", "", now, "a-ticket", "an-effect")
    terms = resolve_incident_terms(POLICY, "exports", now)
    declare = Declare(number=number, product_area="exports", priority=Priority.P0, terms=terms)
    async with backlog.workflow_worker():
        others = [await backlog.open(f"account-{number}") for number in range(OTHERS)]
        for ticket in others:
            await backlog.prioritise(ticket, "P0")
            await backlog.has_activity(ticket, ports.RECORD_EVENTS.name)
        assert await start_incident(backlog.client, IncidentStart(declare=declare))
        incident = backlog.client.get_workflow_handle(incident_workflow(number))
        await until(lambda: pending(incident))  # the last that asks the journal for anything

    async with backlog.journal_worker():
        await backlog.journalled(others)
    history = await incident.fetch_history()
    begun = next(one.event_time.ToNanoseconds() for one in history.events if one.HasField(ACTIVITY_STARTED))
    tickets = await backlog.instants(others, ACTIVITY_STARTED)

    assert sum(at < begun for at in tickets) < EARLY


async def test_g10_an_account_with_many_tickets_does_not_delay_one_with_few(backlog: Backlog) -> None:
    many = [await backlog.open("big") for _ in range(OTHERS)]
    few = await backlog.open("small")
    await backlog.waits(OTHERS + 1)

    async with backlog.workflow_worker():
        await backlog.quiet([*many, few])

    served = await backlog.order([*many, few], STARTED)
    assert served.index(few) < EARLY
    keys = [(await backlog.described(ticket)).workflow_execution_info.priority.fairness_key for ticket in (*many, few)]
    assert len(set(keys)) == 2
    assert not {"big", "small"} & set(keys)  # Temporal shows them in plain


async def test_g10_an_account_with_many_issues_to_be_made_does_not_delay_the_issue_of_another(backlog: Backlog) -> None:
    async with backlog.workflow_worker(), backlog.journal_worker():
        many = [await backlog.wait_for_jira("big") for _ in range(OTHERS)]
        few = await backlog.wait_for_jira("small")  # the last that asks for an issue

    async with backlog.tracker_worker():  # with one slot, as while Jira is slow
        for ticket in (*many, few):
            await backlog.has_no_activity(ticket, ports.CREATE_ISSUE.name)

    made = await backlog.order([*many, few], ACTIVITY_STARTED)
    assert made.index(few) < EARLY

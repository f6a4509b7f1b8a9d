"""The worker: everything that runs workflows and activities, wired in one place.

One process serves all task queues, each with its own pollers and slots, so that one outage does not fill
another's. Start as many processes as the load needs: workflow tasks are bound by one core each.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from activities.incidents import IncidentActivities
from activities.jira import JiraActivities
from activities.journal import JournalActivities
from activities.pager import PagerActivities
from activities.terms import TermsActivities
from domain.policy import Policy
from frontdoor.policy import load_policy, resolve_terms
from integrations.jira.port import JiraPort
from integrations.pager.port import PagerPort
from store.database import Database
from workflows import ports
from workflows.incident import IncidentWorkflow
from workflows.jira_sweep import JiraSweepWorkflow
from workflows.ticket import TicketWorkflow

WORKFLOWS: Sequence[type] = (TicketWorkflow, IncidentWorkflow, JiraSweepWorkflow)
GRACE = timedelta(seconds=20)
"""How long activities may finish when the process is asked to end. The SDK's own default is none at all."""


@dataclass(frozen=True)
class Outside:
    """The clients of everything outside Temporal."""

    db: Database
    jira: JiraPort
    pager: PagerPort
    ticket_url: Callable[[str], str]
    """Where a person finds a ticket, by its id."""
    policy: Policy = field(default_factory=load_policy)
    jira_rate: float = 5.0
    """Calls to Jira in a second, of all workers together."""
    threads: int = 16
    """Blocking activities at once, for each queue."""


def workers(client: Client, outside: Outside, *, cached: int = 1000) -> list[Worker]:
    """A worker for each task queue."""
    journal = JournalActivities(outside.db, outside.policy.churn_rule())
    incidents = IncidentActivities(client, outside.db)
    jira = JiraActivities(client, outside.db, outside.jira, outside.ticket_url)
    pager = PagerActivities(outside.pager)
    terms = TermsActivities(lambda account, at: resolve_terms(outside.policy, account, at).calendar)

    def serve(queue: str, activities: Sequence[Callable[..., Any]], **options: Any) -> Worker:
        return Worker(
            client,
            task_queue=queue,
            activities=activities,
            activity_executor=ThreadPoolExecutor(outside.threads, thread_name_prefix=queue),
            max_concurrent_activities=outside.threads,
            graceful_shutdown_timeout=GRACE,
            **options,
        )

    return [
        serve(
            ports.TICKETS,
            [incidents.tell_tickets, terms.renew_calendar],
            workflows=WORKFLOWS,
            max_cached_workflows=cached,
            workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        ),
        serve(ports.JOURNAL, [journal.record_events, incidents.join_incident, incidents.close_incident]),
        serve(
            ports.JIRA,
            [jira.create_jira_issue, jira.sweep_jira],
            max_task_queue_activities_per_second=outside.jira_rate,
        ),
        serve(ports.PAGER, [pager.page, pager.end_page]),
    ]


@asynccontextmanager
async def running(client: Client, outside: Outside, *, cached: int = 1000) -> AsyncIterator[None]:
    """All workers, for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        for worker in workers(client, outside, cached=cached):
            await stack.enter_async_context(worker)
        yield


async def schedule_sweep(client: Client, every: timedelta) -> None:
    """See that the Jira sweep is on its schedule. Safe to repeat; an existing schedule is left as it is."""
    action = ScheduleActionStartWorkflow(JiraSweepWorkflow.run, id="jira-sweep", task_queue=ports.TICKETS)
    try:
        await client.create_schedule(
            "jira-sweep",
            Schedule(
                action=action,
                spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
                policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
            ),
        )
    except ScheduleAlreadyRunningError:
        return


async def until_told_to_stop() -> None:
    """Return when the process is asked to end (SIGINT, SIGTERM)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()

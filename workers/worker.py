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
from functools import partial
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

from activities.calendar import TermsActivities
from activities.incidents import IncidentActivities
from activities.journal import JournalActivities
from activities.pager import PagerActivities
from activities.room import RoomActivities
from activities.support.circuit_breaker import CircuitBreaker
from activities.support.journal_gaps import PATIENCE, JournalGaps
from activities.support.ops_alerts import OpsAlerts
from activities.tracker.comments import JiraComments
from activities.tracker.incident_issues import IncidentIssueActivities
from activities.tracker.issue_writer import IssueWriter
from activities.tracker.issues import JiraActivities
from activities.tracker.links import JiraLinking
from activities.tracker.news import JiraNews
from activities.tracker.twins import JiraTwins
from domain.policy.policy import Notice, Policy
from integrations.chat.room import RoomPort
from integrations.jira.port import JiraPort
from integrations.pager.port import PagerPort
from services.journal_repair import JournalRepair
from services.policy_file.load import load_policy, resolve_incident_terms, resolve_terms
from store.database import Database
from workers.query_guard import QueryGuard
from workflows import ports
from workflows.incident.area_page import AreaPageWorkflow
from workflows.incident.workflow import IncidentWorkflow
from workflows.jira.news import JiraNewsWorkflow
from workflows.jira.sweep import JiraSweepWorkflow
from workflows.ticket.workflow import TicketWorkflow

WORKFLOWS: Sequence[type] = (TicketWorkflow, IncidentWorkflow, AreaPageWorkflow, JiraNewsWorkflow, JiraSweepWorkflow)
THREADS = 16
"""Blocking activities at once, for each queue."""
GRACE = timedelta(seconds=20)
"""How long activities may finish when the process is asked to end. The SDK's own default is none at all."""


def _nowhere(_key: str) -> str:
    return ""


@dataclass(frozen=True)
class Outside:
    """The clients of everything outside Temporal."""

    db: Database
    jira: JiraPort
    pager: PagerPort
    ticket_url: Callable[[str], str]
    """Where a person finds a ticket, by its id."""
    second_pager: PagerPort | None = None
    """Where a page goes that the pager does not take; None: nowhere else."""
    room: RoomPort | None = None
    """The room of all incidents; None: there is none."""
    page_url: Callable[[str], str] = _nowhere
    """Where a person finds what a page is about, by the page's key."""
    policy: Policy = field(default_factory=load_policy)
    jira_rate: float = 5.0
    """Calls to Jira in a second, of all workers together."""
    threads: int = THREADS
    """Blocking activities at once, for each queue."""
    gap_patience: timedelta = PATIENCE
    """How long a gap in a journal that cannot be ended is tried to be, until ops are told."""


def workers(client: Client, outside: Outside, *, cached: int = 1000) -> list[Worker]:
    """A worker for each task queue. To be called on the event loop on which they run."""
    ops = OpsAlerts(tuple(outside.policy.notices[Notice.INTEGRATION_FAILING].to))
    repair = JournalRepair(client, outside.db, outside.policy.churn_rule())
    read_history = repair.in_threads(asyncio.get_running_loop())
    gaps = JournalGaps(outside.db, ops, repair.stands_at, read_history, outside.gap_patience)
    journal = JournalActivities(outside.db, outside.policy.churn_rule(), gaps)
    incidents = IncidentActivities(client, outside.db, partial(resolve_incident_terms, outside.policy))
    rules = outside.policy.jira
    circuit = CircuitBreaker(outside.db, "jira", ops)
    one_issue = IssueWriter(outside.db, outside.jira, circuit, ops)
    issues = IncidentIssueActivities(outside.db, outside.jira, outside.page_url, outside.ticket_url, one_issue, gaps)
    jira = JiraActivities(outside.db, outside.jira, rules, outside.ticket_url, one_issue, gaps)
    linking = JiraLinking(outside.db, outside.jira, rules, outside.ticket_url, circuit, gaps)
    twins = JiraTwins(outside.db, outside.jira, circuit, ops)
    news = JiraNews(client, outside.db, outside.jira, circuit)
    comments = JiraComments(outside.db, outside.jira, rules, circuit, gaps)
    pager = PagerActivities(outside.pager, outside.second_pager, outside.page_url)
    room = RoomActivities(outside.room)
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
            [incidents.tell_tickets, incidents.tell_incident, incidents.page_area, terms.renew_calendar],
            workflows=WORKFLOWS,
            max_cached_workflows=cached,
            workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
            plugins=[QueryGuard()],
        ),
        serve(
            ports.JOURNAL,
            [journal.record_events, journal.record_incident, incidents.join_incident, incidents.close_incident],
        ),
        serve(
            ports.JIRA,
            [
                *(jira.create_jira_issue, linking.link_jira_issue, twins.look_for_twins),
                *(comments.comment_jira_issue, news.read_jira_news, news.sweep_jira),
                *(issues.make_incident_issue, issues.note_incident_issue),
            ],
            max_task_queue_activities_per_second=outside.jira_rate,
        ),
        serve(ports.PAGER, [pager.page, pager.acknowledge_pages, pager.end_pages]),
        serve(ports.CHAT, [pager.page_elsewhere, room.post_to_room]),
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

"""The worker: everything that runs workflows and activities.

One process serves all task queues, each with its own pollers and slots, so that one outage does not fill
another's. Start as many processes as the load needs: workflow tasks are bound by one core each.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
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
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig

from workers.bootstrap import Clients, activities_of
from workers.log_context import NamedInLog
from workers.query_guard import QueryGuard
from workers.runners import without_contexts
from workflows import ports
from workflows.comparison import ReconcileWorkflow
from workflows.incident.area_page import AreaPageWorkflow
from workflows.incident.workflow import IncidentWorkflow
from workflows.ticket.workflow import TicketWorkflow
from workflows.tracker.news import IssueNewsWorkflow
from workflows.tracker.sweep import IssueSweepWorkflow

WORKFLOWS: Sequence[type] = (
    *(TicketWorkflow, IncidentWorkflow, AreaPageWorkflow),
    *(IssueNewsWorkflow, IssueSweepWorkflow, ReconcileWorkflow),
)
SWEEP = "jira-sweep"
"""The schedule, and the beginning of the ids of its runs."""
RECONCILE = "reconcile"
"""The same of the comparison of the journal with Temporal."""
GRACE = timedelta(seconds=20)
"""How long activities may finish when the process is asked to end. The SDK's own default is none at all."""


def workers(
    client: Client, clients: Clients, *, cached: int = 1000, build: WorkerDeploymentVersion | None = None
) -> list[Worker]:
    """Return a worker for each task queue. To be called on the event loop on which they run.

    With `build`, workflows stay on the build that they began on (Worker Versioning): its code alone replays them.
    """
    activities = activities_of(client, clients)
    versioned = _stay_on(build) if build else None

    def serve(queue: str, **options: Any) -> Worker:
        return Worker(
            client,
            task_queue=queue,
            activities=activities[queue],
            activity_executor=ThreadPoolExecutor(clients.threads, thread_name_prefix=queue),
            max_concurrent_activities=clients.threads,
            graceful_shutdown_timeout=GRACE,
            deployment_config=versioned,
            interceptors=[NamedInLog()],
            **options,
        )

    return [
        serve(
            ports.TICKETS,
            workflows=WORKFLOWS,
            max_cached_workflows=cached,
            workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
            workflow_runner=without_contexts(UnsandboxedWorkflowRunner(), client.data_converter),
            plugins=[QueryGuard()],
        ),
        serve(ports.JOURNAL),
        serve(ports.JOINS),
        serve(ports.TRACKER, max_task_queue_activities_per_second=clients.jira_rate),
        serve(ports.PAGER),
        serve(ports.CHAT),
    ]


def _stay_on(build: WorkerDeploymentVersion) -> WorkerDeploymentConfig:
    pinned = VersioningBehavior.PINNED
    return WorkerDeploymentConfig(version=build, use_worker_versioning=True, default_versioning_behavior=pinned)


@asynccontextmanager
async def running(
    client: Client, clients: Clients, *, cached: int = 1000, build: WorkerDeploymentVersion | None = None
) -> AsyncIterator[None]:
    """Run all workers, for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        for worker in workers(client, clients, cached=cached, build=build):
            await stack.enter_async_context(worker)
        yield


async def schedule_sweep(client: Client, every: timedelta) -> None:
    """See that the Jira sweep is on its schedule, as often as `every` says. Safe to repeat; what somebody has paused
    stays paused.

    A run looks many times (`workflows.tracker.sweep`). While one is under way, the schedule begins no other; after it,
    also after one that failed, the next begins within `every`.
    """
    request = ports.SweepRequest(every=every)
    action = ScheduleActionStartWorkflow(IssueSweepWorkflow.run, request, id=SWEEP, task_queue=ports.TICKETS)
    await _see_to(client, SWEEP, action, every)


async def schedule_comparison(client: Client, every: timedelta) -> None:
    """See that the journal is compared with Temporal as often as `every` says, and at once where it never was. Safe to
    repeat; what somebody has paused stays paused. While one comparison is under way, no other begins."""
    action = ScheduleActionStartWorkflow(ReconcileWorkflow.run, id=RECONCILE, task_queue=ports.TICKETS)
    await _see_to(client, RECONCILE, action, every, at_once=True)


async def _see_to(
    client: Client, name: str, action: ScheduleActionStartWorkflow, every: timedelta, *, at_once: bool = False
) -> None:
    schedule = Schedule(
        action=action,
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )
    try:
        await client.create_schedule(name, schedule, trigger_immediately=at_once)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(name).update(lambda known: _changed(schedule, known))


def _changed(schedule: Schedule, known: ScheduleUpdateInput) -> ScheduleUpdate:
    return ScheduleUpdate(replace(schedule, state=known.description.schedule.state))


async def until_told_to_stop() -> None:
    """Return when the process is asked to end (SIGINT, SIGTERM)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()

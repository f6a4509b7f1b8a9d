"""A Temporal server, a worker with activities that do nothing, and tickets that all take the same way."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Plugin, UnsandboxedWorkflowRunner, Worker

from domain.core.enums import Plan
from domain.ticket.state import Account
from services.intake.opening import opening_recording, start_ticket
from services.intake.request import OpenRequest
from tests.support.packages import RECORD, T2_PACKAGE, T3_PACKAGE
from tests.support.policy import POLICY
from workers.embedded import temporal_binary
from workers.query_guard import QueryGuard
from workers.runners import without_contexts
from workflows import ports
from workflows.search_attributes import ATTRIBUTES

Handle = WorkflowHandle[Any, Any]


CANONICAL: tuple[tuple[str, dict[str, Any]], ...] = (
    ("take", {"by": "ada"}),
    ("respond", {"by": "ada", "text": "We are on it."}),
    ("escalate", {"by": "ada", "fields": T2_PACKAGE}),
    ("take", {"by": "ben"}),
    ("escalate", {"by": "ben", "fields": T3_PACKAGE}),
    ("jira_changed", {"by": "jira", "role": "integration", "key": "SUP-1", "category": "done", "status": "Done",
                      "resolution": "Fixed", "version": "2026-01-01T00:00:00Z"}),
    ("resolve", {"by": "ben", **RECORD}),
    ("close", {"by": "ben"}),
)  # fmt: skip
"""The canonical ticket: command or fact, in order. `jira_changed` is a Signal, all else are Updates."""

IN_TIER_1: tuple[tuple[str, dict[str, Any]], ...] = (
    ("take", {"by": "ada"}),
    ("respond", {"by": "ada", "text": "We are on it."}),
    ("resolve", {"by": "ada", **RECORD}),
    ("close", {"by": "ada"}),
)

ACTIONS = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
    EventType.EVENT_TYPE_TIMER_STARTED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
    EventType.EVENT_TYPE_MARKER_RECORDED,
}
"""The events that Temporal Cloud bills as one action each. Rejected Updates are billed too, and leave no event."""


def actions(events: Sequence[HistoryEvent]) -> int:
    """Count the billable actions of a history."""
    return sum(event.event_type in ACTIONS for event in events)


def kinds(events: Sequence[HistoryEvent]) -> dict[str, int]:
    """Count how often each kind of event stands in a history."""
    names = (EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").lower() for event in events)
    return dict(Counter(names).most_common())


class Idle:
    """Activities that answer at once and do nothing."""

    @activity.defn(name=ports.RECORD_EVENTS.name)
    async def record_events(self, request: ports.JournalRequest) -> ports.Nothing:
        return ports.Nothing()

    @activity.defn(name=ports.CREATE_ISSUE.name)
    async def create_issue(self, request: ports.CreateIssueRequest) -> ports.IssueResult:
        return ports.IssueResult(key="SUP-1", url="http://127.0.0.1/browse/SUP-1")


@asynccontextmanager
async def server() -> AsyncIterator[Client]:
    """Start a Temporal server in real time, with our search attributes."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=temporal_binary(),
        dev_server_log_level="error",
        search_attributes=ATTRIBUTES,
        data_converter=pydantic_data_converter,
    ) as environment:
        yield environment.client


@asynccontextmanager
async def worker(
    client: Client, workflows: Sequence[type], *, cached: int = 2000, plugins: Sequence[Plugin] | None = None
) -> AsyncIterator[None]:
    """Run one worker a queue, with idle activities. `plugins`: of the one that runs workflows; None means the
    product's."""
    idle = Idle()
    plugins = [QueryGuard()] if plugins is None else plugins
    runner = without_contexts(UnsandboxedWorkflowRunner(), client.data_converter)
    async with AsyncExitStack() as stack:
        for queue, options in (
            (
                ports.TICKETS,
                {
                    "workflows": workflows,
                    "max_cached_workflows": cached,
                    "plugins": plugins,
                    "workflow_runner": runner,
                    "activities": [idle.record_events],
                },
            ),
            (ports.TRACKER, {"activities": [idle.create_issue]}),
        ):
            await stack.enter_async_context(Worker(client, task_queue=queue, **options))  # type: ignore[arg-type]
        yield


async def open_ticket(client: Client, plan: Plan = Plan.ENTERPRISE, at: datetime | None = None, **form: Any) -> Handle:
    """Start a P2 ticket as the service does."""
    account = Account(id="acme", plan=plan)
    known = {"external_id": uuid4().hex, "account": account, "priority": "P2", "opened_at": at}
    request = OpenRequest.parse(known | form)
    recording = opening_recording(POLICY, request, datetime.now(UTC))
    return await start_ticket(client, recording.events, recorded=True)


async def walk(handle: Handle, way: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Send every message of a way, each after the one before was answered, and wait for the end."""
    for name, payload in way:
        if name == "jira_changed":
            await handle.signal(name, payload)
        else:
            await handle.execute_update(name, payload, rpc_timeout=timedelta(seconds=60))
    await handle.result()

"""Whether the workflow of a ticket or an incident runs, as Temporal describes it: without a worker or a query.

A query makes a worker replay the workflow, so a reader asks one only for what the journal cannot give yet.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, NamedTuple, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingWorkflowTaskState, WorkflowExecutionStatus
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest, DescribeWorkflowExecutionResponse
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from domain.core.failures import Unavailable
from domain.core.text import one_line
from domain.documents.redaction import redact
from services.commands import is_away
from services.reading.instants import iso

State = TypeVar("State")

PATIENCE = timedelta(seconds=5)
"""How long Temporal, or a worker, may take to answer before the journal is shown without it."""
KEPT_SECONDS = 5.0
"""For how long a page may show what Temporal has said of a workflow that runs."""
UNSERVED = timedelta(seconds=10)
"""After so long a workflow task that no worker has taken means that there is no worker."""
LONGEST_REASON = 300
"""Characters of a failure that are shown."""
MOST_WAITING = 20
"""Waiting activities that are shown."""

Connect = Callable[[], Awaitable[Client]]
"""The way to Temporal. Raises Unavailable."""

_RUNS = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
_NOT_STARTED = PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED


class Waiting(NamedTuple):
    """Why something that a workflow has asked for is not done yet."""

    activity: str
    """The name of the activity, as in `create_jira_issue`."""
    attempt: int
    """The number of the attempt that comes next or is under way."""
    next_try: datetime | None
    """None: an attempt is under way."""
    reason: str
    """How the last attempt failed, on one line, without personal data."""


class Described(NamedTuple):
    """What Temporal says of a workflow."""

    status: str
    """`running`, `paused`, `completed`, `terminated` and so on; `none`: Temporal knows no such workflow; `unknown`:
    Temporal does not answer."""
    note: str = ""
    """What hinders the workflow, or Temporal, for a person."""
    waiting: tuple[Waiting, ...] = ()
    """Why pending activities wait."""
    run: str = ""
    """The id of the run that is described; "" where Temporal does not say."""

    @property
    def runs(self) -> bool:
        return self.status == "running"


async def describe(connect: Connect, workflow_id: str) -> Described:
    """Return what Temporal says of the latest run of a workflow: one call, which needs no worker.

    Never raises for a Temporal that is away or does not know the workflow: the status says so.
    """
    try:
        client = await connect()
        return await _described(client, await _ask(client, workflow_id))
    except Unavailable as error:
        return Described("unknown", str(error))
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return Described("none")
        return Described("unknown", f"Temporal does not answer ({error.status.name})")
    except RuntimeError as error:
        if not is_away(error):
            raise
        return Described("unknown", "Temporal does not answer (no connection)")


class DescribedLately:
    """What Temporal has said within the last seconds of workflows that run, with nothing that hinders them: pages of
    tickets are loaded often, and each description costs Temporal more than the page costs the database. What hinders a
    workflow, or ends it, is said a few seconds late. Of one event loop."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Described]] = OrderedDict()
        """By the workflow's id; the oldest first."""

    async def of(self, connect: Connect, workflow_id: str) -> Described:
        """Return what `describe` returns, or has returned a moment ago."""
        self._drop_old()
        if workflow_id in self._known:
            return self._known[workflow_id][1]
        asked_at = self._clock()
        described = await describe(connect, workflow_id)
        if described.runs and not (described.note or described.waiting):
            self._known[workflow_id] = asked_at, described
            self._known.move_to_end(workflow_id)
        return described

    def _drop_old(self) -> None:
        while self._known and self._clock() - next(iter(self._known.values()))[0] >= KEPT_SECONDS:
            self._known.popitem(last=False)


def stopped(whose: str, described: Described) -> str:
    """Return what to say where something that is open has no workflow that runs; "" where it has one, or nobody knows.

    `whose`: as in "ticket".
    """
    if described.status in ("running", "unknown"):
        return ""
    how = "Temporal does not know it" if described.status == "none" else described.status
    return f"the workflow of this {whose} is not running ({how}): its clocks stand still until it is resumed"


def notes_on(whose: str, described: Described, seq: int, wanted: int) -> str:
    """Return what a person must know of the workflow, and of a state at event `seq` where event `wanted` was asked
    for."""
    behind = f"the journal is at event {seq} of {wanted}, and no worker answers" if seq < wanted else ""
    if described.status == "unknown":
        behind = behind or "this is what the journal knows"
    return "; ".join(filter(None, [described.note or stopped(whose, described), behind]))


def as_objects(waiting: tuple[Waiting, ...]) -> list[dict[str, Any]]:
    """Return the activities as objects with stable keys; instants are ISO 8601 in UTC."""
    return [
        {"activity": one.activity, "attempt": one.attempt, "next_try": iso(one.next_try), "reason": one.reason}
        for one in waiting
    ]


async def asked(connect: Connect, workflow_id: str, query: str, state: type[State]) -> State | None:
    """Return the state as the workflow itself has it, by a query; None where it does not run or no worker answers.

    Raises Unavailable where Temporal does not answer.
    """
    try:
        handle = (await connect()).get_workflow_handle(workflow_id)
        now: State = await handle.query(query, result_type=state, rpc_timeout=PATIENCE)
        return now
    except WorkflowQueryFailedError:
        return None
    except RPCError as error:
        nobody = (RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION)
        if error.status in (*nobody, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
            return None
        raise Unavailable(f"Temporal does not answer ({error.status.name})") from None
    except RuntimeError as error:
        if not is_away(error):
            raise
        raise Unavailable("Temporal does not answer (no connection)") from None


async def _ask(client: Client, workflow_id: str) -> DescribeWorkflowExecutionResponse:
    # The raw call: the client's own `describe` cannot say what it has no word for, such as a paused workflow.
    request = DescribeWorkflowExecutionRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
    )
    return await client.workflow_service.describe_workflow_execution(request, timeout=PATIENCE)


async def _described(client: Client, response: DescribeWorkflowExecutionResponse) -> Described:
    status = response.workflow_execution_info.status
    names = {number: name for name, number in WorkflowExecutionStatus.items()}
    word = names.get(status, f"status {status}").removeprefix("WORKFLOW_EXECUTION_STATUS_").lower()
    run = response.workflow_execution_info.execution.run_id
    if status != _RUNS:
        return Described(word, run=run)
    failing = [one for one in response.pending_activities if one.HasField("last_failure")]
    waiting = await asyncio.gather(*(_waiting(client, one) for one in failing[:MOST_WAITING]))
    return Described(word, _hindered(response), tuple(waiting), run)


def _hindered(response: DescribeWorkflowExecutionResponse) -> str:
    """Return what keeps a running workflow from going on."""
    if not response.HasField("pending_workflow_task"):
        return ""
    task = response.pending_workflow_task
    if task.attempt > 1 and task.state != _NOT_STARTED:
        return ""  # a worker is at it again
    since = _instant(task.original_scheduled_time)
    if since is None or datetime.now(UTC) - since < UNSERVED:
        return ""
    if task.attempt > 1:
        return f"its worker fails on it since {since:%Y-%m-%d %H:%M:%S} UTC, {task.attempt} times: see the worker's log"
    return f"no worker answers since {since:%Y-%m-%d %H:%M:%S} UTC: see that `tierline worker` runs"


async def _waiting(client: Client, pending: PendingActivityInfo) -> Waiting:
    failure = await client.data_converter.decode_failure(pending.last_failure)
    comes = pending.HasField("next_attempt_schedule_time")
    return Waiting(
        activity=pending.activity_type.name,
        attempt=pending.attempt,
        next_try=_instant(pending.next_attempt_schedule_time) if comes else None,
        reason=one_line(redact(str(failure)[:2000]).text, LONGEST_REASON),
    )


def _instant(at: Timestamp) -> datetime | None:
    return at.ToDatetime(UTC) if at.seconds else None

"""Worker Versioning: which build of the workers runs which open tickets, and when an old build's workers may stop.

With it, a ticket stays on the build that it began on, and moves to the build in use at a quiet moment (see
`workflows.shell`). https://docs.temporal.io/worker-versioning says what Temporal does.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from temporalio.api.batch.v1 import BatchOperationSignal
from temporalio.api.deployment.v1 import WorkerDeploymentInfo
from temporalio.api.enums.v1 import TaskQueueType, WorkerDeploymentVersionStatus, WorkerVersioningMode
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    StartBatchOperationRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.core.failures import NotUsable
from domain.core.values import Frozen
from services.commands import is_away
from services.health import Check
from workflows import ports

log = logging.getLogger("tierline.builds")

FRESH_SECONDS = 75
"""A worker asks for work once a minute at the latest; Temporal lists one that has gone for five minutes."""
UNVERSIONED = ""
"""The build of workers that name none, and of what they run."""

State = Literal["in use", "ramping", "draining", "drained", "not used yet", "unversioned"]
_STATES: dict[int, State] = {
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT: "in use",
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_RAMPING: "ramping",
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING: "draining",
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED: "drained",
}


class BuildError(NotUsable):
    """What is asked of a build cannot be done. The message is one line that says what to do."""


class Build(Frozen):
    """One build of the workers, and what runs on it."""

    build: str
    """Empty: workers without a build, and what they run."""
    state: State
    workers: int
    """Workers of this build that ask for work now."""
    tickets: int
    incidents: int
    others: int
    """Other workflows that run on it: they end by themselves within an hour or so."""

    @property
    def open(self) -> int:
        """Return how many workflows run on it."""
        return self.tickets + self.incidents + self.others

    @property
    def may_stop(self) -> bool:
        """Return whether its workers may stop: nothing runs on it any more, and nothing new begins on it."""
        return not self.open and self.state in ("draining", "drained", "unversioned")


async def list_builds(client: Client, deployment: str) -> Sequence[Build]:
    """Return every build that Temporal knows or that something runs on, the one in use first.

    The counts are those of Temporal's list of workflows, a second or so behind. Raises RPCError.
    """
    info, workers = await asyncio.gather(_deployment(client, deployment), workers_by_build(client, deployment))
    states = {
        one.deployment_version.build_id: _STATES.get(one.status, "not used yet") for one in info.version_summaries
    }
    if not info.routing_config.current_deployment_version.build_id:
        states[UNVERSIONED] = "in use"  # new workflows go to workers without a build
    elif workers[UNVERSIONED] or await _count(client, deployment, UNVERSIONED):
        states[UNVERSIONED] = "unversioned"
    found = [await _build(client, deployment, build, state, workers[build]) for build, state in states.items()]
    order: tuple[State, ...] = ("in use", "ramping", "draining", "unversioned", "drained", "not used yet")
    return sorted(found, key=lambda one: (order.index(one.state), one.build))


async def workers_by_build(client: Client, deployment: str) -> Counter[str]:
    """Return how many workers of each build ask for tickets. Raises RPCError."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=ports.TICKETS),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    found = await client.workflow_service.describe_task_queue(request)
    since = datetime.now(UTC).timestamp() - FRESH_SECONDS
    fresh = [one for one in found.pollers if one.last_access_time.seconds > since]
    identities = {(_build_of(one, deployment), one.identity) for one in fresh}
    return Counter(build for build, _ in identities)


async def build_in_use(client: Client, deployment: str) -> str:
    """Return the build that new tickets begin on, or UNVERSIONED. Raises RPCError."""
    info = await _deployment(client, deployment)
    return info.routing_config.current_deployment_version.build_id


async def build_check(client: Client, deployment: str) -> Check:
    """Say of which builds the workers are, and whether those of the build in use ask for work."""
    name = "build"
    try:
        workers, used = await asyncio.gather(workers_by_build(client, deployment), build_in_use(client, deployment))
    except (RPCError, RuntimeError) as error:
        if not (isinstance(error, RPCError) or is_away(error)):
            raise
        return Check(name=name, ok=True, detail="not known: Temporal does not answer", stops=False)
    there = ", ".join(f"{build or 'none'} ({count} workers)" for build, count in sorted(workers.items()))
    if not workers or (used == UNVERSIONED and not any(workers)):
        return Check(name=name, ok=True, detail="workers name none", stops=False)
    if not workers[used]:
        in_use = f"build {used} is in use" if used else "no build is in use"
        advice = f"{in_use}, so new tickets wait. Workers: {there}. See `tierline ops versions`"
        return Check(name=name, ok=False, detail=advice, stops=False)
    return Check(name=name, ok=True, detail=f"{used or 'none'} is in use. Workers: {there}", stops=False)


async def use_build(client: Client, deployment: str, build: str) -> None:
    """Let new tickets begin on `build`, and open ones move to it, each at a quiet moment.

    Raises BuildError where none of its workers asks for work, or not on every queue that is needed; RPCError.
    """
    workers = await workers_by_build(client, deployment)
    if not workers[build]:
        raise BuildError(f"no worker of build {build} asks for work: start one with TIERLINE_BUILD_ID={build}")
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace, deployment_name=deployment, build_id=build
    )
    try:
        await client.workflow_service.set_worker_deployment_current_version(request)
    except RPCError as error:
        if error.status not in (RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION):
            raise
        raise BuildError(f"Temporal does not take build {build} into use: {' '.join(error.message.split())}") from None


async def move_from(client: Client, deployment: str, build: str) -> int:
    """Ask everything that runs on `build` to go on as a new run, on the build in use. Returns how many are asked.

    Temporal sends the Signal `renew` to each, as a batch of its own. A ticket at which something happens moves by
    itself; this is for those at which nothing does. Raises BuildError where `build` is in use itself; RPCError.
    """
    if build == await build_in_use(client, deployment):
        raise BuildError(f"build {build or 'none'} is in use: take another into use first (--use)")
    query = f"{_runs_on(deployment, build)} AND WorkflowType IN ('TicketWorkflow', 'IncidentWorkflow')"
    asked = (await client.count_workflows(query)).count
    if asked:
        request = StartBatchOperationRequest(
            namespace=client.namespace,
            job_id=uuid4().hex,
            visibility_query=query,
            reason=f"Move from build {build}",
            signal_operation=BatchOperationSignal(signal="renew", identity=client.identity),
        )
        await client.workflow_service.start_batch_operation(request)
    return asked


async def _deployment(client: Client, deployment: str) -> WorkerDeploymentInfo:
    request = DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=deployment)
    try:
        return (await client.workflow_service.describe_worker_deployment(request)).worker_deployment_info
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return WorkerDeploymentInfo()  # no worker has ever named a build


async def _build(client: Client, deployment: str, build: str, state: State, workers: int) -> Build:
    everything, tickets, incidents = await asyncio.gather(
        _count(client, deployment, build),
        _count(client, deployment, build, " AND WorkflowType = 'TicketWorkflow'"),
        _count(client, deployment, build, " AND WorkflowType = 'IncidentWorkflow'"),
    )
    others = max(0, everything - tickets - incidents)
    return Build(build=build, state=state, workers=workers, tickets=tickets, incidents=incidents, others=others)


async def _count(client: Client, deployment: str, build: str, more: str = "") -> int:
    return (await client.count_workflows(_runs_on(deployment, build) + more)).count


def _runs_on(deployment: str, build: str) -> str:
    """Return the query for what runs on a build. Names have no quotes in them (`workers.settings`)."""
    version = "IS NULL" if build == UNVERSIONED else f"= '{deployment}:{build}'"
    return f"ExecutionStatus = 'Running' AND TemporalWorkerDeploymentVersion {version}"


def _build_of(poller: PollerInfo, deployment: str) -> str:
    options = poller.deployment_options
    versioned = options.worker_versioning_mode == WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
    return options.build_id if versioned and options.deployment_name == deployment else UNVERSIONED


async def log_the_build(client: Client, deployment: str, build: str) -> None:
    """Log, at a worker's start, which build it is, and what that means while another build is in use, or none."""
    try:
        used = await build_in_use(client, deployment)
    except RPCError as error:
        log.warning("this worker is build %s; which build is in use is not known: %s", build, error.status.name)
        return
    log.info("this worker is build %s of deployment %s", build, deployment)
    if used != build:
        in_use = f"build {used} is" if used else "no build is"
        log.warning("%s in use, so no new ticket comes here: `tierline ops versions --use %s`", in_use, build)

"""What the guard against direct queries (`workers/query_guard.py`) needs of the SDK, some of it private.

Why there is a guard, and the SDK's fault that it is for: docs/upstream/direct-query.md. If a test here turns red after
the SDK was updated: see whether the fault is mended (`python docs/upstream/direct_query.py` says so). If it is, remove
the guard, its uses and this file. If it is not, bring the guard up to date before the new SDK is released to anybody:
without the guard, tickets stop for ever with a non-determinism error.
"""

import inspect
import re
from pathlib import Path

import temporalio.bridge
from temporalio.api.common.v1 import Payload
from temporalio.bridge.proto.workflow_activation import (
    DoUpdate,
    FireTimer,
    QueryWorkflow,
    RemoveFromCache,
    WorkflowActivation,
    WorkflowActivationJob,
)
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.bridge.worker import Worker as BridgeWorker
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, WorkflowInstance, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from workers.query_guard import DIRECT, QueryGuard, _Instance
from workers.runners import WrappedInstance, WrappingRunner
from workers.worker import WORKFLOWS

HELP = "see docs/upstream/direct-query.md and the head of tests/contract/test_query_guard.py"


def public(kind: type) -> set[str]:
    return {name for name, value in vars(kind).items() if inspect.isfunction(value) and not name.startswith("_")}


def test_a_run_can_be_put_out_of_the_cache() -> None:
    assert list(inspect.signature(BridgeWorker.request_workflow_eviction).parameters) == ["self", "run_id"], HELP
    assert "self._bridge_worker" in inspect.getsource(__import__("temporalio.worker._worker", fromlist=["_"])), HELP


def test_runner_and_instance_have_the_methods_that_the_guard_passes_on_and_no_other() -> None:
    assert public(WorkflowRunner) == public(WrappingRunner), HELP
    assert public(WorkflowInstance) == public(WrappedInstance), HELP
    for runner in (SandboxedWorkflowRunner, UnsandboxedWorkflowRunner):
        assert public(runner) <= public(WrappingRunner), HELP


def test_a_direct_query_is_known_by_its_id() -> None:
    sources = Path(temporalio.bridge.__file__).parent / "sdk-core"
    named = [
        path
        for path in sources.rglob("*.rs")
        if re.search(rf'const LEGACY_QUERY_ID: &str = "{DIRECT}"', path.read_text(encoding="utf-8"))
    ]
    assert named, HELP


class _Inner(WorkflowInstance):
    """An instance that does nothing."""

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        return WorkflowActivationCompletion(run_id=act.run_id)

    def get_serialization_context(self, command_info: object) -> None:
        return None

    def get_external_store_context(self, command_info: object) -> None:  # type: ignore[override]
        return None

    def get_info(self) -> None:  # type: ignore[override]
        return None


class _Counting(QueryGuard):
    """A guard that only notes whom it would evict."""

    def __init__(self) -> None:
        super().__init__()
        self.evicted: list[str] = []

    def evict(self, run_id: str) -> None:
        self.evicted.append(run_id)


TIMER = WorkflowActivationJob(fire_timer=FireTimer(seq=1))
UPDATE = WorkflowActivationJob(do_update=DoUpdate(id="u", input=[Payload()]))
QUERY = WorkflowActivationJob(query_workflow=QueryWorkflow(query_id=DIRECT))
WITH_A_TASK = WorkflowActivationJob(query_workflow=QueryWorkflow(query_id="q-1"))
REMOVED = WorkflowActivationJob(remove_from_cache=RemoveFromCache())
LIVE, REPLAY = False, True


def evicted_by(*steps: tuple[bool, WorkflowActivationJob]) -> int:
    """How often the run was evicted by these activations, each a replay or not."""
    guard = _Counting()
    instance = _Instance(_Inner(), guard)
    for replaying, job in steps:
        instance.activate(WorkflowActivation(run_id="r", is_replaying=replaying, jobs=[job]))
    assert set(guard.evicted) <= {"r"}
    return len(guard.evicted)


def test_a_direct_query_evicts_what_perhaps_no_task_covers() -> None:
    assert evicted_by((REPLAY, TIMER), (LIVE, TIMER), (REPLAY, QUERY)) == 1


def test_it_does_so_again_until_the_run_is_gone() -> None:
    assert evicted_by((LIVE, TIMER), (REPLAY, QUERY), (REPLAY, QUERY), (REPLAY, REMOVED)) == 2


def test_a_run_that_was_only_replayed_stays() -> None:
    assert evicted_by((REPLAY, TIMER), (REPLAY, QUERY), (REPLAY, QUERY)) == 0


def test_a_run_stays_whose_last_step_had_an_update_since_those_come_with_tasks_alone() -> None:
    assert evicted_by((LIVE, TIMER), (LIVE, UPDATE), (REPLAY, QUERY)) == 0
    assert evicted_by((LIVE, UPDATE), (LIVE, TIMER), (REPLAY, QUERY)) == 1


def test_a_query_that_comes_with_a_task_evicts_nothing() -> None:
    assert evicted_by((LIVE, TIMER), (LIVE, WITH_A_TASK)) == 0


def test_a_replayer_is_left_alone() -> None:
    config = Replayer(workflows=WORKFLOWS, plugins=[QueryGuard()]).config(active_config=True)
    assert not isinstance(config.get("workflow_runner"), WrappingRunner)

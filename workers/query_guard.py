"""Keep workflows from going on from what only a query has shown them: a guard against a fault of Temporal's SDK.

A *direct* query is one that comes to a worker by itself, without a workflow task, because no task was pending when it
was asked. A worker that does not have the run in its cache fetches the history, as far as it goes by then, and the SDK
core applies all of it, including events that came after the query and that no workflow task covers yet. The run stays
in the cache in that state: commands that it issued meanwhile are sent with the next task, an Update of that task is
handled after them, and `workflow.now()` was the time of the task before. No later replay repeats that, so the workflow
fails with a non-determinism error as soon as it is replayed, and a deadline may be recorded late before that.
`docs/upstream/direct-query.md` has the cause in full.

The guard asks the core to evict such a run before the query is answered. The query is answered all the same, and the
next task replays the run from its history.

**What it costs** is that replay, and nothing beside it: the next task still comes at once, by the worker's own queue,
and no time-out is waited for. A replay takes some 0.5 ms of a processor for each event (measured on a slow machine: 50
ms for 77 events, 430 ms for 977), so a ticket with a long history pays more. The first query after a task that came of
a Signal, a timer or an activity's result has that price; a ticket at rest pays it once for however many queries. It
cannot be spared by looking at the run: the tail that a query brought looks to the workflow like the step of a task.
`make bench ARGS=queries` measures it. Readers therefore read the journal first (`services/reading`).

One thing more can happen, and seldom does: if a further query and a task have come for the run when it is evicted, the
core keeps the query and drops the task ("There were leftover buffered tasks" in the worker's log). Temporal hands the
task out again after its time-out, 10 seconds; an Update waits that long, and a command's patience is 20 seconds.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import WorkflowHistory
from temporalio.worker import (
    Plugin,
    Replayer,
    ReplayerConfig,
    Worker,
    WorkerConfig,
    WorkflowInstance,
    WorkflowReplayResult,
)

from workers.runners import WrappedInstance, WrappingRunner

DIRECT = "legacy_query"
"""The id that the SDK core gives to every direct query. (The queries that come with a task have other ids.)"""
_NO_PROGRESS = ("query_workflow", "remove_from_cache")
"""Activation jobs that do not move the workflow on."""


class QueryGuard(Plugin):
    """Guards the runs of one worker: `Worker(..., plugins=[QueryGuard()])`. Each worker needs a guard of its own.

    Not for a Replayer: it is asked no queries.
    """

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self.queries = 0
        """Direct queries that were answered."""
        self.evictions = 0
        """How many of them made the run leave the cache."""

    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        """Put the guard around both runners of the worker."""
        config["workflow_runner"] = WrappingRunner(config["workflow_runner"], self._watched)
        config["unsandboxed_workflow_runner"] = WrappingRunner(config["unsandboxed_workflow_runner"], self._watched)
        return config

    def _watched(self, instance: WorkflowInstance) -> WorkflowInstance:
        return _Instance(instance, self)

    async def run_worker(self, worker: Worker, next: Callable[[Worker], Awaitable[None]]) -> None:
        """Run the worker. Raises RuntimeError if the guard has another worker already."""
        if self._worker not in (None, worker):
            raise RuntimeError("a QueryGuard guards one worker: make another one")
        self._worker = worker
        await next(worker)

    def configure_replayer(self, config: ReplayerConfig) -> ReplayerConfig:
        """Leave a replayer as it is."""
        return config

    def run_replayer(
        self,
        replayer: Replayer,
        histories: AsyncIterator[WorkflowHistory],
        next: Callable[
            [Replayer, AsyncIterator[WorkflowHistory]],
            AbstractAsyncContextManager[AsyncIterator[WorkflowReplayResult]],
        ],
    ) -> AbstractAsyncContextManager[AsyncIterator[WorkflowReplayResult]]:
        """Leave a replayer as it is."""
        return next(replayer, histories)

    def evict(self, run_id: str) -> None:
        """Have the core put a run out of the cache once its outstanding activation is done.

        The request is made before the query is answered, so no other task of the run comes in between.
        """
        assert self._worker is not None
        assert self._worker._bridge_worker is not None
        self.evictions += 1
        self._worker._bridge_worker.request_workflow_eviction(run_id)


class _Instance(WrappedInstance):
    """A workflow instance that is evicted by a direct query, unless the task before it is known to cover its state."""

    def __init__(self, inner: WorkflowInstance, guard: QueryGuard) -> None:
        super().__init__(inner)
        self._guard = guard
        self._uncovered = False
        """Whether the latest step was no replay, and perhaps no workflow task covers it.

        What a query has shown is always applied as no replay (`is_replaying` is false), directly before the query. The
        step of a real task looks the same, except that an Update comes with tasks alone: a query carries none.
        """

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        jobs = [job.WhichOneof("variant") for job in act.jobs]
        if any(job.query_workflow.query_id == DIRECT for job in act.jobs if job.HasField("query_workflow")):
            self._guard.queries += 1
            if self._uncovered:
                self._guard.evict(act.run_id)
        elif any(job not in _NO_PROGRESS for job in jobs):
            self._uncovered = not act.is_replaying and "do_update" not in jobs
        return self._inner.activate(act)

"""Histories that were really lived, played again: what no longer replays would stop at its next task."""

from collections.abc import AsyncIterator, Iterable

from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from workers.worker import WORKFLOWS


def replayer(data_converter: DataConverter = pydantic_data_converter) -> Replayer:
    """Return what replays histories of our workflows."""
    return Replayer(workflows=WORKFLOWS, data_converter=data_converter, workflow_runner=UnsandboxedWorkflowRunner())


async def failures(client: Client, names: Iterable[str]) -> dict[str, str]:
    """Replay every run of these workflows. Why they do not replay, by workflow id; empty if all of them do.

    A run that no worker has taken up has nothing to replay. The SDK's Replayer would wait for ever on a history of one
    event, which a run has for a moment after it was continued as new (seen with sdk-python 1.35).
    """
    failed: dict[str, str] = {}
    for name in names:
        async for history in runs(client, name):
            if not any(event.HasField("workflow_task_started_event_attributes") for event in history.events):
                continue
            result = await replayer().replay_workflow(history, raise_on_replay_failure=False)
            if result.replay_failure is not None:
                run = history.events[0].workflow_execution_started_event_attributes.original_execution_run_id
                failed[name] = f"run {run}: {' '.join(str(result.replay_failure).split())[:500]}"
    return failed


async def runs(client: Client, name: str) -> AsyncIterator[WorkflowHistory]:
    """Fetch the history of a workflow's latest run, then of each run before it that was continued as new.

    Nothing for a workflow that has not begun; what the server no longer keeps ends the way back.
    """
    run: str | None = None
    while run != "":
        try:
            history = await client.get_workflow_handle(name, run_id=run).fetch_history()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return
        yield history
        run = history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id

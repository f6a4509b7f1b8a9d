"""Histories that were really lived, played again: what no longer replays would stop at its next task."""

from collections.abc import Iterable

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer

from workers.worker import WORKFLOWS


async def failures(client: Client, names: Iterable[str]) -> dict[str, str]:
    """Why these workflows do not replay, by workflow id; empty if all of them do."""
    replayer = Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter)
    failed: dict[str, str] = {}
    for name in names:
        try:
            history = await client.get_workflow_handle(name).fetch_history()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            continue  # it has not begun
        result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        if result.replay_failure is not None:
            failed[name] = " ".join(str(result.replay_failure).split())[:500]
    return failed

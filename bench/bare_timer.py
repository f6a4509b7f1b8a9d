"""`python -m bench.bare_timer`: a worker as the product has it, and beside it in the same process one for bare timers.

A bare timer is a workflow that waits for an instant and does nothing else: how late Temporal, the SDK and this machine
are by themselves.
"""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.worker import PollerBehaviorAutoscaling, Worker

QUEUE = "bare-timers"


@workflow.defn(name="BareTimer")
class BareTimer:
    """Wait until `due`, and return the seconds that it was late."""

    @workflow.run
    async def run(self, due: datetime) -> float:
        await workflow.sleep(max(due - workflow.now(), timedelta(0)))
        return (workflow.now() - due).total_seconds()


async def _work() -> None:
    from workers.bootstrap import build_clients, load_policy_at_speed
    from workers.settings import load_settings
    from workers.temporal import connect
    from workers.worker import running, until_told_to_stop

    settings = load_settings()
    clients = await asyncio.to_thread(build_clients, settings, load_policy_at_speed(settings))
    client = await connect(settings)
    bare = Worker(
        client,
        task_queue=QUEUE,
        workflows=[BareTimer],
        max_cached_workflows=1000,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
    )
    async with running(client, clients), bare:
        print("the worker is ready", flush=True)
        await until_told_to_stop()


if __name__ == "__main__":
    asyncio.run(_work())

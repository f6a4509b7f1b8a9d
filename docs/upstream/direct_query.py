"""A direct query makes a worker apply history events that no workflow task covers; the run then cannot be replayed.

    python direct_query.py TEMPORAL_BINARY [ROUNDS] [--no-query]

Each round: a workflow waits for an activity, and its worker stops. A query is sent, the activity completes, an Update
is sent, and a worker starts. The history is then replayed. One partition for each task queue makes it certain that the
worker gets the query before the workflow task.
"""

import asyncio
import os
import re
import socket
import sys
from datetime import timedelta
from urllib.request import urlopen
from uuid import uuid4

from temporalio import activity, workflow
from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

ONE_PARTITION = ["matching.numTaskqueueReadPartitions=1", "matching.numTaskqueueWritePartitions=1"]
gates: dict[str, asyncio.Event] = {}


@activity.defn
async def wait_for_gate(key: str) -> None:
    await gates[key].wait()


@workflow.defn(sandboxed=False)
class Waits:
    def __init__(self) -> None:
        self.count = 0

    @workflow.run
    async def run(self, key: str) -> int:
        await workflow.execute_activity(
            wait_for_gate, key, task_queue="activities", start_to_close_timeout=timedelta(hours=1)
        )
        workflow.upsert_memo({"answered": 1})
        await workflow.wait_condition(lambda: self.count > 0)
        return self.count

    @workflow.update
    def bump(self) -> int:
        self.count += 1
        return self.count

    @workflow.query
    def see(self) -> int:
        return self.count


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until_under_way(port: int, service: str, operation: str) -> None:
    """Wait until one of the server's services has begun such a call and not ended it, by the server's metrics."""

    def count(counter: str, text: str) -> int:
        lines = re.findall(rf"^{counter}\{{(.*)\}} (\d+)$", text, re.MULTILINE)
        mine = (f'operation="{operation}"', f'service_name="{service}"')
        return sum(int(number) for labels, number in lines if all(label in labels for label in mine))

    async with asyncio.timeout(60):
        while True:
            with await asyncio.to_thread(urlopen, f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
                text = answer.read().decode()
            if count("service_requests", text) > count("service_latency_count", text):
                return
            await asyncio.sleep(0.05)


async def main(binary: str, rounds: int, *, query: bool) -> None:
    port = free_port()
    extra = ["--metrics-port", str(port)]
    extra += [part for value in ONE_PARTITION for part in ("--dynamic-config-value", value)]
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary, dev_server_log_level="never", dev_server_extra_args=extra
    )
    async with environment:
        client, broken = environment.client, 0

        async def kinds() -> list[str]:
            return [EventType.Name(e.event_type)[11:] for e in (await handle.fetch_history()).events]

        async with Worker(client, task_queue="activities", activities=[wait_for_gate]):
            for number in range(rounds):
                name = f"waits-{uuid4().hex[:8]}"
                gates[name] = asyncio.Event()
                async with Worker(client, task_queue=name, workflows=[Waits]):
                    handle = await client.start_workflow(Waits.run, name, id=name, task_queue=name)
                    while "ACTIVITY_TASK_SCHEDULED" not in await kinds():
                        await asyncio.sleep(0.05)
                asked = [handle.query(Waits.see, rpc_timeout=timedelta(seconds=30))] if query else []
                waiting = [asyncio.ensure_future(one) for one in asked]
                if query:
                    await until_under_way(port, "matching", "QueryWorkflow")
                gates[name].set()
                while (await kinds())[-1] != "WORKFLOW_TASK_SCHEDULED":
                    await asyncio.sleep(0.05)
                update = asyncio.create_task(handle.execute_update(Waits.bump))
                await until_under_way(port, "history", "UpdateWorkflowExecution")
                async with Worker(client, task_queue=name, workflows=[Waits]):
                    await asyncio.gather(*waiting, update)
                    await handle.result()
                told = await kinds()
                print(number, told[told.index("ACTIVITY_TASK_COMPLETED") :])
                result = await Replayer(workflows=[Waits]).replay_workflow(
                    await handle.fetch_history(), raise_on_replay_failure=False
                )
                print("  ", result.replay_failure or "replays", flush=True)
                broken += result.replay_failure is not None
        print(f"query sent: {query}; {broken} of {rounds} histories do not replay", flush=True)


if __name__ == "__main__":
    rest = [word for word in sys.argv[1:] if word != "--no-query"]
    asyncio.run(main(rest[0], int(rest[1]) if len(rest) > 1 else 4, query="--no-query" not in sys.argv))
    sys.stdout.flush()
    os._exit(0)

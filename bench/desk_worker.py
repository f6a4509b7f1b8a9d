"""`python -m bench.desk_worker`: a worker as the product has it, which starts no workflow for copies that have none."""

import asyncio

from workers.bootstrap import build_clients, load_policy_at_speed
from workers.settings import load_settings
from workers.temporal import connect
from workers.worker import running, until_told_to_stop


async def _work() -> None:
    settings = load_settings()
    clients = await asyncio.to_thread(build_clients, settings, load_policy_at_speed(settings))
    async with running(await connect(settings), clients):
        print("the worker is ready", flush=True)
        await until_told_to_stop()


if __name__ == "__main__":
    asyncio.run(_work())

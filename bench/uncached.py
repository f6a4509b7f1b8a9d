"""Many open tickets on one worker whose cache is full: what each cached one takes in memory, and how fast commands are
answered on tickets that are not cached, beside a bare workflow. Each kind in a process of its own, with a server.

A command on a ticket that is not in the cache has the worker fetch its history and replay it.
"""

import asyncio
import json
import random
import subprocess
import sys
import time
from statistics import quantiles
from typing import Any, NamedTuple
from uuid import uuid4

import psutil

from bench.house import machine

TICKETS = 10_000
CACHED = 1_000
"""As the product's worker has it."""
COMMANDS = 500
AT_ONCE = 20
FLOOR = 0.6
"""The share of the bare workflow's rate that tickets must reach."""


class Options(NamedTuple):
    """How much is measured."""

    tickets: int = TICKETS


def measure(options: Options) -> dict[str, Any]:
    """Return kilobytes of each cached workflow, commands a second on those that are not, and the ratios."""
    at_first = machine()
    ours, bare = (_in_a_process(kind, options.tickets) for kind in ("ticket", "bare"))
    ratio = ours["commands_per_s"] / bare["commands_per_s"]
    return {
        "machine": at_first,
        "machine_at_the_end": machine(),
        "open": options.tickets,
        "cached": CACHED,
        "ticket": ours,
        "bare": bare,
        "ratio_of_commands": round(ratio, 2),
        "floor": FLOOR,
        "within": ratio >= FLOOR,
    }


def _in_a_process(kind: str, tickets: int) -> dict[str, Any]:
    argv = [sys.executable, "-m", "bench.uncached", kind, str(tickets)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(f"the measurement of {kind} ended with {done.returncode}: {done.stderr[-500:]}")
    figures: dict[str, Any] = json.loads(lines[-1])
    return figures


async def _one_kind(kind: str, tickets: int) -> dict[str, Any]:
    import gc

    from bench.bare import BareWorkflow
    from bench.throughput import OPENING
    from bench.world import Handle, open_ticket, server, worker
    from workflows import ports
    from workflows.ticket.workflow import TicketWorkflow

    process = psutil.Process()
    async with server() as client, worker(client, [TicketWorkflow, BareWorkflow], cached=CACHED):
        room = asyncio.Semaphore(AT_ONCE)

        async def start() -> Handle:
            if kind == "ticket":
                return await open_ticket(client)
            return await client.start_workflow(
                BareWorkflow.run, OPENING, id=f"bare-{uuid4()}", task_queue=ports.TICKETS
            )

        async def begin() -> Handle:
            async with room:
                handle = await start()
                await handle.execute_update("take", {"by": "ada"})
                return handle

        async def command(handle: Handle) -> float:
            async with room:
                began = time.perf_counter()
                await handle.execute_update("respond", {"by": "ada", "text": "We are on it."})
                return time.perf_counter() - began

        await asyncio.gather(*(begin() for _ in range(100)))
        gc.collect()
        before, began = process.memory_info().rss, time.perf_counter()
        handles = await asyncio.gather(*(begin() for _ in range(tickets)))
        opened = tickets / (time.perf_counter() - began)
        gc.collect()
        after = process.memory_info().rss
        # Those that were opened first are not cached any more, and each gets one command.
        chosen = random.Random(1).sample(handles[: max(tickets - CACHED, tickets // 2)], min(COMMANDS, tickets // 2))
        began, used = time.perf_counter(), process.cpu_times()
        took = await asyncio.gather(*map(command, chosen))
        seconds = time.perf_counter() - began
        spent = process.cpu_times()
        cuts = quantiles(took, n=100)
        return {
            "kb_of_each_cached": round((after - before) / min(CACHED, tickets) / 1024, 1),
            "kb_of_each_open": round((after - before) / tickets / 1024, 1),
            "opened_and_taken_per_s": round(opened, 1),
            "commands_per_s": round(len(took) / seconds, 1),
            "command_p50_ms": round(cuts[49] * 1000),
            "command_p99_ms": round(cuts[98] * 1000),
            "processor_ms_of_a_command": round(
                (spent.user + spent.system - used.user - used.system) / len(took) * 1000, 1
            ),
        }


if __name__ == "__main__":
    from workers.exit import finish

    print(json.dumps(asyncio.run(_one_kind(sys.argv[1], int(sys.argv[2])))))
    finish(0)

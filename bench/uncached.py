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
from typing import Any, NamedTuple
from uuid import uuid4

import psutil

from bench.bounded import bounded
from bench.house import machine
from bench.many_due import percentiles

TICKETS = 10_000
CACHED = 1_000
"""As the product's worker has it."""
COMMANDS = 500
AT_ONCE = 20
BOUND = 15.0
"""Minutes for each kind. So many are opened in two thirds of it as the machine bears; the rest is for commands."""
FLOOR = 0.6
"""The share of the bare workflow's rate that tickets must reach."""


class Options(NamedTuple):
    """How much is measured."""

    tickets: int = TICKETS
    bound: float = BOUND
    """Minutes for each of the two, after which it ends with what is known."""


def measure(options: Options) -> dict[str, Any]:
    """Return kilobytes of each cached workflow, commands a second on those that are not, and the ratios."""
    at_first = machine()
    ours, bare = (_in_a_process(kind, options) for kind in ("ticket", "bare"))
    ratio = ours["commands_per_s"] / bare["commands_per_s"] if bare["commands_per_s"] else None
    complete = ours["complete"] and bare["complete"]
    return {
        "machine": at_first,
        "machine_at_the_end": machine(),
        "open": options.tickets,
        "cached": CACHED,
        "complete": complete,
        "ticket": ours,
        "bare": bare,
        "ratio_of_commands": round(ratio, 2) if ratio else None,
        "floor": FLOOR,
        "within": complete and ratio is not None and ratio >= FLOOR,
    }


def _in_a_process(kind: str, options: Options) -> dict[str, Any]:
    """Measure one kind. What the process says of its progress goes where our own errors go."""
    argv = [sys.executable, "-m", "bench.uncached", kind, str(options.tickets), str(options.bound)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(f"the measurement of {kind} ended with {done.returncode}")
    figures: dict[str, Any] = json.loads(lines[-1])
    return figures


async def _one_kind(kind: str, tickets: int, minutes: float) -> dict[str, Any]:
    import gc

    from bench.bare import BareWorkflow
    from bench.throughput import OPENING
    from bench.world import Handle, open_ticket, server, worker
    from workflows import ports
    from workflows.ticket.workflow import TicketWorkflow

    def report(words: str) -> None:
        print(f"  {kind}:{words}", file=sys.stderr, flush=True)

    process = psutil.Process()
    async with server() as client, worker(client, [TicketWorkflow, BareWorkflow], cached=CACHED):
        room = asyncio.Semaphore(AT_ONCE)
        handles, took = list[Handle](), list[float]()

        async def start() -> Handle:
            if kind == "ticket":
                return await open_ticket(client)
            return await client.start_workflow(
                BareWorkflow.run, OPENING, id=f"bare-{uuid4()}", task_queue=ports.TICKETS
            )

        async def begin() -> None:
            async with room:
                handle = await start()
                await handle.execute_update("take", {"by": "ada"})
                handles.append(handle)

        async def command(handle: Handle) -> None:
            async with room:
                began = time.perf_counter()
                await handle.execute_update("respond", {"by": "ada", "text": "We are on it."})
                took.append(time.perf_counter() - began)

        await asyncio.gather(*(begin() for _ in range(100)))
        handles.clear()
        gc.collect()
        before, began = process.memory_info().rss, time.perf_counter()
        async with bounded(minutes * 2 / 3, report, lambda: f"{len(handles)} of {tickets} open") as opening:
            await asyncio.gather(*(begin() for _ in range(tickets)))
        there = len(handles)
        opened = there / (time.perf_counter() - began)
        gc.collect()
        after = process.memory_info().rss
        # Those that were opened first are not cached any more, and each gets one command.
        chosen = random.Random(1).sample(handles[: max(there - CACHED, there // 2)], min(COMMANDS, there // 2))
        began, used = time.perf_counter(), process.cpu_times()
        async with bounded(minutes / 3, report, lambda: f"{len(took)} of {len(chosen)} commands") as commanding:
            await asyncio.gather(*map(command, chosen))
        seconds = time.perf_counter() - began
        spent = process.cpu_times()
        processor = spent.user + spent.system - used.user - used.system
        latencies = percentiles(took)
        return {
            "complete": not opening.ran_out and not commanding.ran_out,
            "open": there,
            "kb_of_each_cached": round((after - before) / min(CACHED, there) / 1024, 1) if there else None,
            "kb_of_each_open": round((after - before) / there / 1024, 1) if there else None,
            "opened_and_taken_per_s": round(opened, 1),
            "commands": len(took),
            "commands_per_s": round(len(took) / seconds, 1),
            "command_p50_ms": latencies.get("p50"),
            "command_p99_ms": latencies.get("p99"),
            "processor_ms_of_a_command": round(processor / len(took) * 1000, 1) if took else None,
        }


if __name__ == "__main__":
    from workers.exit import finish

    print(json.dumps(asyncio.run(_one_kind(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))))
    finish(0)

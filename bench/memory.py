"""What a worker keeps in memory for each cached ticket, beside a bare workflow. Each in a process of its own."""

import asyncio
import json
import subprocess
import sys
from typing import Any

import psutil

TICKETS = 500
CEILING = 1.5
"""How many times the bare workflow's memory a ticket may take."""


def measure() -> dict[str, Any]:
    """Measure the kilobytes for each cached workflow, and the ratio."""
    ours, bare = (_in_a_process(kind) for kind in ("ticket", "bare"))
    ratio = ours / bare
    return {
        "ticket_kb": round(ours, 1),
        "bare_kb": round(bare, 1),
        "ratio": round(ratio, 2),
        "ceiling": CEILING,
        "within": ratio <= CEILING,
    }


def _in_a_process(kind: str) -> float:
    done = subprocess.run([sys.executable, "-m", "bench.memory", kind], capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(f"the measurement of {kind} ended with {done.returncode}: {done.stderr[-500:]}")
    figure: float = json.loads(lines[-1])["kb"]
    return figure


async def _one_kind(kind: str) -> float:
    import gc

    from bench.bare import BareWorkflow
    from bench.throughput import _bare, _ticket
    from bench.world import server, worker
    from workflows.ticket.workflow import TicketWorkflow

    start = _ticket if kind == "ticket" else _bare
    async with server() as client, worker(client, [TicketWorkflow, BareWorkflow]):

        async def wave(count: int) -> None:
            handles = await asyncio.gather(*(start(client) for _ in range(count)))
            await asyncio.gather(*(h.execute_update("take", {"by": "ada"}) for h in handles))
            await asyncio.gather(*(h.execute_update("respond", {"by": "ada", "text": "x"}) for h in handles))

        await wave(100)
        gc.collect()
        before = psutil.Process().memory_info().rss
        await wave(TICKETS)
        gc.collect()
        return (psutil.Process().memory_info().rss - before) / TICKETS / 1024


if __name__ == "__main__":
    from workers.exit import finish

    print(json.dumps({"kb": asyncio.run(_one_kind(sys.argv[1]))}))
    finish(0)

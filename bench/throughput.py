"""How fast tickets go through, beside a bare workflow with the same messages, timers and activities.

Both run in this process against one development server, in turns (A B A B), so that a noisy machine slows both.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from statistics import median
from typing import Any
from uuid import uuid4

from temporalio.client import Client

from bench.bare import BareWorkflow
from bench.world import CANONICAL, Handle, open_ticket, server, walk, worker
from workflows import ports
from workflows.ticket.workflow import TicketWorkflow

TICKETS = 120
AT_ONCE = 20
ROUNDS = 5
OPENING = {"opening": "x" * 5000}
"""What a bare workflow begins with: as large as a ticket's."""
FLOOR = 0.6
"""The share of the bare workflow's rate that a ticket must reach."""


async def measure(report: Callable[[str], None] = print) -> dict[str, Any]:
    """Tickets a second through the canonical way, and the ratio of each pair of rounds."""
    async with server() as client, worker(client, [TicketWorkflow, BareWorkflow]):
        await _rate(client, _ticket, 20)
        await _rate(client, _bare, 20)
        ours, bare = [], []
        for number in range(ROUNDS):
            bare.append(await _rate(client, _bare, TICKETS))
            ours.append(await _rate(client, _ticket, TICKETS))
            report(f"  round {number + 1}: bare {bare[-1]:.1f}/s, ticket {ours[-1]:.1f}/s")
    ratios = [mine / theirs for mine, theirs in zip(ours, bare, strict=True)]
    return {
        "tickets_per_s": round(median(ours), 1),
        "bare_per_s": round(median(bare), 1),
        "ratio": round(median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
        "floor": FLOOR,
        "within": median(ratios) >= FLOOR,
        "at_once": AT_ONCE,
    }


async def _rate(client: Client, start: Callable[[Client], Awaitable[Handle]], count: int) -> float:
    room = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with room:
            handle = await start(client)
            await walk_when_known(handle)

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(count)))
    return count / (time.perf_counter() - began)


async def walk_when_known(handle: Handle) -> None:
    """Walk the canonical way; the issue must be known before the fact about it counts."""
    await walk(handle, CANONICAL)


async def _ticket(client: Client) -> Handle:
    return await open_ticket(client)


async def _bare(client: Client) -> Handle:
    return await client.start_workflow(
        BareWorkflow.run,
        OPENING,
        id=f"bare-{uuid4()}",
        task_queue=ports.TICKETS,
        execution_timeout=timedelta(minutes=5),
    )

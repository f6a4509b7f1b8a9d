"""How fast tickets go through, beside a bare workflow with the same messages, timers and activities.

Both run in this process against one development server, in turns (A B A B), so that a noisy machine slows both.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from statistics import median
from typing import Any, NamedTuple
from uuid import uuid4

from temporalio.client import Client

from bench.bare import BareWorkflow
from bench.bounded import bounded
from bench.house import machine
from bench.world import CANONICAL, Handle, open_ticket, server, walk, worker
from workflows import ports
from workflows.ticket.workflow import TicketWorkflow

TICKETS = 120
AT_ONCE = 20
ROUNDS = 5
OPENING = {"opening": "x" * 5000}
"""What a bare workflow begins with: as large as a ticket's."""
BOUND = 4.0
"""Minutes, after which the rounds that were made are what is known."""
FLOOR = 0.6
"""The share of the bare workflow's rate that a ticket must reach."""


class Round(NamedTuple):
    """How many went through in a second, and what one took of this process's time: the worker and who sends."""

    per_s: float
    processor_ms: float


async def measure(report: Callable[[str], None] = print) -> dict[str, Any]:
    """Measure the tickets a second through the canonical way, and the ratio of each pair of rounds.

    On a machine that does other things too, the ratio of processor times says more: it waits for nobody.
    """
    ours, bare = list[Round](), list[Round]()
    async with server() as client, worker(client, [TicketWorkflow, BareWorkflow]), bounded(BOUND, report):
        await _round(client, _ticket, 20)
        await _round(client, _bare, 20)
        for number in range(ROUNDS):
            bare.append(await _round(client, _bare, TICKETS))
            ours.append(await _round(client, _ticket, TICKETS))
            report(f"  round {number + 1}: bare {bare[-1].per_s:.1f}/s, ticket {ours[-1].per_s:.1f}/s")
    pairs = list(zip(ours, bare, strict=False))  # of a round that was cut off there is but one
    if not pairs:
        return {"rounds": 0, "within": False}
    ratios = [mine.per_s / theirs.per_s for mine, theirs in pairs]
    return {
        "rounds": len(pairs),
        "tickets_per_s": round(median(mine.per_s for mine, _ in pairs), 1),
        "bare_per_s": round(median(theirs.per_s for _, theirs in pairs), 1),
        "ratio": round(median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
        "processor_ms_of_a_ticket": round(median(mine.processor_ms for mine, _ in pairs), 1),
        "processor_ms_of_a_bare": round(median(theirs.processor_ms for _, theirs in pairs), 1),
        "floor": FLOOR,
        "within": median(ratios) >= FLOOR,
        "at_once": AT_ONCE,
        "machine": machine(),
    }


async def _round(client: Client, start: Callable[[Client], Awaitable[Handle]], count: int) -> Round:
    room = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with room:
            handle = await start(client)
            await walk_when_known(handle)

    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one() for _ in range(count)))
    return Round(count / (time.perf_counter() - began), (time.process_time() - used) / count * 1000)


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

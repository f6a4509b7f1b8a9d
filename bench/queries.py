"""What the guard against direct queries (`workers/query_guard.py`) costs, beside a worker without it.

Each has a server and a worker of its own, and they take turns, query by query, so that a noisy machine slows both. A
query that finds the ticket in the cache is answered at once in either case. The guard then puts it out of the cache if
its latest step was no Update: whatever comes next replays it. So a whole round counts as well as the query in it.
"""

import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from statistics import median
from typing import Any

from bench.cost import at_rest
from bench.world import CANONICAL, Handle, open_ticket, server, worker
from workers.query_guard import QueryGuard
from workflows.ticket.workflow import TicketWorkflow

ROUNDS = 30
BEFORE = CANONICAL[:5]
"""What has befallen a ticket of which one asks: it is in Tier 3, with an issue in Jira."""


class Side:
    """One ticket at one worker, and the milliseconds that it took."""

    def __init__(self, handle: Handle, guard: QueryGuard) -> None:
        self._handle = handle
        self._guard = guard
        self._count = 0
        self._begin()

    def _begin(self) -> None:
        self.queries: list[float] = []
        self.rounds: list[float] = []
        self._evicted_before = self._guard.evictions

    def figures(self) -> dict[str, float]:
        """Return the medians since this was asked last, and how often the ticket was put out of the cache."""
        told = {
            "query_ms": round(median(self.queries), 1),
            "round_ms": round(median(self.rounds), 1),
            "evictions": self._guard.evictions - self._evicted_before,
        }
        self._begin()
        return told

    async def ask(self, message: Callable[["Side"], Awaitable[None]]) -> None:
        """Do one round: a message, all that follows from it, and a query."""
        began = time.perf_counter()
        await message(self)
        asked = time.perf_counter()
        await self._handle.query("ticket")
        ended = time.perf_counter()
        self.queries.append((ended - asked) * 1000)
        self.rounds.append((ended - began) * 1000)

    async def nothing(self) -> None:
        """Stay at rest."""

    async def update(self) -> None:
        await self._handle.execute_update("note", self._note(), rpc_timeout=timedelta(seconds=60))
        await at_rest(self._handle)

    async def signal(self) -> None:
        await self._handle.signal("advance", {"do": "note", **self._note()})
        await at_rest(self._handle)

    def _note(self) -> dict[str, str]:
        self._count += 1
        return {"by": "ada", "text": f"Note {self._count}."}


async def measure() -> dict[str, Any]:
    """Measure for each occasion: medians with and without the guard, their ratios, and evictions, of `ROUNDS` queries
    each."""
    told: dict[str, Any] = {}
    async with AsyncExitStack() as stack:
        sides = {name: await _side(stack, guarded=name == "guarded") for name in ("guarded", "plain")}
        for name, message in (
            ("at rest", Side.nothing),
            ("after an update", Side.update),
            ("after a signal", Side.signal),
        ):
            for _ in range(ROUNDS):
                for side in sides.values():
                    await side.ask(message)
            figures = {name: side.figures() for name, side in sides.items()}
            ratios = {
                f"{kind}_ratio": round(figures["guarded"][f"{kind}_ms"] / figures["plain"][f"{kind}_ms"], 2)
                for kind in ("query", "round")
            }
            told[name] = {**figures, **ratios, "queries": ROUNDS}
    return told


async def _side(stack: AsyncExitStack, *, guarded: bool) -> Side:
    client, guard = await stack.enter_async_context(server()), QueryGuard()
    await stack.enter_async_context(worker(client, [TicketWorkflow], plugins=[guard] if guarded else []))
    handle = await open_ticket(client)
    for name, payload in BEFORE:
        await handle.execute_update(name, payload, rpc_timeout=timedelta(seconds=60))
    await at_rest(handle)
    return Side(handle, guard)

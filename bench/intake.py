"""How fast tickets and commands come in over HTTP, beside bare `start_workflow` calls, and what each part of it costs.

The API is a process of its own, as are Temporal and PostgreSQL; the load comes from this one. Bare calls and requests
are made in turns (A B A B), as many at once, so that a noisy machine slows both.
"""

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from uuid import uuid4

from temporalio.client import Client

from bench.bare import BareWorkflow
from bench.installation import Installation
from bench.throughput import _bare
from bench.world import worker
from domain.core.enums import Role
from domain.core.ids import ticket_id
from services.security.auth import create_token
from store.database import Database
from workers.settings import Settings
from workers.temporal import connect
from workflows.ticket.workflow import TicketWorkflow

COUNT = 300
AT_ONCE = 16
ROUNDS = 5
ALONE = 60
"""Requests for the latency where nothing else is under way."""
FLOOR = 0.5
"""The share of the rate of bare calls that intake must reach."""

Act = Callable[[int], Awaitable[None]]


class _Line:
    """One connection, kept open: as little of a client as can be, so that it takes little of the machine."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"

    async def __aenter__(self) -> "_Line":
        self._in, self._out = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._out.close()

    async def ask(self, method: str, path: str, body: Any = None) -> int:
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\n{self._head}Content-Length: {len(data)}\r\n\r\n"
        self._out.write(head.encode() + data)
        answer = (await self._in.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(answer.partition("content-length: ")[2].partition("\r\n")[0])
        await self._in.readexactly(length)
        return int(answer.split(" ", 2)[1])


async def measure(report: Callable[[str], None] = print) -> dict[str, Any]:
    """Intake beside bare starts, then commands; each with latency, throughput and the shares of the parts."""
    home = Path(tempfile.mkdtemp(prefix="tl-"))
    house = await asyncio.to_thread(Installation, home)
    try:
        await asyncio.to_thread(house.serve)
        db = Database(house.postgres.url)
        token, _ = create_token(db, "bench", Role.LEAD, timedelta(days=1), datetime.now(UTC))
        db.dispose()
        names = {"TEMPORAL_ADDRESS": house.temporal.address}
        client = await connect(Settings.model_validate(names))
        async with _lines(house.port, token) as lines:
            commands = await _commands(house, client, lines)  # first: the worker would have all others to do as well
            intake = await _intake(house, client, lines, report)
        return {"intake": intake, "commands": commands, "at_once": AT_ONCE}
    finally:
        house.stop()
        shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def _lines(port: int, token: str) -> AsyncIterator[list[_Line]]:
    lines = [await _Line(port, token).__aenter__() for _ in range(AT_ONCE)]
    try:
        yield lines
    finally:
        for line in lines:
            await line.__aexit__()


async def _intake(
    house: Installation, client: Client, lines: list[_Line], report: Callable[[str], None]
) -> dict[str, Any]:
    async def bare(_: int) -> None:
        await _bare(client)

    async def post(place: int) -> None:
        status = await lines[place].ask("POST", "/api/v1/tickets", a_form())
        assert status == 201, status

    await _rate(bare, 50)
    await _rate(post, 50)
    ours, theirs = [], []
    spent = dict.fromkeys(house.cpu(), 0.0)
    bare_spent = dict(spent)
    for number in range(ROUNDS):
        before = house.cpu()
        theirs.append(await _rate(bare, COUNT))
        between = house.cpu()
        ours.append(await _rate(post, COUNT))
        bare_spent = {name: bare_spent[name] + between[name] - before[name] for name in before}
        spent = {name: spent[name] + seconds - between[name] for name, seconds in house.cpu().items()}
        report(f"  round {number + 1}: bare {theirs[-1]:.0f}/s, intake {ours[-1]:.0f}/s")
    ratio = median(mine / bare for mine, bare in zip(ours, theirs, strict=True))
    return {
        "tickets_per_s": round(median(ours)),
        "bare_starts_per_s": round(median(theirs)),
        "ratio": round(ratio, 2),
        "floor": FLOOR,
        "within": ratio >= FLOOR,
        "latency_ms": await _latency(post),
        "bare_latency_ms": await _latency(bare),
        "cpu_ms_each": _each(spent, ROUNDS * COUNT),
        "bare_cpu_ms_each": _each(bare_spent, ROUNDS * COUNT),
    }


async def _commands(house: Installation, client: Client, lines: list[_Line]) -> dict[str, Any]:
    """Measure notes on tickets, to a worker in this process whose journal takes no time."""
    async with worker(client, [TicketWorkflow, BareWorkflow]):
        tickets = []
        for _ in range(AT_ONCE):
            form = a_form()
            assert await lines[0].ask("POST", "/api/v1/tickets", form) == 201
            tickets.append(ticket_id(f"api:{form['source']}", form["external_id"]))

        async def note(place: int) -> None:
            status = await lines[place].ask("POST", f"/api/v1/tickets/{tickets[place]}/note", {"text": "Said."})
            assert status == 200, status

        await _rate(note, 50)
        before = house.cpu()
        rate = await _rate(note, COUNT)
        spent = {name: seconds - before[name] for name, seconds in house.cpu().items()}
        return {
            "commands_per_s": round(rate),
            "latency_ms": await _latency(note),
            "cpu_ms_each": _each(spent, COUNT),
        }


def _each(spent: dict[str, float], count: int) -> dict[str, float]:
    return {name: round(1000 * seconds / count, 2) for name, seconds in spent.items()}


def a_form() -> dict[str, Any]:
    """Return a ticket as it comes from a form, about as large as people write."""
    return {
        "source": "bench",
        "external_id": uuid4().hex,
        "account": {"id": "acme", "plan": "standard"},
        "category": "bug",
        "priority": "P3",
        "subject": "Export fails",
        "description": "Since this morning every export ends with error 500. " * 10,
    }


async def _rate(act: Act, count: int) -> float:
    """Return how many acts are done in a second, so many at once."""
    left = iter(range(count))

    async def one_of_many(place: int) -> None:
        for _ in left:
            await act(place)

    began = time.perf_counter()
    await asyncio.gather(*(one_of_many(place) for place in range(AT_ONCE)))
    return count / (time.perf_counter() - began)


async def _latency(act: Act) -> dict[str, float]:
    """Return how long an act takes, in milliseconds, one at a time."""
    took = []
    for _ in range(ALONE):
        began = time.perf_counter()
        await act(0)
        took.append(1000 * (time.perf_counter() - began))
    return {"median": round(median(took), 1), "p95": round(quantiles(took, n=20)[-1], 1)}

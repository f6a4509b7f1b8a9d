"""The lists of ops with many open tickets: how long each takes, and how many calls to Temporal it makes.

The tickets are copies of a few, made by SQL. Some of them have a workflow that runs at Temporal and that no worker
works on, as the lists ask no worker: to start ten thousand takes minutes. The others are what is found, as if their
workflows were lost. Calls are counted by the metrics of the SDK.
"""

import asyncio
import platform
import re
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
from sqlalchemy import text
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from bench.installation import Installation
from domain.core.enums import Plan, Priority
from domain.ticket.state import workflow_id
from services import comparison, recalculation, stuck
from services.policy_file.load import load_policy
from services.reading import lapses
from store import journal
from store.database import Database
from tests.support.ticket_life import Life, life
from workers.embedded.temporal import free_port
from workflows import search_attributes as sa
from workflows.ticket import rendering

TICKETS = 10_000
RUNNING = 1_000
"""Tickets that have a workflow."""
AT_ONCE = 50
"""Workflows that are started at the same time."""
GOAL_S = 10.0
"""Seconds that a list may take."""
HOUR = timedelta(hours=1)

_COPY = text("""
    INSERT INTO tickets SELECT copy.* FROM tickets AS one, generate_series(:first, :last) AS n, LATERAL
    jsonb_populate_record(one, jsonb_build_object('id', 'b' || n, 'external_id', 'b' || n,
        'updated_at', now() - interval '1 hour')) AS copy
    WHERE one.id = :template
""")


def measure(tickets: int = TICKETS, running: int = RUNNING, report: Callable[[str], None] = print) -> dict[str, Any]:
    """Return the seconds that each list takes, and its calls to Temporal."""
    with tempfile.TemporaryDirectory(prefix="tl-") as home:
        house = Installation(Path(home))
        try:
            return asyncio.run(_measure(house, tickets, running, report))
        finally:
            house.stop()


async def _measure(house: Installation, tickets: int, running: int, report: Callable[[str], None]) -> dict[str, Any]:
    metrics = f"127.0.0.1:{free_port()}"
    runtime = Runtime(telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=metrics)))
    client = await Client.connect(house.temporal.address, runtime=runtime)
    db, policy = Database(house.postgres.url), load_policy()
    try:
        now = datetime.now(UTC)
        began = time.perf_counter()
        await _fill(client, db, tickets, running, now)
        report(
            f"  {tickets:,} open tickets, {running:,} with a workflow, were made in {time.perf_counter() - began:.0f} s"
        )

        async def timed(act: Callable[[], Awaitable[Any]]) -> dict[str, Any]:
            before, began = _calls(metrics), time.perf_counter()
            found = await act()
            took = time.perf_counter() - began
            calls = {name: count for name, count in (_calls(metrics) - before).items() if count}
            return {"seconds": round(took, 2), "calls": calls, "found": found, "within": took <= GOAL_S}

        async def all_stuck() -> int:
            found = await stuck.find(client, db, now, UTC, 50)
            return len(found.stuck) + found.more

        async def compared() -> int:
            return len((await comparison.look(client, db, 1000)).stopped)

        async def breached() -> int:
            return (await asyncio.to_thread(lapses.breached, db, now, 50)).total

        async def at_risk() -> int:
            return (await asyncio.to_thread(lapses.at_risk, db, now, HOUR, 50)).total

        async def recalculated() -> int:
            return len(await asyncio.to_thread(lambda: list(recalculation.preview(db, policy, now))))

        lists: dict[str, Callable[[], Awaitable[Any]]] = {
            "stuck": all_stuck, "breached": breached, "at-risk": at_risk, "reconcile": compared,
            "recalculate, preview": recalculated,
        }  # fmt: skip
        found = {"machine": _machine(), "tickets": tickets, "running": running} | {
            name: await timed(act) for name, act in lists.items()
        }
        return found
    finally:
        db.dispose()


def _machine() -> str:
    cores, memory = psutil.cpu_count(), psutil.virtual_memory().total / 2**30
    return f"{platform.system()}, {cores} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def _calls(metrics: str) -> Counter[str]:
    """Return how many calls the client has made to Temporal, by operation."""
    with urlopen(f"http://{metrics}/metrics") as answer:
        said = answer.read().decode()
    found: Counter[str] = Counter()
    for labels, count in re.findall(r"^temporal_request(?:_total)?\{(.*?)\} (\d+)", said, re.MULTILINE):
        if operation := re.search(r'operation="(\w+)"', labels):
            found[operation[1]] += int(count)
    return found


# -- What is measured on -----------------------------------------------------------------------------------------


def _lives(now: datetime) -> list[Life]:
    """Return the tickets to copy: new, held, breached, waiting for the customer."""
    hours = [now - timedelta(hours=count) for count in (1, 2, 3, 4)]
    given: dict[str, Any] = {"plan": Plan.STANDARD, "priority": Priority.P3}
    return [
        life("new", at=hours[0], **given),
        life("held", at=hours[1], **given).do("take", timedelta(minutes=1)),
        life("breached", at=hours[2], plan=Plan.ENTERPRISE, priority=Priority.P2).wait_until(now),
        life("waits", at=hours[3], **given).do("take").do("wait", question="Which browser?"),
    ]


async def _fill(client: Client, db: Database, tickets: int, workflows: int, now: datetime) -> None:
    lives = _lives(now)
    part = tickets // len(lives)
    with db.begin() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        for place, one in enumerate(lives):
            journal.append(session, one.ticket.id, "bench", one.events)
            known = {"template": one.ticket.id, "first": place * part, "last": (place + 1) * part - 1}
            session.execute(_COPY, known)
            session.execute(text("DELETE FROM texts WHERE ticket_id = :t"), {"t": one.ticket.id})
            session.execute(text("DELETE FROM ticket_events WHERE ticket_id = :t"), {"t": one.ticket.id})
            session.execute(text("DELETE FROM tickets WHERE id = :t"), {"t": one.ticket.id})
        session.execute(text("DELETE FROM inbox"))
        session.execute(text("UPDATE outbox SET state = 'sent'"))
    turns = asyncio.Semaphore(AT_ONCE)

    async def start(number: int, one: Life) -> None:
        async with turns:
            await client.start_workflow(
                "TicketWorkflow",
                id=workflow_id(f"b{number}"),
                task_queue="nobody",
                search_attributes=sa.at_start(rendering.attributes(one.ticket)),
            )

    running = [
        start(number, one)
        for place, one in enumerate(lives)
        for number in range(place * part, (place + 1) * part)
        if (number - place * part) < workflows // len(lives)
    ]
    await asyncio.gather(*running)
    listed = "WorkflowType = 'TicketWorkflow' AND ExecutionStatus = 'Running'"
    async with asyncio.timeout(120):
        while (await client.count_workflows(listed)).count < len(running):
            await asyncio.sleep(0.2)  # Temporal's list is behind its workflows

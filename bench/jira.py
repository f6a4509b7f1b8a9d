"""What engineering's tracker costs us and it: the report's time, calls for an escalation, and how a queue drains.

The queue is a real one: PostgreSQL, Temporal, the worker's own wiring, and the stand-in's record of when calls came in.
"""

import asyncio
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from domain.core.enums import Plan
from domain.ticket.state import Ticket, workflow_id
from domain.tracker.bug_report import issue_report
from integrations.jira import adf
from integrations.standins import run as standins
from integrations.standins.common import Exchange
from store import journal
from store.database import Database
from store.migrate import migrate
from tests.support.clients import clients
from tests.support.packages import BOTH_PACKAGES
from tests.support.ticket_life import RUN, Life, life
from workers.bootstrap import Clients
from workers.embedded import EmbeddedPostgres, EmbeddedTemporal
from workers.worker import running
from workflows import ports
from workflows.ticket.messages import Carried, TicketStart

LOG = 20_000
"""Characters of the log in the large report: as much as a field takes."""
ROUNDS = 200
BUDGET_MS = 5.0
WAITING = 500
RATE = 15.0
"""Calls a second that the worker is allowed: activities, each of two calls here."""
ISSUE = "/rest/api/3/issue"


def measure() -> dict[str, Any]:
    """Measure milliseconds of processor time for a report, calls for an escalation, escalations in each second."""
    return {
        "report_ms": _report_ms({}),
        "report_with_20_kB_log_ms": _report_ms({"logs_or_screenshots": _log()}),
        **asyncio.run(_drain()),
    }


def _log() -> str:
    line = "2026-03-02T10:%02d:%02d.123Z ERROR [worker-%d] org.example.Chart - GET /api/charts/%d failed: 500 in %d\n"
    return "".join(line % (n % 60, n % 59, n % 8, n, n * 3) for n in range(400))[:LOG]


def _report_ms(fields: dict[str, str]) -> dict[str, Any]:
    one = escalated(fields)
    texts = {f"{event.seq}.{name}": text for event in one.events for name, text in event.texts.items()}
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()  # of this process: a busy machine does not count
        adf.render(issue_report(one.ticket, texts, "bug", "https://support.example.com/t").document)
        times.append((time.process_time() - began) * 1000)
    return {"median": round(median(times), 2), "budget": BUDGET_MS, "within": median(times) <= BUDGET_MS}


def escalated(fields: dict[str, str]) -> Life:
    """Return a ticket on its way to engineering, as its workflow has it when it hands over to its successor."""
    one = life(uuid4().hex, plan=Plan.ENTERPRISE, at=datetime.now(UTC))
    return one.do("escalate", to="T3", fields=BOTH_PACKAGES | fields)


@dataclass
class _Site:
    """Where the queue is worked, and when calls came in."""

    client: Client
    db: Database
    outside: Clients
    said: list[tuple[float, Exchange]] = field(default_factory=list)

    def created(self) -> list[float]:
        return [at for at, exchange in self.said if (exchange.method, exchange.path) == ("POST", ISSUE)]


async def _drain() -> dict[str, Any]:
    async with _site() as site:
        tickets = [escalated({}) for _ in range(WAITING)]
        for one in tickets:
            with site.db.begin() as session:
                journal.append(session, one.ticket.id, RUN, one.events)
        await asyncio.gather(*(_start(site.client, one.ticket) for one in tickets))
        async with running(site.client, site.outside):
            deadline = time.monotonic() + 4 * WAITING / RATE + 60
            while len(site.created()) < WAITING and time.monotonic() < deadline:
                await asyncio.sleep(0.2)  # looked at, not waited for
            await asyncio.sleep(1)  # what comes too often comes now
    calls = Counter(f"{exchange.method} {_template(exchange.path)}" for _, exchange in site.said)
    times = site.created()
    seconds = Counter(int(at - times[0]) for at in times)
    counts = [seconds[second] for second in range(max(seconds) + 1)]
    most = max(counts)
    return {
        "calls_per_escalation": {call: round(count / len(times), 3) for call, count in calls.items()},
        "drain": {
            "escalations": len(times),
            "rate_per_s": RATE,
            "seconds": round(times[-1] - times[0], 1),
            "in_each_second": counts,
            "most_in_a_second": most,
            "within": len(times) == WAITING and most <= 1.5 * RATE,
        },
    }


async def _start(client: Client, ticket: Ticket) -> None:
    begin = TicketStart(carried=Carried(ticket=ticket))
    await client.start_workflow("TicketWorkflow", begin, id=workflow_id(ticket.id), task_queue=ports.TICKETS)


def _template(path: str) -> str:
    """Return the path without what is one issue's own."""
    return "/".join("{key}" if "-" in part and part.split("-")[-1].isdigit() else part for part in path.split("/"))


@asynccontextmanager
async def _site() -> AsyncIterator[_Site]:
    home = Path(tempfile.mkdtemp(prefix="tl-"))
    said: list[tuple[float, Exchange]] = []
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        outside = stack.enter_context(
            standins.running(observe_jira=lambda exchange: said.append((time.monotonic(), exchange)))
        )
        postgres, temporal = EmbeddedPostgres(home, durable=False), EmbeddedTemporal(home, port=0, ui_port=0)
        for service in (postgres, temporal):
            service.start()
            stack.callback(service.stop)
        migrate(postgres.url)
        db = Database(postgres.url)
        stack.callback(db.dispose)
        world = clients(db, outside, jira_rate=RATE)
        client = await Client.connect(temporal.address, data_converter=pydantic_data_converter)
        yield _Site(client=client, db=db, outside=world, said=said)

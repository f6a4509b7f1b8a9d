"""A store of years: a million tickets with twenty events each, and what the pages read of it.

The tickets are copies made by SQL (`bench.many_tickets`), 10,000 of them active at most. Each reading is timed as the
API and the desk do it, from the call to the answer, alone: the page around it is measured by `desk`. Its plans are
looked at as well: none may read a large table from its beginning to its end.
"""

import random
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any, NamedTuple

from sqlalchemy import text
from temporalio.client import Client

from bench.house import machine
from bench.installation import Installation
from bench.many_tickets import ACCOUNTS, AGENTS, SOURCE, Shape, fill
from domain.core.enums import Plan, Status
from domain.core.failures import Unavailable
from domain.report.week import week_of
from services.policy_file.load import load_policy
from services.reading import account, finding, lists
from services.reading.beside import beside
from services.reading.lists import Search
from services.reading.lookup import look_up, timeline
from services.reports import week as reports
from store import queue_views
from store.database import Database
from tests.support.query_plans import sent_to

TICKETS = 1_000_000
SHAPE = Shape(active=10_000, messages=2)
GOAL_MS = 50.0
"""Within which 95 of 100 readings of one kind are done."""
REPORT_GOAL_S = 5.0
ROUNDS = 40
LONGEST_S = 20.0
"""Seconds after which a reading that is slow is not repeated any more."""

Reading = Callable[[random.Random], Any]


class Options(NamedTuple):
    """How much is measured."""

    tickets: int = TICKETS
    home: Path | None = None
    """Where the store is, or is kept for the next time; None: in a folder that is removed."""


async def measure(options: Options, report: Callable[[str], None] = print) -> dict[str, Any]:
    """Return milliseconds of each reading, the tables that were read whole, and what a thousand tickets take."""
    with ExitStack() as stack:
        home = options.home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tl-")))
        house = Installation(home)
        stack.callback(house.stop)
        db = Database(house.postgres.url)
        stack.callback(db.dispose)
        now = datetime.now(UTC)
        began = time.perf_counter()
        fill(db, options.tickets, now, report, SHAPE)
        report(f"  the store is full after {time.perf_counter() - began:.0f} s")
        found: dict[str, Any] = {"machine": machine(), **_sizes(db, options.tickets)}
        for name, reading in _readings(db, now).items():
            found[name] = await _timed(db, reading)
            report(f"  {name}: {found[name]}")
        found["the report of a week"] = _report(db, now)
        return found | {"machine_at_the_end": machine()}


async def _away() -> Client:
    raise Unavailable("Temporal is not asked")


def _readings(db: Database, now: datetime) -> dict[str, Reading]:
    """Return what pages and the API read, by name. Each draws what it asks for."""
    tomorrow = now + timedelta(days=1)
    with db.session() as session:
        some = text("SELECT id FROM tickets TABLESAMPLE SYSTEM (1) WHERE source = :s AND status = :status LIMIT 200")
        closed = list(session.scalars(some, {"s": SOURCE, "status": "closed"}))
        active = list(
            session.scalars(
                text("SELECT id FROM tickets WHERE source = :s AND status = 'open' LIMIT 200"), {"s": SOURCE}
            )
        )

    def view(name: str) -> Reading:
        return lambda dice: lists.queue_view(db, name, dice.choice(AGENTS), tomorrow)

    async def ticket(which: list[str], dice: random.Random) -> None:
        seen = await look_up(db, _away, dice.choice(which))
        await timeline(db, seen.ticket.id)
        beside(db, seen.ticket, {"1.subject": "The export fails in branch 7"})

    def search(**asked: Any) -> Reading:
        return lambda dice: lists.search(db, Search.model_validate({k: v(dice) for k, v in asked.items()}))

    def of_an_account(dice: random.Random) -> str:
        return f"account-{int(dice.paretovariate(1.2)) % ACCOUNTS}"

    queue = {f"queue: {name}": view(name) for name in queue_views.conditions("ada", tomorrow)}
    return queue | {
        "the next ticket to take": lambda _: lists.next_to_take(db, None, ()),
        "an open ticket": lambda dice: ticket(active, dice),
        "a closed ticket": lambda dice: ticket(closed, dice),
        "search: nothing": search(),
        "search: a word": search(q=lambda dice: dice.choice(("invoice", "warehouse", "printer"))),
        "search: two words": search(q=lambda dice: f"export branch {dice.randrange(900)}"),
        "search: an issue": search(q=lambda dice: f"ENG-{dice.randrange(3000)}"),
        "search: an account": search(account=of_an_account),
        "search: an assignee": search(assignee=lambda dice: dice.choice(AGENTS)),
        "search: a status": search(status=lambda _: [Status.OPEN]),
        "search: a priority": search(priority=lambda _: "P2"),
        "search: a plan": search(plan=lambda _: [Plan.PREMIUM]),
        "the palette": lambda dice: finding.find(db, dice.choice(("export fails", "account-7", "ENG-70")), limit=8),
        "an account": lambda dice: account.view(db, of_an_account(dice), now),
    }


async def _timed(db: Database, reading: Reading) -> dict[str, Any]:
    dice, took = random.Random(1), []
    began = time.perf_counter()
    for _ in range(ROUNDS):
        start = time.perf_counter()
        if hasattr(answer := reading(dice), "__await__"):
            await answer
        took.append(1000 * (time.perf_counter() - start))
        if time.perf_counter() - began > LONGEST_S and len(took) > 1:
            break
    with sent_to(db) as sent:
        if hasattr(answer := reading(dice), "__await__"):
            await answer
    whole = sent.read_whole()
    cuts = quantiles(sorted(took), n=100)
    return {
        "p50_ms": round(cuts[49], 1),
        "p95_ms": round(cuts[94], 1),
        "readings": len(took),
        "read_whole": [plan[:300] for plan in whole],
        "within": cuts[94] <= GOAL_MS and not whole,
    }


def _report(db: Database, now: datetime) -> dict[str, Any]:
    policy, week = load_policy(), week_of((now - timedelta(days=35)).date())
    took = []
    for _ in range(2):
        began = time.perf_counter()
        found = reports.read(db, policy, week, now)
        took.append(round(time.perf_counter() - began, 2))
    return {"seconds": took, "opened": found.volume.opened.now, "within": max(took) <= REPORT_GOAL_S}


def _sizes(db: Database, tickets: int) -> dict[str, Any]:
    """Return what there is, and the kilobytes that a thousand tickets take in each table, indexes included."""
    tables = text(
        "SELECT relname, pg_total_relation_size(oid) AS bytes FROM pg_class WHERE relkind = 'r' "
        "AND relnamespace = 'public'::regnamespace ORDER BY 2 DESC LIMIT 8"
    )
    with db.session() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        sizes = session.execute(tables).all()
        events = session.scalar(text("SELECT reltuples FROM pg_class WHERE relname = 'ticket_events'")) or 0
        active = session.scalar(text("SELECT count(*) FROM tickets WHERE status IN ('new', 'open', 'pending')"))
    return {
        "tickets": tickets,
        "active": active,
        "events_of_each": round(events / tickets, 1),
        "gigabytes": round(sum(row.bytes for row in sizes) / 1e9, 2),
        "kb_of_1000_tickets": {row.relname: round(row.bytes / tickets) for row in sizes},
    }

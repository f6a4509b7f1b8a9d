"""The report of a week with 100,000 tickets in the store: how long it takes, and whether it reads events.

Twice: with the tickets of two years, and with the same ones in a quarter of a year, which no company of their size has.
"""

import platform
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text

from bench.installation import Installation
from bench.many_tickets import fill
from domain.report.week import week_of
from services.policy_file.load import load_policy
from services.reports import week as reports
from store.database import Database
from tests.support.query_plans import sent_to

TICKETS = 100_000
GOAL_S = 5.0
ROUNDS = 3
_DENSER = """
    UPDATE {table} SET {changes}
"""


def measure(tickets: int = TICKETS, report: Callable[[str], None] = print) -> dict[str, Any]:
    """Return the seconds that reports take, and what they read whole."""
    with tempfile.TemporaryDirectory(prefix="tl-") as home:
        house = Installation(Path(home))
        db = Database(house.postgres.url)
        try:
            now = datetime.now(UTC)
            fill(db, tickets, now, report)
            machine = (
                f"{psutil.cpu_count()} cores, load {psutil.getloadavg()[0]:.0f}, Python {platform.python_version()}"
            )
            found = {"machine": machine, "tickets": tickets, "of two years": _timed(db, now)}
            _make_denser(db, now)
            return found | {"of a quarter": _timed(db, now)}
        finally:
            db.dispose()
            house.stop()


def _timed(db: Database, now: datetime) -> dict[str, Any]:
    """Return how long the report of a week takes that has five full weeks behind it."""
    policy, week = load_policy(), week_of((now - timedelta(days=35)).date())
    took, used = [], []
    for _ in range(ROUNDS):
        began, processor = time.perf_counter(), time.process_time()
        found = reports.read(db, policy, week, now)
        took.append(round(time.perf_counter() - began, 2))
        used.append(round(time.process_time() - processor, 2))
    with sent_to(db) as sent:
        reports.read(db, policy, week, now)
    whole = [plan for plan in sent.plans() if "Seq Scan on ticket_events" in plan or "Seq Scan on texts" in plan]
    return {
        "seconds": took, "of our processor": used, "opened": found.volume.opened.now, "ended": found.volume.ended.now,
        "contacts": sum(one.contacts for one in found.channels), "statements": len(sent.statements),
        "events read whole": len(whole), "within": max(took) <= GOAL_S and not whole,
    }  # fmt: skip


def _make_denser(db: Database, now: datetime) -> None:
    """Bring every ticket eight times nearer to now, so that those of two years are those of a quarter."""
    nearer = "CAST(:now AS timestamptz) - (CAST(:now AS timestamptz) - {0}) / 8"
    for table, names in (
        ("ticket_records", ("opened_at", "first_response", "ended_at")),
        ("ticket_moments", ("at", "since", "taken")),
    ):
        changes = ", ".join(f"{name} = {nearer.format(name)}" for name in names)
        with db.begin() as session:
            session.execute(text("SET LOCAL statement_timeout = 0"))
            session.execute(text(_DENSER.format(table=table, changes=changes)), {"now": now})
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE ticket_records, ticket_moments"))

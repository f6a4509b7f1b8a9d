"""The statement of an account's month (F8), as JSON, as CSV and as a page, over HTTP: how long each takes, and whether
a large table is read whole.

One account has 2,000 tickets in the month, another 5,000, as many as a statement lists. Both have tens of thousands
from the two years before it.
"""

import asyncio
import platform
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from itertools import product
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

import psutil
from sqlalchemy import text

from bench.browser import Person
from bench.installation import Installation
from domain.core.enums import Plan, Priority, Role
from domain.ticket.state import Account
from services.policy_file.load import load_policy
from services.security.auth import create_token
from services.statement import MOST_TICKETS, Statement, statement
from store import accounts, journal
from store.database import Database
from tests.support.packages import RECORD
from tests.support.query_plans import sent_to, without_indexes
from tests.support.ticket_life import Life, life

ACCOUNTS = {"large": 2_000, "largest": MOST_TICKETS}
"""How many tickets each account has in the month."""
EARLIER_MONTHS = 24
ROUNDS = 30
WARM = 3
"""Rounds before those that count: a process answers its first requests more slowly."""
GOAL_MS = 200
KINDS = 40
"""Tickets of which all others are copies: on so many instants of the month, one of ten late."""
_COPIES = """
    WITH made AS (INSERT INTO tickets SELECT copy.* FROM generate_series(1, :many) AS n
    CROSS JOIN LATERAL (SELECT CASE WHEN n <= :now THEN interval '0'
                                    ELSE (1 + n % :months) * interval '30 days' END AS back) AS at
    JOIN tickets AS one ON one.external_id = :account || '-kind-' || n % :kinds
    CROSS JOIN LATERAL jsonb_populate_record(one, jsonb_build_object(
        'id', :account || '-copy-' || n, 'external_id', :account || '-copy-' || n, 'opened_at', one.opened_at - back,
        'resolved_at', one.resolved_at - back, 'closed_at', one.closed_at - back)) AS copy
    RETURNING id)
    INSERT INTO ticket_records SELECT copy.* FROM generate_series(1, :many) AS n
    JOIN tickets AS one ON one.external_id = :account || '-kind-' || n % :kinds
    JOIN ticket_records AS kept ON kept.ticket_id = one.id JOIN made ON made.id = :account || '-copy-' || n
    CROSS JOIN LATERAL jsonb_populate_record(kept, jsonb_build_object('ticket_id', :account || '-copy-' || n)) AS copy
"""


class Options(NamedTuple):
    """How much is measured."""

    tickets: int = 100_000
    """Of all accounts, those from before the month included."""


def measure(options: Options, report: Callable[[str], None] = print) -> dict[str, Any]:
    """Return the milliseconds that each form of the statement takes, and what is read whole for it."""
    with tempfile.TemporaryDirectory(prefix="tl-") as home:
        house = Installation(Path(home))
        db = Database(house.postgres.url)
        try:
            month = _fill(db, options.tickets, report)
            house.serve()
            found: dict[str, Any] = {"machine": f"{psutil.cpu_count()} cores, Python {platform.python_version()}"}
            for account in ACCOUNTS:
                with sent_to(db) as sent:
                    lines = statement(db, load_policy(), account, f"{month:%Y-%m}")
                found[account] = _size(lines) | {"read whole": len(sent.read_whole()), "within": not sent.read_whole()}
                found[f"{account}, ms"] = asyncio.run(_timed(house.port, db, account, f"{month:%Y-%m}"))
            return found | {"load": [round(one, 1) for one in psutil.getloadavg()]}
        finally:
            db.dispose()
            house.stop()


def _size(found: Statement) -> dict[str, Any]:
    return {"tickets": len(found.tickets), "clocks": len(found.clocks), "missed": found.missed}


def _fill(db: Database, tickets: int, report: Callable[[str], None]) -> datetime:
    """Make the accounts with their tickets. Returns the first instant of the month."""
    ends = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    begins = (ends - timedelta(days=1)).replace(day=1)
    with db.begin() as session:
        accounts.save_accounts(session, [Account(id=name, plan=Plan.PREMIUM) for name in ACCOUNTS])
        for name, number in product(ACCOUNTS, range(KINDS)):
            at = begins + timedelta(days=2, hours=14 * number)
            one = _lived(name, f"{name}-kind-{number}", at, late=number % 10 == 0)
            journal.append(session, one.ticket.id, "bench", one.events)
    with without_indexes(db), db.begin() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        for name, now in ACCOUNTS.items():
            many = max(now, tickets // len(ACCOUNTS)) - KINDS
            given = {"account": name, "many": many, "now": now - KINDS, "months": EARLIER_MONTHS, "kinds": KINDS}
            session.execute(text(_COPIES), given)
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))
    report(f"  {tickets:,} tickets are made")
    return begins


def _lived(account: str, name: str, at: datetime, late: bool) -> Life:
    """Return a ticket that was closed within days; `late`: its first response was."""
    one = life(name, at=at, account=account, priority=Priority.P3).do("take", timedelta(minutes=5))
    if late:
        one.wait_until(at + timedelta(days=4))
    one.do("respond", timedelta(minutes=3), text="We look at it.")
    return one.do("resolve", timedelta(hours=1), **RECORD).do("close", timedelta(hours=1))


async def _timed(port: int, db: Database, account: str, month: str) -> dict[str, Any]:
    """Return how long each form takes, one at a time, from the first byte sent to the last one received."""
    token, _ = create_token(db, "lea", Role.LEAD, timedelta(days=1), datetime.now(UTC))
    person = Person(port, token)
    await person.sign_in()
    line = HTTPConnection("127.0.0.1", port)
    api = f"/api/v1/accounts/{account}/statement?month={month}"

    def called(path: str) -> tuple[float, int]:
        began = time.perf_counter()
        line.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = line.getresponse()
        size = len(answer.read())
        assert answer.status == 200, answer.status
        return time.perf_counter() - began, size

    async def loaded() -> tuple[float, int]:
        answer = await person.ask("GET", f"/desk/statement?account={account}&month={month}")
        assert answer.status == 200, answer.status
        return answer.seconds, answer.size

    times: dict[str, list[tuple[float, int]]] = {"json": [], "csv": [], "page": []}
    for _ in range(WARM + ROUNDS):
        times["json"].append(called(api))
        times["csv"].append(called(f"{api}&format=csv"))
        times["page"].append(await loaded())
    line.close()
    person.close()
    return {name: _figures(taken[WARM:]) for name, taken in times.items()}


def _figures(taken: list[tuple[float, int]]) -> dict[str, Any]:
    ms = [1000 * seconds for seconds, _ in taken]
    p95 = quantiles(ms, n=20)[18]
    figures = {"p50": round(median(ms)), "p95": round(p95), "least": round(min(ms)), "bytes": taken[-1][1]}
    return figures | {"within": p95 <= GOAL_MS}

"""How often strangers are written into the database, and that none of them is lost on the way."""

from typing import Any

import pytest
from sqlalchemy import select

from api import guard
from api.guard import Record
from api.problems import Problem
from domain.core.enums import Role
from services.security.auth import Caller, NotAuthenticated
from store import refusals
from store.database import Database, DatabaseDown
from store.tables.integrations import TurnedAwayRow
from tests.support import counts

UNKNOWN = NotAuthenticated("this token is not known", "k7m3q9xt5b")


class Counting:
    """A record whose clock stands, and how often it wrote to the database."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch, rate: float) -> None:
        self.at = 0.0
        self.writes = 0
        self.down = False
        self._db = database
        self._record = Record(database, rate, now=lambda: self.at)
        count = refusals.count_strangers

        def counted(*arguments: Any) -> None:
            if self.down:
                raise DatabaseDown("the database is away")
            self.writes += 1
            count(*arguments)

        monkeypatch.setattr(refusals, "count_strangers", counted)

    async def knock(
        self, error: Exception = UNKNOWN, path: str = "/api/v1/queue", caller: Caller | None = None
    ) -> None:
        scope = {"type": "http", "method": "GET", "path": path, "path_params": {}, "state": {"caller": caller}}
        await self._record.turned_away(scope, Problem.of(error), error)

    def times(self) -> int:
        with self._db.session() as session:
            return sum(session.scalars(select(TurnedAwayRow.times)))


async def test_strangers_are_written_at_a_fifth_of_a_tokens_rate_after_a_burst_and_none_is_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the default of 50 requests a second: ten times a second, after a burst of a hundred."""
    record = Counting(database, monkeypatch, rate=50)
    for _ in range(150):
        await record.knock()
    assert (record.writes, record.times()) == (100, 100)

    record.at += 0.1
    await record.knock()
    assert (record.writes, record.times()) == (101, 151)
    await record.knock()
    assert record.writes == 101


async def test_what_the_database_could_not_take_is_counted_with_the_next_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Counting(database, monkeypatch, rate=50)
    record.down = True
    for _ in range(3):
        await record.knock()
    record.down = False
    await record.knock()
    assert record.times() == 4


async def test_of_many_ids_that_nobody_has_only_so_many_are_kept_in_memory(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MOST_STRANGERS", 5)
    record = Counting(database, monkeypatch, rate=0.05)
    for number in range(20):
        await record.knock(NotAuthenticated("this token is not known", f"{number:010d}"))
    # The first is written; five are kept by their ids; all others count together.
    assert (record.writes, len(record._record._uncounted)) == (1, 6)


async def test_what_is_no_refusal_of_a_request_is_not_on_record(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Counting(database, monkeypatch, rate=50)
    ada = Caller(token_id="k7m3q9xt5b", actor="ada", role=Role.AGENT)
    for caller in (None, ada):
        for error in (DatabaseDown("it is away"), Problem("wrong_method", "GET only")):
            await record.knock(error, caller=caller)
    assert record.writes == 0
    await record.knock(Problem("not_allowed", "no"), caller=ada)
    await record.knock(Problem("not_allowed", "no"), path="/webhooks/shop", caller=ada)
    with database.session() as session:
        rows = counts.refusals(session)
        kept = [(row.code, row.actor_id, row.role, row.channel, row.command) for row in rows]
    assert sorted(kept) == [
        ("not_allowed", "ada", "agent", "api", "GET none"),
        ("not_allowed", "ada", "agent", "webhook", "GET none"),
    ]
    assert record.writes == 0

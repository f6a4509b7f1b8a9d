"""`tierline ops size`: rows and bytes of each table, and what came in the last week by the instants in the rows."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from cli.main import run
from cli.ops_size import spell_bytes
from store import journal
from store.database import Database
from store.pruning import Keep, statements
from store.sizes import DAYS, PRUNED, Sizes, TableSize, read_sizes
from store.tables.base import Base
from tests.support.durations import DAY
from tests.support.ticket_life import RUN, life, resolved


def sizes_at(db: Database, ago: timedelta, *, tickets: int = 3) -> tuple[Sizes, dict[str, TableSize], int]:
    """Sizes so long after three tickets were resolved; and how many events they have."""
    lives = [resolved(life(str(number))) for number in range(tickets)]
    with db.begin() as session:
        for one in lives:
            journal.append(session, one.ticket.id, RUN, one.events)
    with db.session() as session:
        sizes = read_sizes(session, lives[0].events[-1].at + ago)
    return sizes, {one.table: one for one in sizes.tables}, sum(len(one.events) for one in lives)


def test_rows_and_bytes_and_what_came_in_the_last_week(db: Database) -> None:
    sizes, tables, events = sizes_at(db, DAY)

    assert set(tables) == {*Base.metadata.tables, "alembic_version"}
    assert [one.bytes for one in sizes.tables] == sorted((one.bytes for one in sizes.tables), reverse=True)
    assert (tables["tickets"].rows, tables["ticket_events"].rows) == (3, events)
    assert tables["tickets"].rows_a_day == 3 / DAYS
    assert tables["ticket_events"].rows_a_day == events / DAYS
    assert tables["texts"].rows_a_day == pytest.approx(tables["texts"].rows / DAYS)
    assert tables["texts"].bytes_a_day == round(tables["texts"].bytes / DAYS)
    assert tables["terms"].rows_a_day is None  # nothing says when
    assert 0 < tables["tickets"].index_bytes < tables["tickets"].bytes < sizes.database_bytes
    stays = [one.bytes_a_day or 0 for one in sizes.tables if not one.pruned]
    assert sizes.bytes_a_day == sum(stays) > 0


def test_what_came_before_the_last_week_is_no_growth(db: Database) -> None:
    sizes, tables, _ = sizes_at(db, 30 * DAY)

    assert (tables["tickets"].rows, tables["tickets"].rows_a_day) == (3, 0)
    assert tables["texts"].bytes_a_day == 0
    assert sizes.bytes_a_day == tables["tickets"].bytes_a_day == 0


def test_of_a_large_table_postgres_own_estimate_is_taken(db: Database) -> None:
    sizes_at(db, DAY)
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT pg_stat_force_next_flush()"))  # what was counted of the rows before it
        connection.execute(text("ANALYZE"))

    with db.session() as session:
        found = {one.table: one for one in read_sizes(session, db.clock.now(), small=0).tables}

    assert (found["tickets"].rows, found["tickets"].exact) == (3, False)


def test_each_table_that_is_pruned_is_named_as_one(db: Database) -> None:
    pruned = {statement.table.name for _, statement in statements(Keep(), db.clock.now(), 1)}  # type: ignore[attr-defined]
    assert pruned - {"tokens"} == set(PRUNED)  # of tokens, those stay that somebody uses


def test_the_command_prints_a_table_and_an_object(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes_at(db, DAY)
    monkeypatch.setenv("DATABASE_URL", database_url)

    assert run(["ops", "size"]) == 0
    printed = capsys.readouterr().out
    assert run(["ops", "size", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert printed.splitlines()[0].split()[:3] == ["table", "rows", "size"]
    assert "the database takes" in printed.splitlines()[-1]
    tickets = next(one for one in found["tables"] if one["table"] == "tickets")
    assert (tickets["rows"], tickets["exact"], tickets["pruned"]) == (3, True, False)
    assert found["days"] == DAYS


@pytest.mark.parametrize(("count", "words"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2_300_000_000, "2.3 GB")])
def test_bytes_are_spelt_for_people(count: int, words: str) -> None:
    assert spell_bytes(count) == words

"""Presence: who has a ticket open, across processes, until it expires; and how seldom it is written and read."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, text

from services.presence import OPEN_LASTS, READ_EVERY, WRITING_LASTS, Other, Presence
from store import presence as rows
from store.database import Database
from store.pruning import Keep, prune
from tests.support.durations import HOUR, SECOND

START = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, span: timedelta) -> None:
        self.now += span


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_another_process_sees_who_is_there_and_who_writes_until_it_expires(db: Database, clock: Clock) -> None:
    here, there = Presence(db, clock), Presence(db, clock)
    here.note("a", "ada")
    here.note("b", "eve")
    assert there.others("a", "ben") == [Other("ada", False)]
    assert there.others("a", "ada") == []
    clock.pass_(READ_EVERY)
    here.note("a", "ada", writes=True)
    assert there.others("a", "ben") == [Other("ada", True)]
    clock.pass_(WRITING_LASTS)
    assert there.others("a", "ben") == [Other("ada", False)]
    clock.pass_(OPEN_LASTS - WRITING_LASTS)
    assert there.others("a", "ben") == []


def test_ten_open_pages_are_one_write_and_one_read(db: Database, clock: Clock) -> None:
    presence = Presence(db, clock)
    said: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    for _ in range(10):
        presence.note("a", "ada")
        presence.note("a", "ada", writes=True)
        presence.others("a", "ada")
    assert sum("INSERT INTO presence" in one for one in said) == 2  # that it is open, that she writes
    assert sum("FROM presence" in one for one in said) == 1  # all pages of these ten looks share it
    clock.pass_(10 * SECOND)
    presence.note("a", "ada")
    presence.others("a", "ada")
    assert sum("INSERT INTO presence" in one for one in said) == 3
    assert sum("FROM presence" in one for one in said) == 2


def test_what_is_long_over_is_pruned(db: Database, clock: Clock) -> None:
    Presence(db, clock).note("a", "ada")
    assert prune(db, Keep(), START + HOUR).presence == 0
    assert prune(db, Keep(), START + HOUR + SECOND).presence == 1


def test_to_note_it_waits_for_no_disk_and_what_is_written_next_does(database: Database) -> None:
    asked = text("SELECT current_setting('synchronous_commit')")
    with database.begin() as session:
        rows.note(session, "t1", "ada", START, writes=True)
        assert session.scalar(asked) == "off"
    with database.begin() as session:
        assert session.scalar(asked) == "on"
        assert rows.since(session, START - SECOND) == [rows.Present("t1", "ada", START, START)]

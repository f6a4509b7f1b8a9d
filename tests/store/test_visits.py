"""Visits of the desk, and what happened to somebody's tickets between two of them."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text

from domain.core.enums import Role
from services.reading import home
from services.security.auth import Caller
from store import journal, visits
from store.database import Database
from tests.support.durations import DAY, HOUR, MINUTE
from tests.support.ticket_life import MONDAY, Life, life

ADA = Caller(token_id="t", actor="ada", role=Role.AGENT)


def visit(database: Database, *instants: timedelta) -> None:
    for after in instants:
        with database.begin() as session:
            visits.note_visit(session, "ada", MONDAY + after)


def record(database: Database, one: Life, written: timedelta) -> None:
    with database.begin() as session:
        journal.append(session, one.ticket.id, "run", one.events)
        session.execute(
            text("UPDATE tickets SET updated_at = :at WHERE id = :id"), {"at": MONDAY + written, "id": one.ticket.id}
        )


def since(database: Database, now: timedelta) -> home.Since | None:
    at = MONDAY + now
    return home.read(database, ADA, at, at + DAY, ZoneInfo("UTC")).since


def test_who_comes_for_the_first_time_was_never_away(database: Database) -> None:
    visit(database, MINUTE, 2 * MINUTE, 20 * MINUTE)
    assert since(database, HOUR) is None


def test_a_break_of_half_an_hour_is_an_absence_and_a_shorter_one_is_not(database: Database) -> None:
    visit(database, MINUTE, 10 * MINUTE, 39 * MINUTE)
    assert since(database, HOUR) is None
    visit(database, 69 * MINUTE, 80 * MINUTE, 79 * MINUTE)
    found = since(database, 2 * HOUR)
    assert found is not None
    assert found.away_since == MONDAY + 39 * MINUTE


def test_home_tells_what_others_did_to_my_tickets_while_i_was_away(database: Database) -> None:
    mine = life("mine", at=MONDAY).do("take", MINUTE)
    mine.do("reply", 3 * HOUR, by="sam", role="customer", text="It is worse.")
    mine.do("note", HOUR, by="ada", text="Read it on the train.")
    quiet = life("quiet", at=MONDAY).do("take", MINUTE)
    other = life("other", at=MONDAY).do("take", MINUTE, by="ben")
    other.do("reply", 3 * HOUR, by="sam", role="customer", text="And this?")
    record(database, mine, 5 * HOUR)
    record(database, quiet, 2 * MINUTE)
    record(database, other, 5 * HOUR)
    visit(database, HOUR, 6 * HOUR)
    found = since(database, 6 * HOUR)
    assert found is not None
    assert [one.line.id for one in found.tickets] == [mine.ticket.id]
    (changed,) = found.tickets
    assert changed.at == MONDAY + MINUTE + 4 * HOUR, "what lapsed is news as well; my own note is not"
    assert not any("note" in words for words in changed.told)
    told = [one.body.type for one in mine.events if one.actor.id != "ada" and one.detected > MONDAY + HOUR]
    assert "replied" in told
    assert len(changed.told) + changed.more == len(told)
    assert not found.more


def test_no_more_tickets_and_no_older_events_are_told_than_a_page_holds(database: Database) -> None:
    for number in range(home.CHANGED + 2):
        one = life(f"mine-{number}", at=MONDAY).do("take", MINUTE)
        for _ in range(home.SHOWN + 2):
            one.do("note", 2 * HOUR, by="ben", text="Looked at it.")
        record(database, one, DAY)
    visit(database, HOUR, DAY)
    found = since(database, DAY)
    assert found is not None
    assert len(found.tickets) == home.CHANGED
    assert found.more
    assert all(len(one.told) == home.SHOWN and one.more >= 2 for one in found.tickets)
    late = since(database, 40 * DAY)
    assert late is not None
    assert (late.away_since, late.tickets) == (MONDAY + 26 * DAY, [])

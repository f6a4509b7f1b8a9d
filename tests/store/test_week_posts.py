"""F3: the report of a week is posted once: by several relays at once, after a crash, and after its notice is pruned."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from services.reports.posting import post
from store import journal, outbox
from store.database import Database
from tests.support.policy import POLICY
from tests.support.ticket_life import MONDAY, RUN, life

WEEK = timedelta(weeks=1)
BERLIN = ZoneInfo("Europe/Berlin")
OVER = datetime(2026, 3, 9, tzinfo=BERLIN).astimezone(UTC)
"""The end of the week of MONDAY."""


def notices(database: Database) -> list[tuple[str, str, str]]:
    with database.session() as session:
        rows = session.execute(text("SELECT key, audience, title FROM outbox WHERE name = 'week_report' ORDER BY id"))
        return [tuple(row) for row in rows]


@pytest.fixture
def busy(database: Database) -> Database:
    one = life("1").do("take", timedelta(minutes=1))
    with database.begin() as session:
        journal.append(session, one.ticket.id, RUN, one.events)
    return database


def test_f3_a_week_is_posted_when_it_is_over_and_not_a_second_before(busy: Database) -> None:
    assert post(busy, POLICY, OVER - timedelta(seconds=1)) == ""
    assert post(busy, POLICY, OVER) == "2026-W10"
    ((key, audience, title),) = notices(busy)
    assert (key, audience) == ("week:2026-W10:lead", "lead")
    assert title.startswith("Week 2026-W10: 1 opened, 0 ended, backlog 1 (+1)")


def test_f3_relays_that_look_at_once_post_one(busy: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda _: post(busy, POLICY, OVER), range(8)))
    assert sorted(said) == [""] * 7 + ["2026-W10"]
    assert len(notices(busy)) == 1


def test_f3_who_dies_before_the_end_has_posted_nothing_and_the_next_one_posts(
    busy: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(outbox, "put_or_renew", dies)
        with pytest.raises(KeyboardInterrupt):
            post(busy, POLICY, OVER)
    assert notices(busy) == []
    assert post(busy, POLICY, OVER) == "2026-W10"
    assert len(notices(busy)) == 1


def test_f3_a_notice_that_was_pruned_is_not_posted_again(busy: Database) -> None:
    assert post(busy, POLICY, OVER) == "2026-W10"
    with busy.begin() as session:
        session.execute(text("DELETE FROM outbox"))
    assert post(busy, POLICY, OVER + timedelta(days=6)) == ""
    assert post(busy, POLICY, OVER + WEEK) == "2026-W11"
    assert [key for key, *_ in notices(busy)] == ["week:2026-W11:lead"]


def test_f3_nothing_is_posted_of_a_week_in_which_there_was_nothing(database: Database) -> None:
    assert post(database, POLICY, OVER) == ""
    assert post(database, POLICY, MONDAY) == ""
    assert notices(database) == []

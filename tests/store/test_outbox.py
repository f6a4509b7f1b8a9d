"""The outbox: each notice is claimed by one relay at a time, and sent once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import func, select

from domain.aggregate.effect import Notice
from store import outbox
from store.database import Database
from store.tables.integrations import OutboxRow
from tests.support.ticket_life import MONDAY

LATER = timedelta(minutes=1)


def fill(database: Database, count: int) -> None:
    made = [
        Notice(key=f"ticket-a:warning:{n}:lead", name="warning", ticket="a", audience="lead", recipient=None,
               title=f"Number {n}", at=MONDAY)
        for n in range(1, count + 1)
    ]  # fmt: skip
    with database.begin() as session:
        outbox.put(session, [(n, notice) for n, notice in enumerate(made, 1)], 1)


def claim(database: Database, limit: int = 10, at: timedelta = timedelta(0)) -> list[OutboxRow]:
    with database.begin() as session:
        return list(outbox.QUEUE.claim(session, MONDAY + at, LATER, limit))


def state(database: Database, number: int = 1) -> OutboxRow:
    with database.session() as session:
        return session.get_one(OutboxRow, number)


def test_two_relays_never_claim_the_same_row(database: Database) -> None:
    fill(database, 40)
    barrier = threading.Barrier(4)

    def drain(_: int) -> list[int]:
        barrier.wait()
        mine = []
        while rows := claim(database, 3):
            mine += [row.id for row in rows]
        return mine

    with ThreadPoolExecutor(4) as pool:
        claimed = [number for mine in pool.map(drain, range(4)) for number in mine]

    assert sorted(claimed) == list(range(1, 41))


def test_two_transactions_that_overlap_get_different_rows(database: Database) -> None:
    fill(database, 2)
    with database.begin() as one, database.begin() as other:
        first, second = outbox.QUEUE.claim(one, MONDAY, LATER, 1), outbox.QUEUE.claim(other, MONDAY, LATER, 1)
    assert [row.id for row in (*first, *second)] == [1, 2]


def test_a_claim_ends_with_its_lease(database: Database) -> None:
    fill(database, 1)
    assert len(claim(database)) == 1
    assert claim(database, at=LATER - timedelta(seconds=1)) == []
    (again,) = claim(database, at=LATER)
    assert (again.attempts, again.key) == (2, "ticket-a:warning:1:lead")


def test_what_was_sent_is_never_claimed_again(database: Database) -> None:
    fill(database, 1)
    (row,) = claim(database)
    with database.begin() as session:
        outbox.QUEUE.done(session, row.id, MONDAY)
    assert claim(database, at=timedelta(days=9)) == []
    assert (state(database).state, state(database).sent_at) == ("sent", MONDAY)


def test_what_failed_waits_for_its_next_try_and_holds_up_nobody(database: Database) -> None:
    fill(database, 2)
    (row,) = claim(database, 1)
    with database.begin() as session:
        outbox.QUEUE.postpone(session, row, MONDAY + LATER / 2, "connection refused")

    assert [other.id for other in claim(database)] == [2]
    assert [other.id for other in claim(database, at=LATER / 2)] == [1]
    assert state(database).last_error == "connection refused"


def test_what_is_given_up_stays_on_record(database: Database) -> None:
    fill(database, 1)
    (row,) = claim(database)
    with database.begin() as session:
        outbox.QUEUE.fail(session, row, "no such receiver")
    assert state(database).state == "failed"
    assert claim(database, at=timedelta(days=9)) == []


def test_who_lost_the_claim_has_no_say_in_a_failure_but_in_a_success(database: Database) -> None:
    fill(database, 1)
    (slow,) = claim(database)
    (quick,) = claim(database, at=2 * LATER)
    with database.begin() as session:
        outbox.QUEUE.postpone(session, slow, MONDAY, "too slow")
    assert state(database).state == "sending"
    with database.begin() as session:
        outbox.QUEUE.done(session, slow.id, MONDAY)
        outbox.QUEUE.postpone(session, quick, MONDAY, "the repeat was refused")
    assert state(database).state == "sent"


def test_quiet_hours_are_no_attempt(database: Database) -> None:
    fill(database, 1)
    (row,) = claim(database)
    with database.begin() as session:
        outbox.QUEUE.postpone(session, row, MONDAY + LATER, None, tried=False)
    assert claim(database) == []
    assert claim(database, at=LATER)[0].attempts == 1


def test_a_notice_of_no_event_is_renewed_while_it_waits_and_left_alone_once_it_is_sent(database: Database) -> None:
    def say(title: str) -> None:
        notice = Notice(key="churn:x", name="churn", ticket="a", audience="csm", recipient=None, title=title, at=MONDAY)
        with database.begin() as session:
            outbox.put_or_renew(session, notice)

    say("two")
    say("three")
    (row,) = claim(database)
    say("four")

    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(OutboxRow)) == 1
    assert row.title == state(database).title == "three"


def test_a_key_that_a_dead_branch_used_for_something_else_is_not_used_again(database: Database) -> None:
    """The receiver drops what it has seen, so the new notice would never be read."""
    fill(database, 1)
    (row,) = claim(database)
    with database.begin() as session:
        outbox.QUEUE.done(session, row.id, MONDAY)
        outbox.orphan(session, 1, ticket="a")
        other = Notice(key=row.key, name="warning", ticket="a", audience="lead", recipient=None, title="!", at=MONDAY)
        outbox.put(session, [(1, other)], 2)

    assert [again.key for again in claim(database)] == [f"{row.key}:e2"]

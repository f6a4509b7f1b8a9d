"""What becomes of notices when a workflow is reset: cancelled, taken over by the new branch, or sent again."""

from typing import Any

import pytest
from sqlalchemy import select

from domain.aggregate.effect import Notice
from store import outbox
from store.database import Database
from store.leased_queue import ERROR_LIMIT
from store.tables.integrations import OutboxRow
from tests.support.durations import HOUR
from tests.support.ticket_life import MONDAY


def notice(number: int = 1, **changes: Any) -> Notice:
    values: dict[str, Any] = {
        "key": f"ticket-a:warning:{number}:lead", "name": "warning", "ticket": "a", "audience": "lead",
        "recipient": "lea", "title": f"Number {number}", "at": MONDAY,
    }  # fmt: skip
    return Notice.model_validate(values | changes)


def put(database: Database, *notices: tuple[int, Notice], epoch: int = 1) -> None:
    with database.begin() as session:
        outbox.put(session, notices, epoch)


def orphan(database: Database, seq: int, ticket: str = "a") -> None:
    with database.begin() as session:
        outbox.orphan(session, seq, ticket=ticket)


def claim(database: Database, limit: int = 10) -> list[OutboxRow]:
    with database.begin() as session:
        return list(outbox.QUEUE.claim(session, MONDAY, HOUR, limit))


def rows(database: Database) -> list[tuple[str, str, bool, int | None]]:
    with database.session() as session:
        found = session.scalars(select(OutboxRow).order_by(OutboxRow.id)).all()
    return [(row.key.removeprefix("ticket-a:warning:"), row.state, row.orphaned, row.event_seq) for row in found]


def test_what_a_dead_branch_caused_is_cancelled_from_there_on_for_its_ticket_alone(database: Database) -> None:
    other = notice(9, key="ticket-b:warning:9:lead", ticket="b")
    put(database, (1, notice(1)), (2, notice(2)), (3, notice(3)), (2, other))
    orphan(database, 2)
    assert [row[1:3] for row in rows(database)] == [
        ("pending", False), ("cancelled", True), ("cancelled", True), ("pending", False),
    ]  # fmt: skip
    assert [row.ticket_id for row in claim(database)] == ["a", "b"]


def test_what_is_being_sent_or_was_sent_is_not_called_back(database: Database) -> None:
    put(database, (1, notice(1)), (2, notice(2)))
    sent, _ = claim(database)
    with database.begin() as session:
        outbox.QUEUE.done(session, sent.id, MONDAY)
    orphan(database, 1)
    assert [row[1:3] for row in rows(database)] == [("sent", True), ("sending", True)]


def test_the_same_notice_of_the_new_branch_is_the_one_that_is_there(database: Database) -> None:
    """Sent, it is not sent again; cancelled, it waits again; each is taken over once."""
    put(database, (2, notice(1)), (3, notice(2)))
    (sent,) = claim(database, 1)
    with database.begin() as session:
        outbox.QUEUE.done(session, sent.id, MONDAY)
    orphan(database, 2)
    put(database, (5, notice(1)), (6, notice(2)), epoch=2)
    assert rows(database) == [("1:lead", "sent", False, 5), ("2:lead", "pending", False, 6)]
    put(database, (7, notice(1)), epoch=2)
    assert rows(database)[2] == ("1:lead:e2", "pending", False, 7)


@pytest.mark.parametrize(
    "change",
    [{"name": "breach"}, {"audience": "agent"}, {"recipient": "ada"}, {"recipient": None}, {"title": "Another"},
     {"ticket": "b"}],
    ids=lambda change: "-".join(change),
)  # fmt: skip
def test_a_notice_that_differs_in_anything_is_another_one(database: Database, change: dict[str, Any]) -> None:
    put(database, (2, notice(1)))
    orphan(database, 2)
    put(database, (2, notice(1, **change)), epoch=2)
    assert rows(database) == [("1:lead", "cancelled", True, 2), ("1:lead:e2", "pending", False, 2)]


def test_a_live_notice_is_never_taken_over(database: Database) -> None:
    put(database, (1, notice(1)))
    put(database, (2, notice(1)), epoch=2)
    assert rows(database) == [("1:lead", "pending", False, 1), ("1:lead:e2", "pending", False, 2)]


def test_notices_go_out_in_the_order_in_which_they_were_written(database: Database) -> None:
    put(database, *((n, notice(n)) for n in range(1, 8)))
    assert [row.id for row in claim(database, 3)] == [1, 2, 3]
    assert [row.id for row in claim(database)] == [4, 5, 6, 7]


def test_a_claim_that_ended_well_leaves_neither_lease_nor_error_and_a_long_error_is_cut(database: Database) -> None:
    put(database, (1, notice(1)))
    (row,) = claim(database)
    with database.begin() as session:
        outbox.QUEUE.postpone(session, row, MONDAY, "x" * 10_000)
    with database.session() as session:
        waits = session.get_one(OutboxRow, row.id)
    assert (waits.state, waits.lease_until, len(waits.last_error or "")) == ("pending", None, ERROR_LIMIT)
    (again,) = claim(database)
    with database.begin() as session:
        outbox.QUEUE.done(session, again.id, MONDAY)
    with database.session() as session:
        done = session.get_one(OutboxRow, row.id)
    assert (done.state, done.lease_until, done.not_before, done.last_error, done.sent_at) == (
        "sent", None, None, None, MONDAY,
    )  # fmt: skip


def test_who_lost_the_claim_cannot_give_it_up(database: Database) -> None:
    put(database, (1, notice(1)))
    (slow,) = claim(database)
    with database.begin() as session:
        (quick,) = outbox.QUEUE.claim(session, MONDAY + 2 * HOUR, HOUR, 1)
    with database.begin() as session:
        outbox.QUEUE.fail(session, slow, "too slow")
    assert rows(database)[0][1] == "sending"
    with database.begin() as session:
        outbox.QUEUE.fail(session, quick, "no such receiver")
    assert rows(database)[0][1] == "failed"

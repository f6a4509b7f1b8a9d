"""A workflow that was reset rewrites its past: the old branch is superseded and kept, the new one goes on."""

import logging
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from store import journal
from store.database import Database
from store.tables.integrations import OutboxRow
from store.tables.journal import EventRow
from store.tables.tickets import KbArticleRow, TicketRow
from tests.store.stories import MONDAY, Life, life, resolved

OLD, NEW = "run-old", "run-new"
LATER = timedelta(minutes=1)


def record(database: Database, one: Life, run: str, first: int = 1) -> journal.Appended:
    with database.begin() as session:
        return journal.append(session, one.ticket.id, run, one.events[first - 1 :])


def notices(database: Database) -> list[tuple[str, str, str]]:
    with database.session() as session:
        rows = session.scalars(select(OutboxRow).order_by(OutboxRow.id)).all()
    return [(row.name, row.audience, row.state) for row in rows]


def test_another_event_in_the_same_place_begins_a_new_epoch(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    common = life().do("take", LATER)
    old = common.fork().do("note", LATER, text="Old.").do("respond", LATER, text="Old.").do("note", text="Old.")
    new = common.fork().do("respond", LATER, text="New.").do("note", LATER, text="New.")
    record(database, old, OLD)

    with caplog.at_level(logging.WARNING):
        appended = record(database, new, NEW)

    assert appended == journal.Appended(2, new.ticket.seq, new.ticket, len(new.events) - 2)
    assert "superseded, epoch 2 begins" in caplog.text
    with database.session() as session:
        assert journal.load(session, new.ticket.id) == journal.fold(session, new.ticket.id) == new.ticket
        assert [entry.event for entry in journal.timeline(session, new.ticket.id)] == new.events
        everything = journal.timeline(session, new.ticket.id, superseded=True)
        assert journal.texts(session, new.ticket.id, ["3.text"]) == {"3.text": "New."}
    dead = [entry for entry in everything if entry.superseded]
    assert [entry.event for entry in dead] == old.events[2:]
    assert {(entry.run_id, entry.epoch) for entry in dead} == {(OLD, 1)}


def test_the_new_branch_may_begin_in_a_batch_of_its_own(database: Database) -> None:
    common = life().do("take", LATER)
    old = common.fork().do("note", LATER, text="Old.")
    new = common.fork().do("note", 2 * LATER, text="New.")
    record(database, old, OLD)

    record(database, new, NEW, first=3)
    new.do("respond", LATER, text="Hello.")
    appended = record(database, new, NEW, first=4)

    assert (appended.epoch, appended.new, appended.state) == (2, len(new.events) - 3, new.ticket)


def test_even_the_opening_may_be_rewritten(database: Database) -> None:
    old, new = life().do("take", LATER), life(detected=MONDAY + LATER)
    record(database, old, OLD)

    appended = record(database, new, NEW)

    assert (appended.epoch, appended.seq, appended.state) == (2, 1, new.ticket)
    with database.session() as session:
        assert journal.fold(session, new.ticket.id) == new.ticket


def test_a_late_attempt_of_the_run_that_was_reset_is_refused(database: Database) -> None:
    common = life().do("take", LATER)
    old = common.fork().do("note", LATER, text="Old.")
    new = common.fork().do("note", 2 * LATER, text="New.")
    record(database, old, OLD)
    record(database, new, NEW)

    for _ in range(2):
        with pytest.raises(journal.DeadRun, match="run-new has taken over at event 3"):
            record(database, old, OLD)

    with database.session() as session:
        assert journal.load(session, new.ticket.id) == new.ticket


def test_a_late_attempt_is_known_even_if_nothing_of_its_run_was_superseded(database: Database) -> None:
    common = life().do("take", LATER)
    new = common.fork().do("note", 2 * LATER, text="New.")
    old = common.fork().do("note", LATER, text="Old.")
    record(database, common, OLD)
    record(database, new, NEW)

    with pytest.raises(journal.DeadRun):
        record(database, old, OLD, first=3)


def test_a_late_attempt_does_not_go_on_where_its_successor_happens_to_be(database: Database) -> None:
    common = life().do("take", LATER)
    old = common.fork().do("note", LATER, text="Old.")
    new = common.fork().do("note", 2 * LATER, text="New.")
    record(database, old, OLD)
    record(database, new, NEW)

    with pytest.raises(journal.DeadRun, match="run-new has taken over with another past"):
        record(database, old.do("note", LATER, text="Late."), OLD, first=4)

    new.do("respond", LATER, text="Hello.")
    assert record(database, new, NEW, first=4).state == new.ticket


def test_a_second_reset_begins_a_third_epoch(database: Database) -> None:
    common = life().do("take", LATER)
    branches = [common.fork().do("note", (n + 1) * LATER, text=str(n)) for n in range(3)]

    epochs = [record(database, branch, f"run-{n}").epoch for n, branch in enumerate(branches)]

    assert epochs == [1, 2, 3]
    with database.session() as session:
        assert journal.fold(session, common.ticket.id) == branches[2].ticket
        assert session.get_one(TicketRow, common.ticket.id).epoch == 3


def test_two_tickets_of_one_id_do_not_overwrite_each_other(database: Database) -> None:
    """Ids are derived: a collision is improbable, and must be harmless."""
    first, second = life("1"), life("2")
    record(database, first, OLD)

    with pytest.raises(ValueError, match="is taken by another ticket"), database.begin() as session:
        journal.append(session, first.ticket.id, NEW, second.events)


class TestNotices:
    """F5: the same notice is not sent twice, and one that the new branch does not cause is not sent at all."""

    BREACH = MONDAY + timedelta(hours=6)

    def given(self) -> tuple[Life, Life]:
        """A P1 that nobody answers; in the new branch one more note comes first, so that every number moves."""
        common = life(priority="P1").do("take", LATER)
        return common.fork().wait_until(self.BREACH), common.fork().do("note", LATER, text="!").wait_until(self.BREACH)

    def test_what_waits_and_is_caused_again_waits_once(self, database: Database) -> None:
        old, new = self.given()
        record(database, old, OLD)
        before = notices(database)

        record(database, new, NEW)

        assert notices(database) == before
        assert {state for _, _, state in before} == {"pending"}
        assert ("contract_breach", "lead", "pending") in before

    def test_what_was_sent_is_not_sent_again(self, database: Database) -> None:
        old, new = self.given()
        record(database, old, OLD)
        with database.begin() as session:
            session.execute(update(OutboxRow).values(state="sent"))
        before = notices(database)

        record(database, new, NEW)

        assert notices(database) == before

    def test_what_the_new_branch_does_not_cause_is_cancelled(self, database: Database) -> None:
        common = life(priority="P1").do("take", LATER)
        old = common.fork().wait_until(self.BREACH)
        new = common.fork().do("respond", 2 * LATER, text="Hello.")
        record(database, old, OLD)

        record(database, new, NEW)

        assert ("contract_breach", "lead", "cancelled") in notices(database)
        assert {state for _, _, state in notices(database)} == {"cancelled"}

    def test_what_only_the_new_branch_causes_is_sent_even_under_a_used_number(self, database: Database) -> None:
        common = life(priority="P1").do("take", LATER)
        old = common.fork().wait_until(MONDAY + timedelta(minutes=12))
        new = common.fork().do("respond", LATER, text="Hello.").wait_until(self.BREACH)
        record(database, old, OLD)
        with database.begin() as session:
            session.execute(update(OutboxRow).values(state="sent"))

        record(database, new, NEW)

        with database.session() as session:
            live = session.scalars(select(OutboxRow).where(~OutboxRow.orphaned)).all()
            seqs = {row.event_seq for row in live}
            events = session.scalars(select(EventRow.seq).where(~EventRow.superseded, EventRow.seq.in_(seqs))).all()
        assert seqs == set(events)
        assert ("t1_limit", "lead", "pending") in notices(database)

    def test_a_draft_of_the_dead_branch_goes_with_it(self, database: Database) -> None:
        common = life()
        old, new = resolved(common.fork()), common.fork().do("note", LATER, text="Not so fast.")
        record(database, old, OLD)

        record(database, new, NEW)

        with database.session() as session:
            assert session.scalars(select(KbArticleRow)).all() == []

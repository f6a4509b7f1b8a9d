"""A workflow that was reset rewrites its past: the old branch is superseded and kept, the new one goes on."""

import logging
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from domain.core.actor import Actor
from domain.core.enums import Role
from domain.incident.events import Acknowledged, IncidentEvent, LadderRestarted, Mitigated, Reviewed
from store import journal
from store.database import Database
from store.tables.integrations import OutboxRow
from store.tables.journal import EventRow
from store.tables.tickets import KbArticleRow
from tests.support.nouns import LATER, NOUNS, Noun, Story
from tests.support.ticket_life import MONDAY, Life, life, resolved

OLD, NEW = "run-old", "run-new"


def record(database: Database, one: Life, run: str, first: int = 1) -> journal.Appended:
    with database.begin() as session:
        return journal.append(session, one.ticket.id, run, one.events[first - 1 :])


def notices(database: Database) -> list[tuple[str, str, str]]:
    with database.session() as session:
        rows = session.scalars(select(OutboxRow).order_by(OutboxRow.id)).all()
    return [(row.name, row.audience, row.state) for row in rows]


def branches(noun: Noun, database: Database) -> tuple[Story, Story, int]:
    """What the old run says and what the new one does, and where they part."""
    common = noun.open(database)
    return common.fork().say("Old."), common.fork().say("New.", 2 * LATER), common.state.seq + 1


def test_another_event_in_the_same_place_begins_a_new_epoch(
    database: Database, noun: Noun, caplog: pytest.LogCaptureFixture
) -> None:
    old, new, parted = branches(noun, database)
    old.say("Old.").say("Old.").record(database, OLD)

    with caplog.at_level(logging.WARNING):
        appended = new.say("New.").record(database, NEW)

    assert appended == journal.Appended(2, new.state.seq, new.stored, 2)
    assert "superseded, epoch 2 begins" in caplog.text
    with database.session() as session:
        assert noun.journal.load(session, new.key) == noun.journal.fold(session, new.key) == new.stored
        assert [entry.event for entry in noun.journal.timeline(session, new.key)] == new.events
        everything = noun.journal.timeline(session, new.key, superseded=True)
        ref = f"{parted}.{noun.text}"
        assert noun.journal.texts(session, new.key, [ref]) == {ref: new.events[parted - 1].texts[noun.text]}
    dead = [entry for entry in everything if entry.superseded]
    assert [entry.event for entry in dead] == old.events[parted - 1 :]
    assert {(entry.run_id, entry.epoch) for entry in dead} == {(OLD, 1)}


def test_the_new_branch_may_begin_in_a_batch_of_its_own(database: Database, noun: Noun) -> None:
    old, new, parted = branches(noun, database)
    old.record(database, OLD)

    new.record(database, NEW, first=parted)
    appended = new.say("Hello.").record(database, NEW, first=parted + 1)

    assert (appended.epoch, appended.new, appended.state) == (2, 1, new.stored)


def test_even_the_opening_may_be_rewritten(database: Database, noun: Noun) -> None:
    old, new = noun.open(database).say("Old."), noun.open(database, at=MONDAY + LATER)
    old.record(database, OLD)

    appended = new.record(database, NEW)

    assert (appended.epoch, appended.seq, appended.state) == (2, new.state.seq, new.stored)
    with database.session() as session:
        assert noun.journal.fold(session, new.key) == new.stored


def test_a_late_attempt_of_a_run_is_refused_even_if_all_that_it_wrote_is_superseded(
    database: Database, noun: Noun
) -> None:
    old, new = noun.open(database).say("Old."), noun.open(database, at=MONDAY + LATER)
    old.record(database, OLD)
    new.record(database, NEW)

    with pytest.raises(journal.DeadRun, match="run-new has taken over at event 1"):
        old.record(database, OLD)

    with database.session() as session:
        assert noun.journal.load(session, new.key) == new.stored


def test_a_late_attempt_of_the_run_that_was_reset_is_refused(database: Database, noun: Noun) -> None:
    old, new, parted = branches(noun, database)
    old.record(database, OLD)
    new.record(database, NEW)

    for _ in range(2):
        with pytest.raises(journal.DeadRun, match=f"run-new has taken over at event {parted}"):
            old.record(database, OLD)

    with database.session() as session:
        assert noun.journal.load(session, new.key) == new.stored


def test_a_late_attempt_is_known_even_if_nothing_of_its_run_was_superseded(database: Database, noun: Noun) -> None:
    old, new, parted = branches(noun, database)
    noun.open(database).record(database, OLD)
    new.record(database, NEW)

    with pytest.raises(journal.DeadRun):
        old.record(database, OLD, first=parted)


def test_a_late_attempt_does_not_go_on_where_its_successor_happens_to_be(database: Database, noun: Noun) -> None:
    old, new, parted = branches(noun, database)
    old.record(database, OLD)
    new.record(database, NEW)

    with pytest.raises(journal.DeadRun, match="run-new has taken over with another past"):
        old.say("Late.").record(database, OLD, first=parted + 1)

    assert new.say("Hello.").record(database, NEW, first=parted + 1).state == new.stored


def test_a_second_reset_begins_a_third_epoch(database: Database, noun: Noun) -> None:
    common = noun.open(database)
    branches = [common.fork().say(str(n), (n + 1) * LATER) for n in range(3)]

    assert [branch.record(database, f"run-{n}").epoch for n, branch in enumerate(branches)] == [1, 2, 3]

    with database.session() as session:
        assert noun.journal.fold(session, common.key) == branches[2].stored
        assert session.get_one(noun.journal.owner, common.key).epoch == 3


@pytest.mark.parametrize("noun", NOUNS[1:], ids=["incident"])
def test_events_that_differ_by_their_type_alone_are_no_repeat(database: Database, noun: Noun) -> None:
    """By the digests that stand in old rows too, which do not cover the type."""
    common = noun.open(database)
    seq, at = common.state.seq + 1, common.state.as_of + LATER
    ron = Actor(id="ron", role=Role.ENGINEER)
    for number, body in enumerate((Acknowledged(), Mitigated(), Reviewed(), LadderRestarted()), start=1):
        event = IncidentEvent(seq=seq, at=at, detected=at, actor=ron, body=body)
        other = Story(noun, noun.journal.aggregate.evolve(common.state, event), [*common.events, event])

        assert other.record(database, f"run-{number}").epoch == number

        with database.session() as session:
            assert noun.journal.timeline(session, common.key)[-1].event == event


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

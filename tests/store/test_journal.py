"""The journal: written once, in order, and always equal to what its events make of the ticket."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from domain.core.ids import ticket_id
from store import journal
from store.database import Database, DatabaseDown
from store.tables.integrations import OutboxRow
from store.tables.journal import EventRow, TermsRow, TextRow
from store.tables.tickets import KbArticleRow, TicketRow
from tests.store.stories import FULL, MONDAY, RUN, Life, life, opened, resolved
from workers.relay import LEASE


def record(database: Database, one: Life, run: str = RUN) -> journal.Appended:
    with database.begin() as session:
        return journal.append(session, one.ticket.id, run, one.events)


def count(database: Database, table: type) -> int:
    with database.session() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_the_projection_is_the_fold_of_the_events(database: Database) -> None:
    one = resolved(life())

    appended = record(database, one)

    assert appended == journal.Appended(1, one.ticket.seq, one.ticket, len(one.events))
    with database.session() as session:
        assert journal.load(session, one.ticket.id) == one.ticket
        assert journal.fold(session, one.ticket.id) == one.ticket
        row = session.get_one(TicketRow, one.ticket.id)
    assert (row.status, row.tier, row.account, row.refs) == ("resolved", "T1", "acme", ["1"])
    assert row.resolved_at == MONDAY + timedelta(minutes=3)


def test_a_ticket_that_is_not_there_is_none(database: Database) -> None:
    with database.session() as session:
        assert journal.load(session, "nothing") is None
        assert journal.fold(session, "nothing") is None
        assert journal.timeline(session, "nothing") == []


def test_a_repeat_changes_nothing(database: Database) -> None:
    one = life(priority="P1").wait_until(MONDAY + timedelta(hours=3))
    record(database, one)
    before = [count(database, table) for table in (EventRow, TextRow, OutboxRow, TermsRow)]
    assert before[2] > 0

    again = record(database, one, "run-2")  # the successor of a continue-as-new brings what its predecessor carried

    assert again == journal.Appended(1, one.ticket.seq, one.ticket, 0)
    assert [count(database, table) for table in (EventRow, TextRow, OutboxRow, TermsRow)] == before


def test_a_batch_that_overlaps_adds_what_is_new(database: Database) -> None:
    one = life()
    record(database, one)
    one.do("take", timedelta(minutes=1)).do("note", text="Looks familiar.")

    assert record(database, one).new == 2


def test_a_gap_is_refused_and_nothing_is_written(database: Database) -> None:
    one = life().do("take").do("note", text="Hm.")
    with database.begin() as session, pytest.raises(journal.Gap, match="event 3 does not follow"):
        journal.append(session, one.ticket.id, RUN, [one.events[0], one.events[2]])
    record(database, life())

    with database.begin() as session, pytest.raises(journal.Gap, match="is at 1: event 3 does not follow"):
        journal.append(session, one.ticket.id, RUN, one.events[2:])

    assert count(database, EventRow) == 1


def test_events_of_another_ticket_are_refused(database: Database) -> None:
    other = ticket_id("api", "2")
    with pytest.raises(ValueError, match="were brought as those of"), database.begin() as session:
        journal.append(session, other, RUN, life("1").events)
    assert count(database, TicketRow) == 0


def test_nothing_to_append_is_a_mistake(database: Database) -> None:
    with database.begin() as session, pytest.raises(ValueError, match="nothing to append"):
        journal.append(session, ticket_id("api", "1"), RUN, [])


@pytest.mark.parametrize("there", [True, False], ids=["a known ticket", "a new ticket"])
def test_of_two_that_write_at_once_the_second_waits_and_finds_what_the_first_wrote(
    database: Database, there: bool
) -> None:
    one = life()
    if there:
        record(database, one)
        one.do("take", timedelta(minutes=1))
    with ThreadPoolExecutor(1) as pool:
        with database.begin() as session:
            first = journal.append(session, one.ticket.id, RUN, one.events)
            second = pool.submit(record, database, one)
            wait_until_somebody_waits_for_a_lock(database)
        assert (first.new, second.result(20).new) == (1, 0)

    assert count(database, EventRow) == len(one.events)


def wait_until_somebody_waits_for_a_lock(database: Database) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    bound = time.monotonic() + 20
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.scalar(waiting):
            assert time.monotonic() < bound, "nobody waits"


def test_a_connection_that_is_lost_on_the_way_leaves_nothing_and_the_retry_writes_once(database: Database) -> None:
    one = life(priority="P1").wait_until(MONDAY + timedelta(hours=3))

    def cut_off() -> None:
        with database.begin() as session, database.begin() as other:
            journal.append(session, one.ticket.id, RUN, one.events)
            victim = session.scalar(text("SELECT pg_backend_pid()"))
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": victim})

    with pytest.raises(DatabaseDown, match="cannot serve"):
        cut_off()
    assert count(database, EventRow) == 0

    record(database, one)  # the activity's next attempt

    assert count(database, EventRow) == len(one.events)
    assert count(database, OutboxRow) == sum(len(notices(one, seq)) for seq in range(1, one.ticket.seq + 1))


def notices(one: Life, seq: int) -> list[str]:
    """The keys of the notices that an event causes, by the core's own word."""
    from domain.ticket.aggregate import TICKET, notices

    ticket = None
    for event in one.events[:seq]:
        ticket = TICKET.evolve(ticket, event)
    assert ticket is not None
    return [notice.key for notice in notices(ticket, one.events[seq - 1])]


def test_notices_are_written_with_their_events_under_their_own_keys(database: Database) -> None:
    one = life(priority="P1").wait_until(MONDAY + timedelta(hours=6))
    record(database, one)

    with database.session() as session:
        keys = list(session.scalars(select(OutboxRow.key).order_by(OutboxRow.id)))
        names = set(session.scalars(select(OutboxRow.name)))

    assert keys == [key for seq in range(1, one.ticket.seq + 1) for key in notices(one, seq)]
    assert {"warning", "target_missed", "contract_breach"} <= names


def test_texts_stand_apart_and_the_timeline_joins_them(database: Database) -> None:
    one = life(subject="Cannot pay").do("take").do("step", text="Cleared the cache.")
    record(database, one)

    with database.session() as session:
        entries = journal.timeline(session, one.ticket.id)
        bodies = " ".join(str(body) for body in session.scalars(select(EventRow.body)))
        refs = one.ticket.fields["steps_taken"].refs
        assert journal.texts(session, one.ticket.id, refs) == {"3.steps_taken": "Cleared the cache."}
        assert journal.texts(session, one.ticket.id)["1.subject"] == "Cannot pay"

    assert [entry.event for entry in entries] == one.events
    assert not any(entry.erased for entry in entries)
    assert "Cannot pay" not in bodies
    assert "Cleared" not in bodies


def test_erasing_the_texts_leaves_the_ticket_as_it_was(database: Database) -> None:
    one = life().do("take").do("fill", fields=FULL).do("escalate")
    record(database, one)

    with database.begin() as session:
        assert journal.erase_texts(session, one.ticket.id) == sum(len(event.texts) for event in one.events)

    with database.session() as session:
        assert journal.fold(session, one.ticket.id) == journal.load(session, one.ticket.id) == one.ticket
        assert journal.texts(session, one.ticket.id) == {}
        entry = journal.timeline(session, one.ticket.id)[0]
    assert entry.erased == ("subject", "description")
    assert set(entry.event.texts.values()) == {""}


def test_thousands_of_tickets_share_one_row_of_terms(database: Database) -> None:
    for number in range(5):
        record(database, life(str(number)))

    assert count(database, TermsRow) == 1
    with database.session() as session:
        states = list(session.scalars(select(TicketRow.state)))
        opening = session.scalars(select(EventRow.body).limit(1)).one()
    assert all("terms" not in state for state in states)
    assert isinstance(opening["terms"], str)


def test_replaced_terms_are_those_of_the_ticket(database: Database) -> None:
    one = life()
    record(database, one)
    terms = one.ticket.terms.model_copy(update={"policy": "another"})
    one.do("replace_terms", timedelta(minutes=1), role="lead", terms=terms.model_dump(mode="json"), reason="Moved.")

    record(database, one)

    with database.session() as session:
        loaded, folded = journal.load(session, one.ticket.id), journal.fold(session, one.ticket.id)
    assert loaded == folded == one.ticket
    assert loaded is not None
    assert loaded.terms.policy == "another"
    assert count(database, TermsRow) == 2


def test_what_postgresql_cannot_keep_does_not_stop_the_journal(database: Database) -> None:
    one = life(subject="a\x00b \\u0000").do("take").do("note", text="Hm.")
    poison = one.events[1].model_copy(update={"actor": one.events[1].actor.model_copy(update={"id": "ad\x00a"})})
    one.events[1] = poison

    record(database, one)
    assert record(database, one).new == 0

    with database.session() as session:
        entries = journal.timeline(session, one.ticket.id)
        assert journal.fold(session, one.ticket.id) == journal.load(session, one.ticket.id)
    assert entries[1].event.actor.id == "ad\ufffda"
    assert entries[0].event.texts["subject"] == "a\ufffdb \\u0000"


def test_intake_that_comes_twice_opens_one_ticket(database: Database) -> None:
    first, second = opened(), opened(detected=MONDAY + timedelta(seconds=5))

    with database.begin() as session:
        assert journal.open_once(session, first.state.id, first.events).new == 1
    with database.begin() as session:
        again = journal.open_once(session, second.state.id, second.events)

    assert (again.new, again.epoch, again.state) == (0, 1, first.state)


def test_a_gap_in_the_knowledge_base_opens_one_draft(database: Database) -> None:
    """G9."""
    one = resolved(life())
    record(database, one)
    record(database, one)

    with database.session() as session:
        drafts = session.scalars(select(KbArticleRow)).all()
    assert [(draft.state, draft.ticket_id, draft.product_area) for draft in drafts] == [
        ("draft", one.ticket.id, "billing")
    ]


def test_an_error_of_the_database_is_one_line_without_the_password() -> None:
    database = Database("postgresql://tierline:hunter2@127.0.0.1:1/tierline")

    with pytest.raises(DatabaseDown) as down, database.begin() as session:
        session.execute(text("SELECT 1"))

    assert "\n" not in str(down.value)
    assert "hunter2" not in str(down.value) + repr(database)
    assert "127.0.0.1" in str(down.value)


def test_a_statement_that_takes_too_long_is_ended(database: Database) -> None:
    def too_slow() -> None:
        with database.begin() as session:
            session.execute(text("SET LOCAL statement_timeout = 10"))
            session.execute(text("SELECT pg_sleep(5)"))

    with pytest.raises(DatabaseDown, match="statement timeout"):
        too_slow()


def test_the_default_lease_outlasts_the_sinks_time_outs() -> None:
    from integrations.chat.port import WebhookConfig

    fields = WebhookConfig.model_fields
    together = fields["connect_timeout"].default + fields["read_timeout"].default
    assert LEASE.total_seconds() > together

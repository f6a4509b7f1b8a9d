"""The journal: written once, in order, and always equal to what its events make of the ticket or the incident."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import String, cast, delete, func, inspect, select, text

from store import journal
from store.database import Database, DatabaseDown
from store.journal.upcast import Versions
from store.tables.integrations import OutboxRow
from store.tables.journal import EventRow, TermsRow
from store.tables.tickets import KbArticleRow, TicketRow
from tests.support.nouns import NOUNS, Noun, Story
from tests.support.ticket_life import MONDAY, RUN, Life, life, opened, resolved
from tests.support.waiting import PATIENCE, wait_until
from workers.relay import LEASE


def record(database: Database, one: Life, run: str = RUN) -> journal.Appended:
    with database.begin() as session:
        return journal.append(session, one.ticket.id, run, one.events)


def count(database: Database, table: type) -> int:
    with database.session() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def rows(database: Database, noun: Noun) -> list[int]:
    return [count(database, table) for table in (noun.journal.events, noun.journal.text_rows, OutboxRow, TermsRow)]


def as_recorded(database: Database, one: Story) -> None:
    """Assert that what is stored is what the events make, and that it holds no free text."""
    with database.session() as session:
        found = one.noun.journal.load(session, one.key)
        assert found == one.noun.journal.fold(session, one.key) == one.stored
        assert [entry.event for entry in one.noun.journal.timeline(session, one.key)] == one.events


# -- Tickets and incidents -----------------------------------------------------------------------------------


def test_the_projection_is_the_fold_of_the_events(database: Database, noun: Noun) -> None:
    one = noun.open(database).say("Hm.").say("Hm!")

    appended = one.record(database)

    assert appended == journal.Appended(1, one.state.seq, one.stored, len(one.events))
    as_recorded(database, one)


def test_what_is_not_there_is_none(database: Database, noun: Noun) -> None:
    nothing = 99 if noun.name == "incident" else "nothing"
    with database.session() as session:
        assert noun.journal.load(session, nothing) is None
        assert noun.journal.fold(session, nothing) is None
        assert noun.journal.timeline(session, nothing) == []


def test_a_repeat_changes_nothing(database: Database, noun: Noun) -> None:
    one = noun.open(database).say("Hm.").wait_until(MONDAY + timedelta(hours=6))
    one.record(database)
    before = rows(database, noun)
    assert before[2] > 0

    again = one.record(database, "run-2")  # the successor of a continue-as-new brings what its predecessor carried

    assert again == journal.Appended(1, one.state.seq, one.stored, 0)
    assert rows(database, noun) == before


def test_a_batch_that_overlaps_adds_what_is_new(database: Database, noun: Noun) -> None:
    one = noun.open(database)
    one.record(database)

    assert one.say("Hm.").say("Hm!").record(database).new == 2
    as_recorded(database, one)


def test_a_gap_is_refused_and_nothing_is_written(database: Database, noun: Noun) -> None:
    one = noun.open(database)
    first = len(one.events)
    one.say("Hm.").say("Hm!")
    with database.begin() as session, pytest.raises(journal.Gap, match="event 3 does not follow 1"):
        noun.journal.append(session, one.key, RUN, [one.events[0], one.events[0].model_copy(update={"seq": 3})])
    assert count(database, noun.journal.events) == 0
    one.fork().record(database)

    with pytest.raises(journal.Gap, match=f"is at {first + 2}: event {first + 4} does not follow"):
        one.say("Hm?").say("Hm...").record(database, first=first + 4)

    assert count(database, noun.journal.events) == first + 2


def test_events_of_another_are_refused(database: Database, noun: Noun) -> None:
    one, other = noun.open(database), noun.open(database, "2")
    with pytest.raises(ValueError, match="were brought as those of"), database.begin() as session:
        noun.journal.append(session, other.key, RUN, one.events)
    assert count(database, noun.journal.events) == 0


def test_nothing_to_append_is_a_mistake(database: Database, noun: Noun) -> None:
    one = noun.open(database)
    with database.begin() as session, pytest.raises(ValueError, match="nothing to append"):
        noun.journal.append(session, one.key, RUN, [])


@pytest.mark.parametrize("there", [True, False], ids=["known", "new"])
def test_of_two_that_write_at_once_the_second_waits_and_finds_what_the_first_wrote(
    database: Database, noun: Noun, there: bool
) -> None:
    one = noun.open(database)
    if there:
        one.record(database)
        one.say("Hm.")
    with ThreadPoolExecutor(1) as pool:
        with database.begin() as session:
            first = noun.journal.append(session, one.key, RUN, one.events)
            second = pool.submit(one.record, database)
            wait_until_somebody_waits_for_a_lock(database)
        assert (first.new, second.result(PATIENCE).new) == (1 if there else len(one.events), 0)

    assert count(database, noun.journal.events) == len(one.events)


def wait_until_somebody_waits_for_a_lock(database: Database) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        wait_until(lambda: connection.scalar(waiting), "somebody waits")


def test_a_connection_that_is_lost_on_the_way_leaves_nothing_and_the_retry_writes_once(
    database: Database, noun: Noun
) -> None:
    one = noun.open(database).wait_until(MONDAY + timedelta(hours=6))

    def cut_off() -> None:
        with database.begin() as session, database.begin() as other:
            noun.journal.append(session, one.key, RUN, one.events)
            victim = session.scalar(text("SELECT pg_backend_pid()"))
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": victim})

    with pytest.raises(DatabaseDown, match="cannot serve"):
        cut_off()
    assert rows(database, noun)[:3] == [0, 0, 0]

    one.record(database)  # the activity's next attempt

    as_recorded(database, one)
    assert count(database, OutboxRow) > 0


def test_texts_stand_apart_and_the_timeline_joins_them(database: Database, noun: Noun) -> None:
    one = noun.open(database).say("Ada Lovelace says so.")
    one.record(database)
    ref = f"{one.state.seq}.{noun.text}"

    with database.session() as session:
        entries = noun.journal.timeline(session, one.key)
        assert "Ada Lovelace" in noun.journal.texts(session, one.key, [ref])[ref]
        assert noun.journal.texts(session, one.key)[ref] == one.events[-1].texts[noun.text]
        tables = [inspect(kind).local_table for kind in (noun.journal.events, noun.journal.owner)]
        kept = [session.execute(select(*(cast(c, String) for c in table.columns))).all() for table in tables]
        part = noun.journal.timeline(session, one.key, after=1, upto=one.state.seq - 1)

    assert [entry.event for entry in entries] == one.events
    assert not any(entry.erased for entry in entries)
    assert part == entries[1:-1]
    assert "Lovelace" not in str(kept)


def test_erasing_the_texts_leaves_all_else_as_it_was(database: Database, noun: Noun) -> None:
    one = noun.open(database).say("Ada Lovelace says so.")
    one.record(database)

    with database.begin() as session:
        session.execute(delete(noun.journal.text_rows))

    with database.session() as session:
        assert noun.journal.fold(session, one.key) == noun.journal.load(session, one.key) == one.stored
        assert noun.journal.texts(session, one.key) == {}
        entry = noun.journal.timeline(session, one.key)[-1]
    assert entry.erased == (noun.text,)
    assert entry.event.texts == {noun.text: ""}
    assert one.record(database).new == 0


def test_what_postgresql_cannot_keep_does_not_stop_the_journal(database: Database, noun: Noun) -> None:
    one = noun.open(database).say("Hm.")
    first, last = one.events[0], one.events[-1]
    one.events[0] = first.model_copy(update={"actor": first.actor.model_copy(update={"id": "ad\x00a"})})
    one.events[-1] = last.model_copy(update={"texts": {noun.text: "a\x00b \\u0000"}})

    one.record(database)
    assert one.record(database).new == 0

    with database.session() as session:
        entries = noun.journal.timeline(session, one.key)
        assert noun.journal.fold(session, one.key) == noun.journal.load(session, one.key)
    assert entries[0].event.actor.id == "ad\ufffda"
    assert entries[-1].event.texts[noun.text] == "a\ufffdb \\u0000"


def test_an_old_form_of_an_event_is_read_as_todays(database: Database, noun: Noun) -> None:
    """What was written before there were versions is version 1; every step to today's form is taken, and no other."""
    one = noun.open(database).say("Hm.")
    one.record(database)
    body, taken = one.events[-1].body.model_dump(mode="json"), []

    def step(to: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
        return lambda old: taken.append(to) or {**old, **body}

    kind = body["type"]
    newer = Versions({kind: 3}, {(kind, 1): step(2), (kind, 2): step(3)})
    with database.session() as session:
        events = noun.journal.events
        assert set(session.scalars(select(events.version))) == {1}
        assert replace(noun.journal, versions=newer).fold(session, one.key) == one.stored
    assert taken == [2, 3]
    assert newer.upcast(kind, 4, {"from": "a newer program"}) == {"from": "a newer program"}

    one.say("Hm!").say("Hm?")
    with database.begin() as session:
        replace(noun.journal, versions=newer).append(session, one.key, RUN, one.events)
        assert list(session.scalars(select(events.version).order_by(events.seq)))[-2:] == [3, 3]


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.name)
def test_every_step_up_to_todays_form_is_there(noun: Noun) -> None:
    versions = noun.journal.versions
    assert set(versions.steps) == {(kind, step) for kind, now in versions.now.items() for step in range(1, now)}


# -- Tickets alone -------------------------------------------------------------------------------------------


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

"""F3: what reports count of a ticket, kept with its journal: the same again when it is made anew, or begun late."""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.core.enums import Plan
from domain.report.record import Record
from services import repair
from services.repair import About
from store import erasure, journal
from store.database import Database
from tests.support.packages import RECORD, T2_PACKAGE
from tests.support.ticket_life import MONDAY, RUN, Life, life

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MINUTE = timedelta(minutes=1)


def keep(database: Database, one: Life, since: int = 0) -> None:
    with database.begin() as session:
        journal.append(session, one.ticket.id, RUN, [event for event in one.events if event.seq > since])


def record(session: Session, ticket: str) -> Record:
    row = session.execute(text("SELECT state FROM ticket_records WHERE ticket_id = :id"), {"id": ticket}).one()
    found = session.execute(text("SELECT * FROM ticket_moments WHERE ticket_id = :id ORDER BY place"), {"id": ticket})
    return Record.model_validate({**row.state, "moments": [dict(one._mapping) for one in found]})


def rows(session: Session, ticket: str) -> list[tuple[object, ...]]:
    query = "SELECT kind, at, side, metric, status FROM ticket_moments WHERE ticket_id = :id ORDER BY place"
    return [tuple(row) for row in session.execute(text(query), {"id": ticket})]


def full() -> Life:
    """Late, handed up and back, resolved, opened again, resolved again, rated twice."""
    one = life("full", plan=Plan.ENTERPRISE, description="It says KeyError: 'currency'.")
    one.do("take", 3 * HOUR).do("respond", MINUTE, text="We look.")
    one.do("escalate", MINUTE, fields=T2_PACKAGE).do("take", MINUTE, by="ben")
    one.do("return", MINUTE, by="ben", reason="Not ours.").do("take", MINUTE)
    one.do("resolve", DAY, **RECORD)
    one.do("waive", MINUTE, role="lead", metric="resolution", reason="Agreed.")
    one.do("reopen", HOUR, reason="Again.").do("take", MINUTE).do("resolve", HOUR, **RECORD)
    one.do("rate", HOUR, csat=2, role="customer").do("rate", 2 * HOUR, csat=5, role="customer")
    return one


def test_f3_the_moments_of_a_ticket_stand_in_its_record_and_as_rows(database: Database) -> None:
    one = full()
    keep(database, one)
    with database.session() as session:
        whole, moments = record(session, one.ticket.id), rows(session, one.ticket.id)
    kinds = [found.kind for found in whole.moments]
    assert {"missed", "returned", "stay", "resolved", "reopened", "wrote", "worked", "rated"} <= set(kinds)
    assert [found.figure for found in whole.moments if found.kind == "rated"] == [5]
    assert moments == [
        (one.kind, one.at, one.side and one.side.value, one.metric and one.metric.value, one.status)
        for one in whole.moments
    ]


def test_f3_each_append_leaves_the_record_that_the_journal_makes(database: Database) -> None:
    one = full()
    for event in one.events:
        with database.begin() as session:
            journal.append(session, one.ticket.id, RUN, [event])
        assert repair.rebuild(database, [About("ticket", one.ticket.id)], write=False)[0].changed == []


def test_f3_a_ticket_from_before_there_were_records_gets_its_own_with_its_next_event(database: Database) -> None:
    one = full()
    before = len(one.events) - 1
    with database.begin() as session:
        journal.append(session, one.ticket.id, RUN, one.events[:before])
        session.execute(text("DELETE FROM ticket_moments"))
        session.execute(text("DELETE FROM ticket_records"))
    about = About("ticket", one.ticket.id)
    assert repair.rebuild(database, [about], write=False)[0].changed == ["record"]
    keep(database, one, before)
    assert repair.rebuild(database, [about])[0].changed == []
    with database.session() as session:
        assert record(session, one.ticket.id).moments[-1].figure == 5


def test_f3_a_record_that_is_wrong_is_made_anew_by_ops_rebuild(database: Database) -> None:
    one = full()
    keep(database, one)
    about = About("ticket", one.ticket.id)
    for damage in (
        "UPDATE ticket_moments SET status = 'x' WHERE kind = 'missed'",
        "DELETE FROM ticket_moments WHERE kind = 'missed'",
        "UPDATE ticket_records SET error = 'x'",
        "UPDATE ticket_records SET area = 'x', ended_at = NULL",
    ):
        with database.begin() as session:
            session.execute(text(damage))
        changed = repair.rebuild(database, [about])[0].changed
        assert changed == ["record"], damage
        assert repair.rebuild(database, [about])[0].changed == []


def test_f3_a_reset_that_rewrites_the_past_rewrites_what_is_counted(database: Database) -> None:
    one = life("reset", plan=Plan.ENTERPRISE).do("take", MINUTE)
    other = one.fork()
    keep(database, one.do("escalate", MINUTE, fields=T2_PACKAGE).do("return", MINUTE, reason="No."))
    with database.begin() as session:
        journal.append(session, other.ticket.id, "run-2", other.do("respond", HOUR, text="We look.").events)
    with database.session() as session:
        kinds = [row[0] for row in rows(session, other.ticket.id)]
    assert "returned" not in kinds
    assert repair.rebuild(database, [About("ticket", other.ticket.id)], write=False)[0].changed == []


def test_f3_after_a_reset_whose_first_events_count_for_nothing_the_ticket_is_counted_all_the_same(
    database: Database,
) -> None:
    one = life("noted", plan=Plan.ENTERPRISE).do("take", MINUTE)
    other = one.fork()
    keep(database, one.do("respond", MINUTE, text="We look."))
    with database.begin() as session:
        journal.append(session, other.ticket.id, "run-2", other.do("note", 2 * MINUTE, text="Seen.").events)
    with database.session() as session:
        assert record(session, other.ticket.id).first_response is None
    assert repair.rebuild(database, [About("ticket", other.ticket.id)], write=False)[0].changed == []


def test_f3_no_words_are_in_it_and_its_labels_outlive_the_words(database: Database) -> None:
    one = full()
    keep(database, one)
    label = "SELECT error, cause FROM ticket_records"
    with database.begin() as session:
        stored = str(session.execute(text("SELECT r::text, state::text FROM ticket_records r")).one())
        assert "KeyError" not in stored
        assert "Again" not in stored
        known = tuple(session.execute(text(label)).one())
        assert known[0].startswith("tierline-fp-")
        assert known[1].startswith("words-")
        erasure.erase(session, one.ticket.id, at=MONDAY + 9 * DAY, actor="ops", reason="asked", scope="ticket")
    repair.rebuild(database, [About("ticket", one.ticket.id)])
    with database.session() as session:
        assert tuple(session.execute(text(label)).one()) == known


def test_f3_what_counts_for_nothing_costs_no_write(database: Database) -> None:
    one = life("quiet")
    keep(database, one)
    place = "SELECT xmin::text FROM ticket_records"
    with database.session() as session:
        before = session.scalar(text(place))
    at = len(one.events)
    keep(database, one.do("note", MINUTE, text="Seen."), at)
    with database.session() as session:
        assert session.scalar(text(place)) == before

"""The journal of incidents: each event once, in order, with the incident that they make; a reset rewrites it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.incident.aggregate import INCIDENT
from store import incident_journal, incidents
from store.database import Database
from store.tables.incidents import IncidentRow, IncidentTicketRow
from store.tables.integrations import OutboxRow
from store.tables.journal import IncidentTextRow
from tests.store.stories import MONDAY
from tests.unit.rules.incidents import UPDATE, Outage, declared


def begun(database: Database) -> Outage:
    """An incident whose row is there, as the join makes it."""
    with database.begin() as session:
        number = incidents.find_or_allocate(session, "API", "", MONDAY, "a", "ticket-a:incident:2")
    assert number == 1
    outage = declared("P0")
    outage.events = [
        event.model_copy(update={"body": event.body.model_copy(update={"number": 1})})
        if event.body.type == "declared"
        else event
        for event in outage.events
    ]
    outage.incident = INCIDENT.fold(outage.events)
    return outage


def record(database: Database, outage: Outage, run: str = "r1", since: int = 0) -> int:
    with database.begin() as session:
        return incident_journal.append(session, 1, run, outage.events[since:])


def test_what_is_stored_is_what_the_events_make(database: Database) -> None:
    outage = begun(database)
    outage.wake("09:00")
    assert record(database, outage) == 3
    outage.do("acknowledge", "09:02", comment="On it.")
    outage.do("update", "09:05", **UPDATE)
    assert record(database, outage, since=3) == len(outage.events) - 3

    with database.session() as session:
        known = incident_journal.load(session, 1)
        entries = incident_journal.timeline(session, 1)
        row = session.get_one(IncidentRow, 1)
    assert [entry.event for entry in entries] == outage.events
    assert INCIDENT.fold(entry.event for entry in entries) == outage.incident
    assert known is not None
    assert (known.seq, known.state, known.tickets) == (outage.incident.seq, "acknowledged", outage.incident.tickets)
    assert (row.status, row.commander, row.acknowledged_at) == ("acknowledged", "on-call", known.acknowledged_at)


def test_words_stand_apart_so_that_erasing_them_is_a_delete(database: Database) -> None:
    outage = begun(database)
    outage.do("acknowledge", "09:02", comment="Ada Lovelace called.")
    outage.do("update", "09:05", status="Ada Lovelace says so.")
    record(database, outage)
    with database.session() as session:
        texts = session.scalars(select(IncidentTextRow.text)).all()
        assert sum("Ada Lovelace" in text for text in texts) == 2
        assert "Ada" not in str(session.get_one(IncidentRow, 1).state)
    with database.begin() as session:
        for row in session.scalars(select(IncidentTextRow)):
            session.delete(row)
    with database.session() as session:
        assert incident_journal.timeline(session, 1)[-1].event.texts == {"update": ""}


def test_a_repeat_is_written_once_and_its_notices_too(database: Database) -> None:
    outage = begun(database)
    outage.do("acknowledge", "09:02")
    outage.wake("09:15")
    assert record(database, outage) == len(outage.events)
    assert record(database, outage) == 0
    with database.session() as session:
        sent = session.scalars(select(OutboxRow).order_by(OutboxRow.id)).all()
    due = [(row.audience, row.recipient) for row in sent if row.name == "incident_update_due"]
    assert due == [("commander", "on-call"), ("communications", "on-call")]
    assert {row.ticket_id for row in sent} == {None}


def test_a_gap_is_refused_and_nothing_is_written(database: Database) -> None:
    outage = begun(database)
    with pytest.raises(incident_journal.Gap):
        record(database, outage, since=1)
    with database.session() as session:
        assert incident_journal.load(session, 1) is None


def test_a_reset_supersedes_the_old_branch_and_its_late_writer_is_dead(database: Database) -> None:
    outage = begun(database)
    record(database, outage)
    before = len(outage.events)
    old = Outage.__new__(Outage)
    old.incident, old.events = outage.incident, list(outage.events)
    old.do("acknowledge", "09:02")
    record(database, old, since=before)
    outage.do("mitigate", "09:03")
    assert record(database, outage, "r2", since=before) == 2  # the page before it, too
    with pytest.raises(incident_journal.DeadRun):
        record(database, old, "r1", since=before)

    with database.session() as session:
        assert [e.event.body.type for e in incident_journal.timeline(session, 1)][-1] == "mitigated"
        known = incident_journal.load(session, 1)
        assert (session.get_one(IncidentRow, 1).epoch, known and known.state) == (2, "mitigated")


def test_lists_show_what_is_not_over_and_pages_find_their_incident(database: Database) -> None:
    outage = begun(database)
    outage.wake("09:00")
    record(database, outage)
    with database.session() as session:
        assert [incident.number for incident in incident_journal.listed(session)] == [1]
        assert incidents.find_by_page(session, "incident-7") is None
        assert incidents.find_by_page(session, outage.incident.pages[0].dedup_key) == 1
    outage.do("cancel", "09:05", reason="Enough.")
    record(database, outage, since=3)
    with database.session() as session:
        assert incident_journal.listed(session) == []
        assert [incident.number for incident in incident_journal.listed(session, over=True)] == [1]


@pytest.mark.parametrize("heard", [True, False])
def test_g6_a_join_whose_incident_has_ended_is_done_if_it_was_heard_and_goes_elsewhere_if_not(
    database: Database, heard: bool
) -> None:
    outage = begun(database)
    if heard:
        record(database, outage)
    with database.begin() as session:
        place = ("API", "", MONDAY + timedelta(hours=1), "a", "ticket-a:incident:2")
        again = incidents.join_again(session, 1, *place)
        assert incidents.join_again(session, 1, *place) == again
    assert again == (1 if heard else 2)
    with database.session() as session:
        assert session.get_one(IncidentTicketRow, "ticket-a:incident:2").number == again
        assert session.get_one(IncidentRow, 1).closed_at == (None if heard else MONDAY + timedelta(hours=1))


def test_an_incident_is_declared_by_hand_once_for_an_area(database: Database) -> None:
    with database.begin() as session:
        assert incidents.declare(session, "API", "", MONDAY) == (1, True)
        assert incidents.declare(session, "API", "", MONDAY) == (1, False)
        assert incidents.find_or_allocate(session, "API", "", MONDAY, "a", "ticket-a:incident:2") == 1

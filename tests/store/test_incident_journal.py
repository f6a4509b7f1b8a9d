"""What the journal of incidents does that tickets' does not: lists, joins that were heard, notices of its own."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.core.enums import Role
from domain.incident.commands import Acknowledge, Cancel
from store import incidents, journal
from store.database import Database
from store.tables.incidents import IncidentRow, IncidentTicketRow
from store.tables.integrations import OutboxRow
from tests.support.nouns import NOUNS
from tests.support.ticket_life import MONDAY

INCIDENT = NOUNS[1]
KEY = "ticket-API:incident:2"
"""Of the effect by which a ticket joins."""


def test_the_row_has_what_lists_and_the_pager_need(database: Database) -> None:
    one = INCIDENT.open(database, "API").give(Acknowledge(by="ron", role=Role.ENGINEER))
    one.record(database)
    with database.session() as session:
        row = session.get_one(IncidentRow, 1)
    assert (row.status, row.commander, row.acknowledged_at) == (
        "acknowledged", one.state.commander, one.state.acknowledged_at,
    )  # fmt: skip


def test_each_notice_is_written_once_and_belongs_to_no_ticket(database: Database) -> None:
    one = (
        INCIDENT.open(database)
        .give(Acknowledge(by="ron", role=Role.ENGINEER))
        .wait_until(MONDAY + timedelta(minutes=15))
    )
    one.record(database)
    one.record(database)
    with database.session() as session:
        sent = session.scalars(select(OutboxRow).order_by(OutboxRow.id)).all()
    due = [(row.audience, row.recipient) for row in sent if row.name == "incident_update_due"]
    assert due == [("commander", one.state.commander), ("communications", one.state.commander)]
    assert {row.ticket_id for row in sent} == {None}


def test_lists_show_what_is_not_over_and_pages_find_their_incident(database: Database) -> None:
    one = INCIDENT.open(database)
    one.record(database)
    with database.session() as session:
        assert [incident.number for incident in journal.listed(session)] == [1]
        assert incidents.find_by_page(session, "incident-7") is None
        assert incidents.find_by_page(session, one.state.pages[0].dedup_key) == 1
    one.give(Cancel(by="ron", role=Role.ENGINEER, reason="Enough.")).record(database)
    with database.session() as session:
        assert journal.listed(session) == []
        assert [incident.number for incident in journal.listed(session, over=True)] == [1]


@pytest.mark.parametrize("heard", [True, False])
def test_g6_a_join_whose_incident_has_ended_is_done_if_it_was_heard_and_goes_elsewhere_if_not(
    database: Database, heard: bool
) -> None:
    one = INCIDENT.open(database, "API")
    if heard:
        one.record(database)
    with database.begin() as session:
        place = ("API", "", MONDAY + timedelta(hours=1), "a", KEY)
        again = incidents.join_again(session, 1, *place)
        assert incidents.join_again(session, 1, *place) == again
    assert again == (1 if heard else 2)
    with database.session() as session:
        assert session.get_one(IncidentTicketRow, KEY).number == again
        assert session.get_one(IncidentRow, 1).closed_at == (None if heard else MONDAY + timedelta(hours=1))


def test_an_incident_is_declared_by_hand_once_for_an_area(database: Database) -> None:
    with database.begin() as session:
        assert incidents.declare(session, "API", "", MONDAY) == (1, True)
        assert incidents.declare(session, "API", "", MONDAY) == (1, False)
        assert incidents.find_or_allocate(session, "API", "", MONDAY, "a", KEY) == 1

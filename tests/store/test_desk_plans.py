"""No page of the desk reads all tickets, all events or all incidents: the plan of each statement says so."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from sqlalchemy import text
from temporalio.client import Client

from domain.core.failures import Unavailable
from domain.incident.state import IncidentState
from services.reading import lists, loop
from services.reading.beside import beside
from services.reading.incident import AskIncidents, listed
from services.reading.lookup import look_up, timeline
from store import changes, queries, queue_views
from store import loop as rows
from store.database import Database
from tests.support.plans import sent_to

TOMORROW = datetime(2026, 3, 3, tzinfo=UTC)


async def away() -> Client:
    raise Unavailable("Temporal is away")


def test_a_plan_that_reads_all_tickets_is_seen(many: Database) -> None:
    with sent_to(many) as sent, many.session() as session:
        session.execute(text("SELECT count(*) FROM tickets WHERE category = 'bug'")).all()
    assert len(sent.read_whole()) == 1


def test_no_view_of_the_queue_and_no_count_reads_all_tickets(many: Database, subtests: pytest.Subtests) -> None:
    for name in queue_views.conditions("ada", (), TOMORROW):
        with subtests.test(view=name):
            with sent_to(many) as sent:
                lists.queue_view(many, name, "ada", TOMORROW)
            assert len(sent.plans(of="FROM tickets")) >= 2  # the lines, and the counts
            assert sent.read_whole() == []


def test_taking_the_next_ticket_reads_few(many: Database) -> None:
    with sent_to(many) as sent:
        assert lists.next_to_take(many, None, ()) is not None
    assert sent.read_whole() == []


async def test_the_page_of_a_ticket_reads_no_other(many: Database) -> None:
    with many.session() as session:
        ticket = session.scalar(text("SELECT id FROM tickets WHERE external_id = 'mail-1'"))
    with sent_to(many) as sent:
        seen = await look_up(many, away, str(ticket))
        await timeline(many, seen.ticket.id)
        beside(many, seen.ticket, {"1.subject": "Export of October fails"})
    assert len(sent.statements) > 5
    assert sent.read_whole() == []


def test_closing_the_loop_reads_the_tickets_of_its_issue_only(many: Database) -> None:
    with many.session() as session:
        ticket = str(session.scalar(text("SELECT id FROM tickets WHERE external_id = 'mail-1'")))
    with sent_to(many) as sent:
        loop.read(many, "")
        with many.session() as session:
            rows.tickets(session, "K-7", loop.MOST)
            assert ticket in rows.told(session, [ticket])
    assert len(sent.statements) >= 3
    assert sent.read_whole() == []


ASKED: list[dict[str, Any]] = [
    {}, {"before": 3000}, {"ended": True}, {"area": "API"}, {"priority": "P1"},
    *({"state": state} for state in get_args(IncidentState)),
]  # fmt: skip


def test_no_list_of_incidents_reads_them_all(many: Database, subtests: pytest.Subtests) -> None:
    for asked in ASKED:
        with subtests.test(asked=asked):
            with sent_to(many) as sent:
                listed(many, AskIncidents.model_validate({"limit": 50} | asked))
            assert sent.read_whole() == []


def test_the_incidents_that_ask_for_something_are_read_from_their_index(many: Database) -> None:
    with sent_to(many) as sent:
        listed(many, AskIncidents(limit=50))
    (plan,) = sent.plans(of="FROM incidents")
    assert "ix_incidents_asked" in plan


def test_open_pages_are_followed_without_reading_all_tickets(many: Database) -> None:
    with sent_to(many) as sent, many.session() as session:
        changes.changed_after(session, datetime.now(UTC) - timedelta(seconds=15), 2000)
        queries.held(session, "p7", besides="")
    assert len(sent.statements) >= 2
    assert sent.read_whole() == []

"""C3, C6: a list tells the same support time left as the ticket itself, from what is stored beside its line."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from domain.core.enums import Plan, Priority
from domain.ticket.derived import sla_deadline
from services.reading.time_left import left_of, left_of_lines
from store import journal, queries
from store.database import Database
from tests.support.durations import HOUR
from tests.support.ticket_life import MONDAY, Life, life

OPENING = MONDAY + 5 * HOUR
"""16:00 in Berlin: an hour before support closes."""


def lives() -> list[Life]:
    """Tickets whose deadlines are counted in each of the ways there are, or have passed."""
    waiting = life("waiting", plan=Plan.STANDARD, at=OPENING).do("respond", text="We look.")
    return [
        life("plan", plan=Plan.STANDARD, priority=Priority.P4, at=OPENING),
        life("wall", plan=Plan.STANDARD, priority=Priority.P0, at=OPENING),
        waiting.do("wait", 0.5 * HOUR, question="Which browser?"),
        life("missed", plan=Plan.STANDARD, at=MONDAY).wait_until(MONDAY + timedelta(days=60)),
    ]


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "from before it was stored"])
def test_c6_a_list_tells_the_support_time_left_as_the_ticket_does(database: Database, stored: bool) -> None:
    found = lives()
    with database.begin() as session:
        for one in found:
            journal.append(session, one.ticket.id, "run", one.events)
        rows = session.execute(text("SELECT external_id, sla_counted FROM tickets"))
        counted = {row.external_id: row.sla_counted for row in rows}
        assert counted == {"plan": "plan", "wall": "wall", "waiting": "paused", "missed": "none"}
        if not stored:
            session.execute(text("UPDATE tickets SET sla_counted = NULL, sla_left = NULL"))
    said: set[str] = set()
    with database.session() as session:
        page = queries.queue(session)
        assert len(page.lines) == len(found)
        for now in (OPENING, OPENING + 0.5 * HOUR, OPENING + 8 * HOUR, OPENING + timedelta(days=1)):
            left = left_of_lines(session, page, now)
            of_tickets = {one.ticket.id: left_of(one.ticket, sla_deadline(one.ticket), now) for one in found}
            assert left == {ticket: span for ticket, span in of_tickets.items() if span is not None}
            said |= set(left)
    assert said == {found[0].ticket.id, found[2].ticket.id}

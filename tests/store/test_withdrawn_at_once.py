"""C12: a breach that evidence withdraws in the moment of its recording stands on the record, and notifies nobody."""

from datetime import timedelta

from sqlalchemy import select

from domain.core.enums import Plan, Role
from domain.ticket import commands as c
from domain.ticket.aggregate import TICKET
from store import journal
from store.database import Database
from store.tables.integrations import OutboxRow
from tests.support.ticket_life import Life, life


def told(database: Database) -> set[str]:
    with database.session() as session:
        return set(session.scalars(select(OutboxRow.name)))


def answered_before(one: Life, sooner: timedelta) -> Life:
    """Answered by mail `sooner` than the contract was due, and heard an hour after that, with nothing in between."""
    due = next(k.due for k in one.ticket.clocks if (k.side, k.metric) == ("contract", "first_response"))
    assert due is not None
    late = c.Respond(by="ada", role=Role.AGENT, text="We are on it.", source="mail", occurred=due - sooner)
    recording = TICKET.decide(one.ticket, late, due + timedelta(hours=1))
    return one._add(recording)


def test_c12_evidence_of_five_minutes_before_the_due_instant_that_waited_with_us_notifies_nobody(
    database: Database,
) -> None:
    one = answered_before(life(plan=Plan.PREMIUM), timedelta(minutes=5))
    assert "lapsed" in [event.body.type for event in one.events]

    with database.begin() as session:
        journal.append(session, one.ticket.id, "run", one.events)

    assert told(database) & {"contract_breach", "target_missed"} == set()


def test_c12_evidence_of_five_minutes_after_it_leaves_the_breach_and_its_notices(database: Database) -> None:
    one = answered_before(life(plan=Plan.PREMIUM), -timedelta(minutes=5))

    with database.begin() as session:
        journal.append(session, one.ticket.id, "run", one.events)

    assert "contract_breach" in told(database)

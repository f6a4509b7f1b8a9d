"""F8: what became of a ticket's contract clocks is kept with the journal, and a statement that is made of it is the one
that the clocks themselves give."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from domain.core.enums import Plan, Priority
from domain.core.refusal import Refused
from domain.credits.kept import Counted, counted
from domain.ticket.state import Ticket
from services.statement import Statement, statement
from store import journal, outcomes
from store.database import Database
from store.journal import TICKETS
from store.tables.tickets import TicketRow
from tests.support.durations import HOUR
from tests.support.policy import POLICY
from tests.support.ticket_life import COMMANDS, MONDAY, Life, life

KEPT = select(TicketRow.id, TicketRow.outcomes).order_by(TicketRow.id)
WAIVED = {"metric": "first_response", "reason": "Agreed.", "role": "lead", "by": "lea"}
ACTS: dict[str, dict[str, Any]] = {**COMMANDS, "waive": WAIVED}
MOVES = st.lists(st.tuples(st.sampled_from(sorted(ACTS)), st.integers(0, 90_000)), min_size=1, max_size=10)


def lived(name: str, moves: list[tuple[str, int]], plan: Plan = Plan.PREMIUM) -> Life:
    one = life(name, plan=plan)
    for act, seconds in moves:
        try:
            one.do(act, timedelta(seconds=seconds), **ACTS[act])
        except Refused:
            one.wait_until(one.ticket.as_of + timedelta(seconds=seconds))
    return one


def kept_of(ticket: Ticket) -> list[Counted]:
    return [one for clock in ticket.clocks if (one := counted(clock))]


def record(database: Database, one: Life, run: str = "run") -> None:
    with database.begin() as session:
        journal.append(session, one.ticket.id, run, one.events)


def month_of(database: Database) -> Statement:
    return statement(database, POLICY, "acme", f"{MONDAY:%Y-%m}")


def four(database: Database) -> list[Life]:
    """Tickets whose first responses were kept, missed, waived, and are open."""
    late = life("missed").do("take", timedelta(minutes=1)).wait_until(MONDAY + 5 * HOUR)
    waived = life("waived").do("take", timedelta(minutes=1)).wait_until(MONDAY + 5 * HOUR)
    waived.do("waive", HOUR, **WAIVED)
    found = [life("kept").do("respond", HOUR, text="We look."), late, waived, life("open", priority=Priority.P3)]
    for one in found:
        record(database, one)
    return found


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(Plan), MOVES, MOVES, st.integers(0, 10))
def test_f8_whatever_a_ticket_lives_through_its_outcomes_are_those_of_its_clocks(
    database: Database, plan: Plan, old: list[tuple[str, int]], new: list[tuple[str, int]], common: int
) -> None:
    """Also after a reset that rewrote its past; and a rebuild finds nothing to mend."""
    name = uuid4().hex
    first, second = lived(name, old, plan), lived(name, [*old[:common], *new], plan)
    for run, one in enumerate((first, second)):
        record(database, one, f"run-{run}")
        with database.begin() as session:
            row = session.scalars(select(TicketRow).where(TicketRow.id == one.ticket.id)).one()
            ticket = journal.load(session, one.ticket.id)
            assert ticket is not None
            assert row.outcomes is not None
            assert outcomes.read([json.dumps(row.outcomes["clocks"])]) == [kept_of(ticket)]
            assert row.outcomes["seq"] == row.seq
            assert "outcomes" not in (TICKETS.rebuild(session, one.ticket.id, write=False) or ())


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param("outcomes = NULL", id="from before they were kept"),
        pytest.param("""outcomes = '{"seq": 0, "clocks": []}'""", id="left behind by an older worker"),
    ],
)
def test_f8_a_statement_is_the_same_where_outcomes_are_not_kept_yet_and_a_rebuild_keeps_them(
    database: Database, behind: str
) -> None:
    lives = four(database)
    before = month_of(database)
    assert (before.opened, before.kept, before.missed, before.waived) == (4, 1, 1, 1)
    with database.begin() as session:
        rows = session.execute(KEPT).all()
        session.execute(text(f"UPDATE tickets SET {behind} WHERE external_id <> 'waived'"))
    assert month_of(database) == before
    with database.begin() as session:
        changed = {one.ticket.external_id: TICKETS.rebuild(session, one.ticket.id) for one in lives}
    assert changed == {"waived": []} | {name: ["outcomes"] for name in ("kept", "missed", "open")}
    with database.session() as session:
        assert session.execute(KEPT).all() == rows
    assert month_of(database) == before


def test_f8_a_large_account_is_read_without_its_clocks(database: Database) -> None:
    """To make the clocks of 5,000 tickets takes most of a second."""
    for one in four(database):
        assert one.ticket.clocks
    with database.begin() as session:  # whatever stands there is not looked at
        session.execute(text("UPDATE tickets SET state = jsonb_set(state, '{clocks}', '\"gone\"')"))
    assert (month_of(database).kept, month_of(database).missed, month_of(database).waived) == (1, 1, 1)

"""A journal that an older version wrote is read, repeated and continued.

`journal_0_1.json` holds the rows that version 0.1 wrote under its own schema: tickets that are closed, open, pending,
resolved, with engineering and reset, and incidents, of which one was reset and reviewed.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, create_engine, insert, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from domain.aggregate.aggregate import Recording
from domain.clocks.terms import Terms
from domain.incident import commands as i
from domain.incident.aggregate import INCIDENT
from domain.incident.events import Acknowledged
from domain.ticket import commands as c
from domain.ticket.aggregate import TICKET
from domain.ticket.state import Ticket
from domain.ticket.time_left import counting
from store import journal, queries
from store.database import Database
from store.journal import INCIDENTS
from store.journal.terms import terms_digest
from store.migrate import migrate
from store.tables.tickets import TicketRow

WRITTEN: dict[str, Any] = json.loads((Path(__file__).parent / "journal_0_1.json").read_text(encoding="utf-8"))
LATER = timedelta(minutes=1)


def _value(value: Any) -> Any:
    if isinstance(value, dict) and "$at" in value:
        return datetime.fromisoformat(value["$at"])
    return Decimal(value["$decimal"]) if isinstance(value, dict) and "$decimal" in value else value


@pytest.fixture
def upgraded(postgres_url: str) -> Iterator[Database]:
    """A database with the old rows, put in under the old schema and migrated since."""
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    url = make_url(postgres_url).set(database="upgraded").render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text("CREATE DATABASE upgraded"))
    try:
        migrate(url, WRITTEN["revision"])
        _fill(url)
        migrate(url)
        database = Database(url)
        yield database
        database.dispose()
    finally:
        with engine.connect() as connection:
            connection.execute(text("DROP DATABASE upgraded WITH (FORCE)"))
        engine.dispose()


def _fill(url: str) -> None:
    """Put the old rows in, with the columns that the tables have now."""
    engine = create_engine(url, poolclass=NullPool)
    tables = MetaData()
    with engine.begin() as connection:
        tables.reflect(connection)
        for name, rows in WRITTEN["tables"].items():
            table = tables.tables[name]
            values = [{column: _value(value) for column, value in row.items()} for row in rows]
            connection.execute(insert(table).values(values))
            if (key := next((column for column in table.columns if column.identity), None)) is not None:
                sequence = f"pg_get_serial_sequence('{name}', '{key.name}')"
                connection.execute(text(f"SELECT setval({sequence}, (SELECT max({key.name}) FROM {name}))"))
    engine.dispose()


def _without_moves(ticket: Ticket | None) -> Ticket:
    """Return the ticket as it was stored: what it did under the old version is not among the moves (G14) it knows."""
    assert ticket is not None
    return ticket.model_copy(update={"moves": ()})


@pytest.mark.parametrize("row", WRITTEN["tables"]["terms"], ids=lambda row: row["digest"][:8])
def test_terms_keep_the_digest_under_which_an_older_version_stored_them(row: dict[str, Any]) -> None:
    assert terms_digest(Terms.model_validate(row["body"])) == row["digest"]


@pytest.mark.parametrize("name", list(WRITTEN["tickets"]))
def test_every_ticket_of_an_older_version_is_read_repeated_and_continued(upgraded: Database, name: str) -> None:
    ticket = WRITTEN["tickets"][name]
    with upgraded.session() as session:
        known = journal.load(session, ticket)
        entries = journal.timeline(session, ticket)
        assert known is not None
        assert known == _without_moves(journal.fold(session, ticket))
    assert [entry.event.seq for entry in entries] == list(range(1, known.seq + 1))

    # The activity's next attempt, which died before it could say that it was done.
    run = entries[-1].run_id
    with upgraded.begin() as session:
        assert journal.append(session, ticket, run, [entry.event for entry in entries]).new == 0

    recording = Recording(TICKET, known, known.as_of, known.as_of)
    if not known.closed:
        note = c.parse({"do": "note", "by": "ada", "text": "Seen after the upgrade."})
        recording = TICKET.decide(known, note, known.as_of + LATER)
        with upgraded.begin() as session:
            journal.append(session, ticket, run, recording.events)
    with upgraded.session() as session:
        assert journal.load(session, ticket) == _without_moves(journal.fold(session, ticket)) == recording.state


def test_the_migration_says_what_the_deadlines_of_open_tickets_are_counted_on(upgraded: Database) -> None:
    query = select(TicketRow).where(TicketRow.status.in_(queries.ACTIVE))
    with upgraded.session() as session:
        rows = list(session.scalars(query))
        assert len(rows) > 1
        for row in rows:
            ticket = journal.load(session, row.id)
            assert ticket is not None
            assert row.account_zone == ticket.account.zone
            if ticket.suspended or row.sla_counted is None:
                assert row.sla_counted is None, "what stands still is read as a whole"
                assert counting(ticket).counted in ("paused", "none")
            elif counting(ticket).counted != "none":
                assert row.sla_counted == counting(ticket).counted
        assert {row.sla_counted for row in rows} >= {"plan"}


@pytest.mark.parametrize(("number", "state", "seq"), [(int(n), *at) for n, at in WRITTEN["incidents"].items()])
def test_every_incident_of_an_older_version_is_read_repeated_and_continued(
    upgraded: Database, number: int, state: str, seq: int
) -> None:
    with upgraded.session() as session:
        known = INCIDENTS.load(session, number)
        entries = INCIDENTS.timeline(session, number)
    assert known is not None
    assert (known.state, known.seq) == (state, seq)
    incident = INCIDENT.fold(entry.event for entry in entries)
    assert (incident.state, incident.seq) == (state, seq)

    run = entries[-1].run_id
    with upgraded.begin() as session:
        assert INCIDENTS.append(session, number, run, [entry.event for entry in entries]).new == 0

    command = i.HandOver(by="ron", to="lena") if not incident.ended else None
    if command is not None:
        recording = INCIDENT.decide(incident, command, incident.as_of + LATER)
        with upgraded.begin() as session:
            assert INCIDENTS.append(session, number, run, recording.events).new == len(recording.events)
        with upgraded.session() as session:
            again = [entry.event for entry in INCIDENTS.timeline(session, number)]
        assert INCIDENT.fold(again) == recording.state


def test_an_incidents_event_of_an_older_version_is_no_repeat_of_one_of_another_type(upgraded: Database) -> None:
    """Its digest does not cover the type, which stands beside it."""
    number = 2  # which was mitigated
    with upgraded.session() as session:
        entries = INCIDENTS.timeline(session, number)
    old = next(entry.event for entry in entries if entry.event.body.type == "mitigated")
    other = old.model_copy(update={"body": Acknowledged()})
    with upgraded.begin() as session:
        appended = INCIDENTS.append(session, number, "run-after-the-upgrade", [other])
        assert (appended.new, appended.state.state) == (1, "acknowledged")
        assert INCIDENTS.fold(session, number) == appended.state

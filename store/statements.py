"""What a statement of an account and month (F8) is made of: its tickets, their clocks, and their incidents."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Text, case, cast, func, select
from sqlalchemy.dialects.postgresql import JSONPATH, TIMESTAMP
from sqlalchemy.orm import Session

from domain.clocks.clock import Clock
from store.outcomes import Written, of_clocks
from store.tables.incidents import IncidentRow
from store.tables.reports import TicketRecordRow
from store.tables.tickets import TicketRow

_CLOCKS: TypeAdapter[tuple[Clock, ...]] = TypeAdapter(tuple[Clock, ...])
_OF_THE_CONTRACT = cast('$[*] ? (@.side == "contract")', JSONPATH)
_AT_ONCE = 500
_OUTCOMES = TicketRecordRow.outcomes
_AS_OF_NOW = _OUTCOMES["seq"].as_integer() == TicketRecordRow.seq
"""What became of the ticket's clocks is known: no older version has written its record since."""


def tickets_of(session: Session, account: str, since: datetime, until: datetime, limit: int) -> list[tuple[Any, ...]]:
    """Return the tickets of an account that were there in `[since, until)`, the oldest first: those that had opened
    before its end, and had not closed before its beginning.

    Each has what became of its clocks of the contract in `outcomes`, as JSON that `store.outcomes` reads; None where
    that is not known: `clocks_of` says it.
    """
    columns = (
        TicketRow.id.label("ticket"), TicketRow.external_id, TicketRow.priority, TicketRow.category,
        TicketRow.opened_at, TicketRow.resolved_at, TicketRow.status, TicketRow.incident_number,
        case((_AS_OF_NOW, cast(_OUTCOMES["clocks"], Text))).label("outcomes"),
    )  # fmt: skip
    there = (
        TicketRow.account == account,
        TicketRow.opened_at < until,
        func.coalesce(TicketRow.closed_at, cast("infinity", TIMESTAMP(timezone=True))) >= since,  # as it is indexed
    )
    found = select(*columns).outerjoin(TicketRecordRow, TicketRecordRow.ticket_id == TicketRow.id).where(*there)
    rows = session.execute(found.order_by(TicketRow.opened_at, TicketRow.id).limit(limit))
    # Tuples and no rows: Python's collector of cycles looks at each row that lives on, and not at such tuples.
    return [tuple(row) for part in rows.partitions(_AT_ONCE) for row in part]


def clocks_of(session: Session, tickets: Collection[str]) -> dict[str, list[Written]]:
    """Return what became of the clocks of the contract of tickets whose outcomes are not known, by ticket: their states
    are read for it."""
    clocks = func.jsonb_path_query_array(TicketRow.state["clocks"], _OF_THE_CONTRACT)
    rows = session.execute(select(TicketRow.id, clocks).where(TicketRow.id.in_(tickets))).all()
    return {ticket: of_clocks(_CLOCKS.validate_python(found)) for ticket, found in rows}


def incidents_of(session: Session, numbers: Collection[int]) -> Sequence[IncidentRow]:
    """Return these incidents, by number."""
    query = select(IncidentRow).where(IncidentRow.number.in_(numbers), ~IncidentRow.drill)
    return session.scalars(query.order_by(IncidentRow.number)).all()

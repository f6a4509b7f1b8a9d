"""What a statement of an account and month (F8) is made of: its tickets, their clocks, and their incidents."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import cast, func, or_, select
from sqlalchemy.dialects.postgresql import JSONPATH
from sqlalchemy.orm import Session

from store.tables.incidents import IncidentRow
from store.tables.tickets import TicketRow

_OF_THE_CONTRACT = cast('$[*] ? (@.side == "contract")', JSONPATH)
"""The clocks that a statement tells of. The targets, which are only ours, stay in the database."""


def tickets_of(session: Session, account: str, since: datetime, until: datetime, limit: int) -> Sequence[Any]:
    """Return the tickets of an account that were there in `[since, until)`, the oldest first: those that had opened
    before its end, and had not closed before its beginning; each with its clocks of the contract."""
    state = TicketRow.state
    columns = (
        TicketRow.id, TicketRow.external_id, TicketRow.opened_at, TicketRow.resolved_at, TicketRow.closed_at,
        TicketRow.status, TicketRow.priority, TicketRow.category, TicketRow.incident_number,
        state["resolution"].astext.label("resolution"),
        func.jsonb_path_query_array(state["clocks"], _OF_THE_CONTRACT).label("clocks"),
    )  # fmt: skip
    there = (
        TicketRow.account == account,
        TicketRow.opened_at < until,
        or_(TicketRow.closed_at.is_(None), TicketRow.closed_at >= since),
    )
    return session.execute(
        select(*columns).where(*there).order_by(TicketRow.opened_at, TicketRow.id).limit(limit)
    ).all()


def incidents_of(session: Session, numbers: Collection[int]) -> Sequence[IncidentRow]:
    """Return these incidents, by number."""
    query = select(IncidentRow).where(IncidentRow.number.in_(numbers), ~IncidentRow.drill)
    return session.scalars(query.order_by(IncidentRow.number)).all()

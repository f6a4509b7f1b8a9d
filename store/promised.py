"""Promises to customers that are due (G16) or at risk (F10), by who made them or holds the ticket."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import RowMapping, or_, select
from sqlalchemy.orm import Session

from domain.core.enums import Status
from store.queries import ACTIVE, LINE, Line
from store.queue_views import has_flag
from store.tables.tickets import TicketRow


class Promised(NamedTuple):
    """A ticket, and when the next promise on it is due."""

    line: Line
    due: datetime
    at_risk: bool = False
    """A promise on it is at risk."""


def promised_by(session: Session, person: str, *, until: datetime, limit: int) -> Sequence[Promised]:
    """Return the tickets on which a promise is due before `until`, or is at risk, the next one first.

    The person made an open promise there, or holds the ticket.
    """
    made = TicketRow.state["promises"].contains([{"by": person}])
    due, at_risk = TicketRow.promise_due, has_flag("promise_at_risk")
    query = select(*LINE, due, at_risk.label("at_risk")).where(due.is_not(None), or_(due < until, at_risk))
    query = query.where(or_(TicketRow.assignee == person, made))
    query = query.where(TicketRow.status.in_([*ACTIVE, Status.RESOLVED.value])).order_by(due, TicketRow.id)
    found = (row._mapping for row in session.execute(query.limit(limit)))
    return [Promised(_line(row), row["promise_due"], row["at_risk"]) for row in found]


def _line(row: RowMapping) -> Line:
    return Line.model_validate({name: row[name] for name in Line.model_fields})

"""Promises to customers that are due (G16), by who made them or holds the ticket."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from domain.core.enums import Status
from store.queries import ACTIVE, LINE, Line
from store.tables.tickets import TicketRow


class Promised(NamedTuple):
    """A ticket, and when the next promise on it is due."""

    line: Line
    due: datetime


def promised_by(session: Session, person: str, *, until: datetime, limit: int) -> Sequence[Promised]:
    """Return the tickets on which a promise is due before `until`, the next one first, where the person made an open
    promise or holds the ticket."""
    made = TicketRow.state["promises"].contains([{"by": person}])
    due = TicketRow.promise_due
    query = select(*LINE, due).where(due.is_not(None), due < until, or_(TicketRow.assignee == person, made))
    query = query.where(TicketRow.status.in_([*ACTIVE, Status.RESOLVED.value])).order_by(due, TicketRow.id)
    found = (row._mapping for row in session.execute(query.limit(limit)))
    return [
        Promised(Line.model_validate({name: row[name] for name in Line.model_fields}), row["promise_due"])
        for row in found
    ]

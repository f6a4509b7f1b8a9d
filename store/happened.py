"""What happened lately to the tickets that a person holds."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.ticket.events import Event
from store.journal import TICKETS
from store.tables.journal import EventRow
from store.tables.tickets import TicketRow


def changed_tickets(session: Session, person: str, since: datetime, limit: int) -> Sequence[str]:
    """Return the tickets that a person holds, or held when they ended, and that were written after `since`: the latest
    first."""
    mine = select(TicketRow.id).where(TicketRow.assignee == person, TicketRow.updated_at > since)
    return session.scalars(mine.order_by(TicketRow.updated_at.desc(), TicketRow.id).limit(limit)).all()


def by_others(
    session: Session, tickets: Collection[str], person: str, since: datetime, limit: int
) -> list[tuple[str, Event]]:
    """Return the events of tickets that were recorded after `since` and are not a person's own doing, without their
    texts: the latest first, each with its ticket."""
    query = select(EventRow).where(
        EventRow.ticket_id.in_(tickets),
        ~EventRow.superseded,
        EventRow.detected > since,
        EventRow.actor_id != person,
    )
    rows = session.scalars(query.order_by(EventRow.detected.desc(), EventRow.seq.desc()).limit(limit))
    return [(row.ticket_id, TICKETS.event(session, row)) for row in rows]

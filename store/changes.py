"""Which tickets and incidents have changed lately, for pages that follow them."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.tables.incidents import IncidentRow
from store.tables.tickets import TicketRow


class Change(NamedTuple):
    """A ticket or an incident as it was last written."""

    key: str | int
    """The ticket's id, or the incident's number."""
    seq: int
    """The number of its newest event."""
    written: datetime
    """When the transaction that wrote it began."""


def changed_after(session: Session, instant: datetime, most: int) -> list[Change]:
    """Return the tickets and the incidents that were written after `instant`; of each at most so many, the latest."""
    tickets = select(TicketRow.id, TicketRow.seq, TicketRow.updated_at).where(TicketRow.updated_at > instant)
    incidents = select(IncidentRow.number, IncidentRow.seq, IncidentRow.updated_at).where(
        IncidentRow.updated_at > instant
    )
    return [
        *(Change(*row) for row in session.execute(tickets.order_by(TicketRow.updated_at.desc()).limit(most))),
        *(Change(*row) for row in session.execute(incidents.order_by(IncidentRow.updated_at.desc()).limit(most))),
    ]


def seq_of(session: Session, ticket: str) -> int:
    """Return the number of a ticket's newest event; 0 if there is no such ticket."""
    return session.scalar(select(TicketRow.seq).where(TicketRow.id == ticket)) or 0


def incident_seq(session: Session, number: int) -> int:
    """Return the number of an incident's newest event; 0 if there is no such incident."""
    return session.scalar(select(IncidentRow.seq).where(IncidentRow.number == number)) or 0

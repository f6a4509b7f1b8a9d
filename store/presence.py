"""Presence: who has which ticket open, and who writes. A small table that forgets by itself."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from store.tables.web import PresenceRow

MOST = 5_000
"""People on tickets that are read at once, the latest first."""


class Present(NamedTuple):
    """A person on a ticket."""

    ticket: str
    actor: str
    seen_at: datetime
    wrote_at: datetime | None


def note(session: Session, ticket: str, actor: str, at: datetime, *, writes: bool) -> None:
    """Note that a person has a ticket open at `at`, and perhaps writes."""
    values = {"seen_at": at} | ({"wrote_at": at} if writes else {})
    row = insert(PresenceRow).values(ticket_id=ticket, actor=actor, **values)
    session.execute(row.on_conflict_do_update(index_elements=["ticket_id", "actor"], set_=values))


def since(session: Session, at: datetime) -> Sequence[Present]:
    """Return who was on a ticket since then."""
    return [Present(*row) for row in session.execute(_SINCE, {"at": at})]


_SINCE = (
    select(PresenceRow.ticket_id, PresenceRow.actor, PresenceRow.seen_at, PresenceRow.wrote_at)
    .where(PresenceRow.seen_at > bindparam("at"))
    .order_by(PresenceRow.seen_at.desc())
    .limit(MOST)
)
"""Made once: pages of tickets ask it every two seconds."""

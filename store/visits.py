"""When people were at the desk, so that their home page can tell what has changed since."""

from datetime import datetime, timedelta

from sqlalchemy import case, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from store.tables.web import VisitRow

BREAK = timedelta(minutes=30)
"""Whoever was not at the desk for so long was away."""


def note_visit(session: Session, actor: str, at: datetime) -> None:
    """Note that a person is at the desk at `at`. After a break, what was noted last is when they left."""
    new = insert(VisitRow).values(actor=actor, seen_at=at)
    was_away = new.excluded.seen_at - VisitRow.seen_at >= BREAK
    changed = {
        "seen_at": func.greatest(VisitRow.seen_at, new.excluded.seen_at),
        "away_since": case((was_away, VisitRow.seen_at), else_=VisitRow.away_since),
    }
    session.execute(new.on_conflict_do_update(index_elements=[VisitRow.actor], set_=changed))


def away_since(session: Session, actor: str) -> datetime | None:
    """Return when a person was at the desk for the last time before their present visit; None if never."""
    return session.scalar(select(VisitRow.away_since).where(VisitRow.actor == actor))

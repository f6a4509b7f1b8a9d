"""The inbox: every delivery from outside, stored before it is acted on, once for its source and delivery id."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from store.models import InboxRow


def keep(
    session: Session,
    source: str,
    delivery_id: str,
    payload: Mapping[str, Any],
    received: datetime,
    *,
    ticket_id: str | None = None,
) -> int | None:
    """Store a delivery. Returns its number, or None if it was delivered before."""
    row = {
        "source": source,
        "delivery_id": delivery_id,
        "payload": dict(payload),
        "received": received,
        "ticket_id": ticket_id,
    }
    stored = insert(InboxRow).values(row).on_conflict_do_nothing().returning(InboxRow.id)
    return session.scalars(stored).one_or_none()


def unhandled(session: Session, limit: int) -> Sequence[InboxRow]:
    """Deliveries that nobody has acted on, oldest first, for this transaction alone."""
    query = select(InboxRow).where(InboxRow.handled_at.is_(None)).order_by(InboxRow.id).limit(limit)
    return session.scalars(query.with_for_update(skip_locked=True)).all()


def handled(session: Session, number: int, at: datetime, *, ticket_id: str | None = None) -> None:
    """A delivery was acted on; for `ticket_id`, so that erasing that ticket's person erases the delivery too."""
    values: dict[str, Any] = {"handled_at": at} | ({"ticket_id": ticket_id} if ticket_id else {})
    session.execute(update(InboxRow).where(InboxRow.id == number).values(**values))


def overdue(session: Session, source: str, before: datetime, limit: int = 100) -> Sequence[str]:
    """The delivery ids of a source that were received before an instant, and that nobody has acted on."""
    query = select(InboxRow.delivery_id).where(
        InboxRow.handled_at.is_(None), InboxRow.source == source, InboxRow.received < before
    )
    return session.scalars(query.order_by(InboxRow.id).limit(limit)).all()


def done(session: Session, source: str, delivery_id: str, at: datetime) -> None:
    """A delivery, by the name that its source gave it, was acted on. Saying so again changes nothing."""
    mine = (InboxRow.source == source, InboxRow.delivery_id == delivery_id, InboxRow.handled_at.is_(None))
    session.execute(update(InboxRow).where(*mine).values(handled_at=at))

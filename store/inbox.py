"""The inbox: every delivery from outside, stored before it is acted on, once for its source and delivery id.

Deliveries of one source about the same thing are acted on in the order in which they were stored, and one at a time;
what concerns nothing in particular waits for nobody.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from store.database import PLAIN
from store.leased_queue import ERROR_LIMIT, LeasedQueue
from store.tables.integrations import InboxRow

BUG = "bug: "
"""What the error of a delivery at which code of ours fails begins with."""
WAITS = InboxRow.handled_at.is_(None) & InboxRow.stopped_at.is_(None)
"""What is still to be acted on."""

QUEUE = LeasedQueue(InboxRow, unsettled=WAITS, done=lambda at: {"handled_at": at}, error="error")


def keep(
    session: Session,
    source: str,
    delivery_id: str,
    payload: Mapping[str, Any],
    received: datetime,
    *,
    about: str = "",
    ticket_id: str | None = None,
    trace: str | None = None,
) -> int | None:
    """Store a delivery, with the `traceparent` in which it came. Returns its number, or None if it was delivered
    before."""
    row = {
        "source": source,
        "delivery_id": delivery_id,
        "payload": dict(payload),
        "received": received,
        "about": about,
        "ticket_id": ticket_id,
        "trace": trace,
    }
    stored = insert(InboxRow).values(row).on_conflict_do_nothing().returning(InboxRow.id)
    return session.scalars(stored).one_or_none()


def claim(
    session: Session, sources: Collection[str], now: datetime, lease: timedelta, limit: int
) -> Sequence[InboxRow]:
    """Claim deliveries that nobody has acted on, oldest first, and only the first about each thing."""
    earlier = aliased(InboxRow)
    is_first = or_(
        InboxRow.about == "",
        ~exists().where(
            earlier.source == InboxRow.source,
            earlier.about == InboxRow.about,
            earlier.id < InboxRow.id,
            earlier.handled_at.is_(None),
            earlier.stopped_at.is_(None),
        ),
    )
    return QUEUE.claim(session, now, lease, limit, InboxRow.source.in_(sources), is_first)


def wake(session: Session, source: str, about: str) -> None:
    """Make due now whatever waits for its next try and is about this. A worker that acts on it meanwhile is not
    hindered: acting twice on a delivery has the effect of once."""
    mine = (InboxRow.source == source, InboxRow.about == about, InboxRow.handled_at.is_(None))
    session.execute(update(InboxRow).where(*mine).values(not_before=None), execution_options=PLAIN)


def waiting(session: Session, sources: Collection[str]) -> int:
    """Return how many deliveries of these sources nobody has acted on."""
    mine = (InboxRow.source.in_(sources), WAITS)
    return session.scalar(select(func.count()).select_from(InboxRow).where(*mine)) or 0


# -- What came to nothing ------------------------------------------------------------------------------------


def stop(session: Session, row: InboxRow, error: str, at: datetime) -> None:
    """Set a delivery aside: it is tried no more, and holds up nothing, until `try_again`."""
    held = (InboxRow.id == row.id, InboxRow.attempts == row.attempts, WAITS)  # no later claim has taken it over
    values = {"stopped_at": at, "not_before": None, "error": error[:ERROR_LIMIT]}
    session.execute(update(InboxRow).where(*held).values(**values), execution_options=PLAIN)


def stopped(session: Session) -> int:
    """Return how many deliveries are set aside."""
    return session.scalar(select(func.count()).select_from(InboxRow).where(InboxRow.stopped_at.is_not(None))) or 0


def came_to_nothing(session: Session, limit: int = 100) -> Sequence[InboxRow]:
    """Return the deliveries that are set aside, and those that were refused when they were acted on, the latest
    first."""
    refused = InboxRow.handled_at.is_not(None) & InboxRow.error.is_not(None)
    query = select(InboxRow).where(InboxRow.stopped_at.is_not(None) | refused)
    return session.scalars(query.order_by(InboxRow.stopped_at.is_(None), InboxRow.id.desc()).limit(limit)).all()


def try_again(session: Session, number: int) -> bool:
    """Have a delivery that came to nothing acted on once more. Returns False if there is no such one."""
    nothing = InboxRow.stopped_at.is_not(None) | InboxRow.error.is_not(None) & InboxRow.handled_at.is_not(None)
    fresh = {"stopped_at": None, "handled_at": None, "error": None, "attempts": 0, "not_before": None}
    which = update(InboxRow).where(InboxRow.id == number, nothing).values(**fresh).returning(InboxRow.id)
    return session.scalars(which, execution_options=PLAIN).one_or_none() is not None


# -- What we ourselves put into it, and do at once ------------------------------------------------------------


def stuck_before(session: Session, source: str, delivery_id: str, before: datetime) -> bool:
    """Return whether an earlier delivery about the same thing is stuck: it failed, or nobody has acted on it since
    `before`.

    Then this one has to wait its turn.
    """
    mine = select(InboxRow.id, InboxRow.about).where(InboxRow.source == source, InboxRow.delivery_id == delivery_id)
    this = mine.subquery()
    earlier = select(InboxRow.id).where(
        InboxRow.source == source, InboxRow.about == this.c.about, InboxRow.id < this.c.id, *_stuck(InboxRow, before)
    )
    return session.scalars(earlier.limit(1)).first() is not None


def backlog(session: Session, source: str, before: datetime, limit: int = 1000) -> dict[str, list[str]]:
    """Return what is stuck of a source, and everything that waits behind it: delivery ids by what they concern, in
    order."""
    first = aliased(InboxRow)
    behind = exists().where(first.source == source, first.about == InboxRow.about, *_stuck(first, before))
    query = select(InboxRow.about, InboxRow.delivery_id).where(
        InboxRow.source == source, InboxRow.handled_at.is_(None), _is_due(), behind
    )
    found: dict[str, list[str]] = {}
    for about, delivery_id in session.execute(query.order_by(InboxRow.id).limit(limit)):
        found.setdefault(about, []).append(delivery_id)
    return found


def traces(session: Session, source: str, delivery_ids: Collection[str]) -> dict[str, str]:
    """Return the `traceparent` of each of these deliveries that came in a trace."""
    which = (InboxRow.source == source, InboxRow.delivery_id.in_(delivery_ids), InboxRow.trace.is_not(None))
    rows = session.execute(select(InboxRow.delivery_id, InboxRow.trace).where(*which))
    return {name: str(trace) for name, trace in rows}


def done(session: Session, source: str, delivery_ids: Collection[str], at: datetime) -> None:
    """Note that deliveries, by the names that their source gave them, were acted on. To note it again changes
    nothing."""
    session.execute(update(InboxRow).where(*_mine(source, delivery_ids)).values(handled_at=at), execution_options=PLAIN)


def failed(session: Session, source: str, delivery_id: str, error: str) -> None:
    """Note that acting on a delivery failed: it is stuck, and what comes after it waits."""
    values = {"attempts": InboxRow.attempts + 1, "error": error[:ERROR_LIMIT]}
    session.execute(update(InboxRow).where(*_mine(source, [delivery_id])).values(**values), execution_options=PLAIN)


def set_aside(
    session: Session, source: str, delivery_id: str, error: str, first: timedelta, longest: timedelta
) -> None:
    """Put a delivery aside that failed for a reason of its own: it waits alone from now on, and nothing waits for it.

    It is tried again after `first`, then after twice as long each time, `longest` at most, by the database's clock.
    """
    doubled = first.total_seconds() * func.power(2, func.least(InboxRow.attempts, 20))
    pause = func.make_interval(0, 0, 0, 0, 0, 0, func.least(doubled, longest.total_seconds()))
    values = {
        "about": f"{source}:{delivery_id}",
        "attempts": InboxRow.attempts + 1,
        "not_before": func.now() + pause,
        "error": error[:ERROR_LIMIT],
    }
    session.execute(update(InboxRow).where(*_mine(source, [delivery_id])).values(**values), execution_options=PLAIN)


def _mine(source: str, delivery_ids: Collection[str]) -> Sequence[ColumnElement[bool]]:
    return InboxRow.source == source, InboxRow.delivery_id.in_(delivery_ids), InboxRow.handled_at.is_(None)


def _is_due() -> ColumnElement[bool]:
    """Return the condition that a row is due, by the database's clock."""
    return or_(InboxRow.not_before.is_(None), InboxRow.not_before <= func.now())


def _stuck(row: Any, before: datetime) -> Sequence[ColumnElement[bool]]:
    return row.handled_at.is_(None), or_(row.attempts > 0, row.received < before)

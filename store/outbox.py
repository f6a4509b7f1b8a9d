"""The outbox: notices that were written together with their events, and are sent by the relay, each once (F5).

A relay *claims* a row for a while and then says what became of it. One that is killed in between says nothing: its
lease runs out, and the next one sends the row again under the same key, by which the receiver drops the repeat.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from domain.aggregate.effect import Notice
from store.tables.integrations import OutboxRow

LEASE = timedelta(seconds=30)
"""How long a claim holds: more than a sink's time-outs together."""

# -- Written with the journal --------------------------------------------------------------------------------


def put(session: Session, notices: Sequence[tuple[int, Notice]], epoch: int) -> None:
    """Write the notices that events cause, each with its event's sequence."""
    rows = []
    for seq, notice in notices:
        if epoch == 1:
            rows.append(_row(notice, seq, notice.key))
        elif not _adopt(session, notice, seq):
            # A dead branch may have used the key for something else, and the receiver has seen it.
            rows.append(_row(notice, seq, f"{notice.key}:e{epoch}"))
    if rows:
        session.execute(insert(OutboxRow), rows)


def put_or_renew(session: Session, notice: Notice) -> None:
    """Write a notice that belongs to no single event. While it is not sent yet, its words are brought up to date."""
    row = upsert(OutboxRow).values(_row(notice, None, notice.key))
    renewed = {"title": row.excluded.title, "at": row.excluded.at}
    waiting = OutboxRow.state == "pending"
    session.execute(row.on_conflict_do_update(index_elements=["key"], set_=renewed, where=waiting))


def orphan(session: Session, ticket_id: str, seq: int) -> None:
    """The events from `seq` on are superseded. What they caused and is not under way is cancelled, until an event of
    the new branch causes it again."""
    caused = (OutboxRow.ticket_id == ticket_id, OutboxRow.event_seq >= seq)
    session.execute(update(OutboxRow).where(*caused).values(orphaned=True), execution_options=_PLAIN)
    waiting = (*caused, OutboxRow.state == "pending")
    session.execute(update(OutboxRow).where(*waiting).values(state="cancelled"), execution_options=_PLAIN)


def _adopt(session: Session, notice: Notice, seq: int) -> bool:
    """Whether the dead branch had caused the same notice, which is this one then: sent, it is not sent again."""
    row = session.scalars(
        select(OutboxRow)
        .where(
            OutboxRow.ticket_id == notice.ticket,
            OutboxRow.orphaned,
            OutboxRow.name == notice.name,
            OutboxRow.audience == notice.audience,
            OutboxRow.recipient.is_not_distinct_from(notice.recipient),
            OutboxRow.title == notice.title,
        )
        .order_by(OutboxRow.id)
        .limit(1)
        .with_for_update()
    ).one_or_none()
    if row is None:
        return False
    row.orphaned, row.event_seq = False, seq
    if row.state == "cancelled":
        row.state = "pending"
    session.flush()
    return True


def _row(notice: Notice, seq: int | None, key: str) -> dict[str, object]:
    return {
        "key": key,
        "ticket_id": notice.ticket,
        "event_seq": seq,
        "name": notice.name,
        "audience": notice.audience,
        "recipient": notice.recipient,
        "title": notice.title,
        "at": notice.at,
    }


_PLAIN = {"synchronize_session": False}

# -- Read by the relay ---------------------------------------------------------------------------------------


def claim(session: Session, limit: int, now: datetime, lease: timedelta = LEASE) -> Sequence[OutboxRow]:
    """Take up to `limit` rows that are to be sent, oldest first. No other relay gets them before the lease is over.

    To be committed before anything is sent. Each claim counts as an attempt.
    """
    due = or_(
        (OutboxRow.state == "pending") & (OutboxRow.not_before.is_(None) | (OutboxRow.not_before <= now)),
        (OutboxRow.state == "sending") & (OutboxRow.lease_until < now),
    )
    rows = session.scalars(
        select(OutboxRow).where(due).order_by(OutboxRow.id).limit(limit).with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        row.state, row.lease_until, row.attempts = "sending", now + lease, row.attempts + 1
    session.flush()
    return rows


def mark_sent(session: Session, row: OutboxRow, now: datetime) -> None:
    """It was delivered. Whoever says so is right, also after the lease."""
    _mark(session, OutboxRow.id == row.id, state="sent", sent_at=now, lease_until=None, last_error=None)


def mark_failed(session: Session, row: OutboxRow, error: str, not_before: datetime | None) -> None:
    """It was not delivered: the next try is at `not_before`, or None gives it up."""
    state = "pending" if not_before else "failed"
    _mark(session, _held(row), state=state, not_before=not_before, lease_until=None, last_error=error[:500])


def postpone(session: Session, row: OutboxRow, until: datetime) -> None:
    """It is not to be sent yet (quiet hours). That was no attempt."""
    attempts = row.attempts - 1
    _mark(session, _held(row), state="pending", not_before=until, lease_until=None, attempts=attempts)


def _held(row: OutboxRow) -> ColumnElement[bool]:
    """Whether the claim still stands: a later one has counted on."""
    return (OutboxRow.id == row.id) & (OutboxRow.state == "sending") & (OutboxRow.attempts == row.attempts)


def _mark(session: Session, which: ColumnElement[bool], **values: object) -> None:
    session.execute(update(OutboxRow).where(which).values(**values), execution_options=_PLAIN)

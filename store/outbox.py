"""The outbox: notices that were written together with their events, and are sent by the relay, each once (F5).

A notice that is sent again goes out under the same key, by which the receiver drops the repeat.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from domain.aggregate.effect import Notice
from store.database import PLAIN
from store.leased_queue import LeasedQueue
from store.tables.integrations import OutboxRow

LEASE = timedelta(seconds=30)
"""How long a claim holds: more than a sink's time-outs together."""

QUEUE = LeasedQueue(
    OutboxRow,
    unsettled=OutboxRow.state.in_(("pending", "sending")),
    done=lambda at: {"state": "sent", "sent_at": at},
    lease="lease_until",
    claimed={"state": "sending"},
    waiting={"state": "pending"},
)


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


def put_or_renew(session: Session, notice: Notice) -> bool:
    """Write a notice that belongs to no single event. While it is not sent yet, its words are brought up to date.
    Returns False where it was sent already, and nothing was written."""
    row = upsert(OutboxRow).values(_row(notice, None, notice.key))
    renewed = {name: row.excluded[name] for name in ("title", "priority", "deadline", "at")}
    waiting = OutboxRow.state == "pending"
    renewing = row.on_conflict_do_update(index_elements=["key"], set_=renewed, where=waiting).returning(OutboxRow.id)
    return session.scalars(renewing, execution_options=PLAIN).one_or_none() is not None


def orphan(session: Session, seq: int, *, ticket: str | None = None, incident: int | None = None) -> None:
    """Cancel what the events from `seq` on of a ticket, or of an incident, caused and is not under way.

    These events are superseded. An event of the new branch that causes the same takes it over.
    """
    whose = OutboxRow.ticket_id == ticket if ticket is not None else OutboxRow.incident_number == incident
    caused = (whose, OutboxRow.event_seq >= seq)
    session.execute(update(OutboxRow).where(*caused).values(orphaned=True), execution_options=PLAIN)
    waiting = (*caused, OutboxRow.state == "pending")
    session.execute(update(OutboxRow).where(*waiting).values(state="cancelled"), execution_options=PLAIN)


def _adopt(session: Session, notice: Notice, seq: int) -> bool:
    """Return whether the dead branch had caused the same notice, which is this one then: sent, it is not sent again."""
    row = session.scalars(
        select(OutboxRow)
        .where(
            OutboxRow.ticket_id.is_not_distinct_from(notice.ticket),
            OutboxRow.incident_number.is_not_distinct_from(notice.incident),
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
        "incident_number": notice.incident,
        "event_seq": seq,
        "name": notice.name,
        "audience": notice.audience,
        "recipient": notice.recipient,
        "title": notice.title,
        "priority": notice.priority,
        "deadline": notice.deadline,
        "at": notice.at,
    }

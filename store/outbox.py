"""The outbox: notices that were written together with their events, and are sent by the relay, each once (F5).

A notice that is sent again goes out under the same key, by which the receiver drops the repeat.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from domain.aggregate.effect import Notice
from domain.policy.digest import DIGEST
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


def split_by_channel(session: Session, row: OutboxRow, channels: Sequence[str]) -> None:
    """Set what a notice that was just claimed is sent through, unless that is set: the first of `channels`.

    Each further channel gets a row of its own, in the same transaction, with a key of its own: so one that is tried
    again doubles nothing on another.
    """
    if row.channel is not None:
        return
    row.channel, *others = channels
    copied = {name: getattr(row, name) for name in _COPIED}
    for channel in others:
        one = copied | {"key": _key_of(row.key, channel), "channel": channel}
        session.execute(upsert(OutboxRow).values(one).on_conflict_do_nothing(index_elements=["key"]))
    session.flush()


_COPIED = (
    "ticket_id", "incident_number", "event_seq", "name", "audience", "recipient", "title", "priority", "deadline", "at",
)  # fmt: skip


def _key_of(key: str, channel: str) -> str:
    """Return the key of a notice's row for one more channel."""
    return f"{key}:{channel}"


def digest_key(row: OutboxRow, at: datetime) -> str:
    """Return the key of the digest that a notice goes with: one for each recipient, channel and instant."""
    key = f"{DIGEST}:{row.audience}:{row.channel}:{at:%Y%m%dT%H%MZ}"
    return f"{key}:{hashlib.sha256(row.recipient.encode()).hexdigest()[:16]}" if row.recipient else key


def gather(session: Session, row: OutboxRow, at: datetime) -> bool:
    """Write the digest that a notice waits for, and gather all that wait for it, once. Returns False where the digest
    was written before without this notice, which came too late for it.

    The notice was claimed, and its claim is committed: the lock on it would hold up whoever writes the digest.
    """
    copied = {name: getattr(row, name) for name in ("audience", "recipient", "channel")}
    own = upsert(OutboxRow).values({"key": row.digest, "name": DIGEST, "title": "Digest", "at": at} | copied)
    written = session.scalars(own.on_conflict_do_nothing(index_elements=["key"]).returning(OutboxRow.id)).one_or_none()
    if written is not None:
        waiting = (OutboxRow.digest == row.digest, OutboxRow.state.in_(("pending", "sending")))
        ids = session.scalars(select(OutboxRow.id).where(*waiting).order_by(OutboxRow.id).with_for_update()).all()
        values = {"state": "gathered", "not_before": None, "lease_until": None}
        session.execute(update(OutboxRow).where(OutboxRow.id.in_(ids)).values(values), execution_options=PLAIN)
    state = session.scalar(select(OutboxRow.state).where(OutboxRow.id == row.id))
    return state not in ("pending", "sending")


def gathered(session: Session, digest: str) -> Sequence[OutboxRow]:
    """Return the notices of a digest that is not settled yet, in the order in which they were written."""
    mine = (OutboxRow.digest == digest, OutboxRow.state == "gathered")
    return session.scalars(select(OutboxRow).where(*mine).order_by(OutboxRow.id)).all()


def settle_digest(session: Session, digest: str) -> None:
    """Give the notices of a digest the fate of the digest, where that is settled: sent, or given up."""
    own = session.execute(
        select(OutboxRow.state, OutboxRow.sent_at, OutboxRow.last_error).where(OutboxRow.key == digest)
    ).one()
    if own.state in ("sent", "failed"):
        mine = (OutboxRow.digest == digest, OutboxRow.state == "gathered")
        session.execute(update(OutboxRow).where(*mine).values(own._asdict()), execution_options=PLAIN)


CHANNELS = ("chat", "email", "webhook")


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
    own = [_key_of(row.key, channel) for channel in CHANNELS]  # its rows for further channels come with it
    for one in (row, *session.scalars(select(OutboxRow).where(OutboxRow.key.in_(own)).with_for_update())):
        one.orphaned, one.event_seq = False, seq
        if one.state == "cancelled":
            one.state = "pending"
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

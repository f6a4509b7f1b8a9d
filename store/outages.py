"""Outages of our making: a system that takes our credentials no more is asked by one call a minute, not by all."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from store.database import PLAIN
from store.tables.integrations import OutageRow

PROBE = timedelta(minutes=1)
"""How often one call may try whether it is let in again."""


class Admission(NamedTuple):
    """What a caller may do."""

    until: datetime | None = None
    """Until then nobody may ask; None: ask."""
    probing: bool = False
    """An outage lasts, and this caller is the one who tries."""


def admit(session: Session, whats: Sequence[str], now: datetime, probe: timedelta = PROBE) -> Admission:
    """Return whether one may ask, with these outages in the way: while one lasts, one caller in each `probe` may."""
    lasting = session.scalars(select(OutageRow).where(OutageRow.what.in_(whats))).all()
    if not lasting:
        return Admission()
    due = update(OutageRow).where(OutageRow.what.in_([row.what for row in lasting]), OutageRow.probe_at <= now)
    taken = session.scalars(due.values(probe_at=now + probe).returning(OutageRow.what), execution_options=PLAIN).all()
    if len(taken) == len(lasting):
        return Admission(probing=True)
    ahead = [row.probe_at for row in lasting if row.probe_at > now]
    return Admission(until=max(ahead, default=now + probe))  # none ahead: somebody else took the try just now


def begin(session: Session, what: str, now: datetime, probe: timedelta = PROBE) -> bool:
    """Record that `what` rejects our credentials. Returns True for the caller that opened the outage: that caller
    alerts ops."""
    row = insert(OutageRow).values(what=what, since=now, probe_at=now + probe)
    return session.scalars(row.on_conflict_do_nothing().returning(OutageRow.what)).one_or_none() is not None


def lasts(session: Session, what: str) -> bool:
    """Return whether this outage is under way."""
    return session.get(OutageRow, what) is not None


def end(session: Session, whats: Sequence[str]) -> dict[str, datetime]:
    """End the outages of systems that let us in again. Return those that are over by this, each with its beginning."""
    gone = delete(OutageRow).where(OutageRow.what.in_(whats)).returning(OutageRow.what, OutageRow.since)
    return {row.what: row.since for row in session.execute(gone, execution_options=PLAIN)}

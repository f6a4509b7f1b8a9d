"""Tables of reports: a record of each ticket, and its moments (F3).

Records and moments are made of the journal (`domain.report.record`), in its transaction, and can be made again.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base, Json


class TicketRecordRow(Base):
    """One ticket as reports count it: `domain.report.record.Record`.

    `state` is what following its events needs, but for its moments: they are rows of their own.
    """

    __tablename__ = "ticket_records"

    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.id"), primary_key=True)
    seq: Mapped[int]
    account: Mapped[str]
    plan: Mapped[str]
    priority: Mapped[str]
    category: Mapped[str]
    area: Mapped[str]
    channel: Mapped[str]
    language: Mapped[str]
    policy: Mapped[str]
    """The version of the policy that it opened under."""
    terms: Mapped[str]
    """What it was promised at its opening, by the digest in `terms`."""
    zone: Mapped[str]
    hour: Mapped[int] = mapped_column(SmallInteger)
    wait_open: Mapped[int | None]
    opened_at: Mapped[datetime]
    first_response: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    resolution: Mapped[str]
    discarded: Mapped[bool]
    cause: Mapped[str]
    """The issue, the incident, or a digest of the root cause as it was written; "" where nobody said any."""
    error: Mapped[str]
    """The fingerprint of the error that its texts show; "" where they show none."""
    article: Mapped[str]
    gap: Mapped[bool]
    win: Mapped[bool]
    outcomes: Mapped[Json | None]
    """F8: what became of its contract clocks, as of an event (`store.outcomes`). NULL of a record from before this
    column."""
    state: Mapped[Json]

    __table_args__ = (
        Index("ix_ticket_records_opened", "opened_at", postgresql_where=text("NOT discarded")),
        Index("ix_ticket_records_ended", "ended_at", postgresql_where=text("NOT discarded AND ended_at IS NOT NULL")),
        Index("ix_ticket_records_error", "error", postgresql_where=text("error <> '' AND article <> ''")),
    )  # fmt: skip


class TicketMomentRow(Base):
    """Something of a ticket that reports count, at its instant: `domain.report.record.Moment`."""

    __tablename__ = "ticket_moments"

    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    at: Mapped[datetime]
    seq: Mapped[int]
    plan: Mapped[str]
    priority: Mapped[str]
    tier: Mapped[str]
    side: Mapped[str | None]
    metric: Mapped[str | None]
    status: Mapped[str]
    since: Mapped[datetime | None]
    taken: Mapped[datetime | None]
    team: Mapped[str]
    agent: Mapped[str]
    figure: Mapped[int | None]

    __table_args__ = (
        Index("ix_ticket_moments_kind", "kind", "at"),
        Index("ix_ticket_moments_worked", "agent", "at", postgresql_where=text("kind = 'worked'")),
    )


class WeekPostRow(Base):
    """The report of a week was posted: one row for each week, kept for ever, so that it is posted once."""

    __tablename__ = "week_posts"

    week: Mapped[str] = mapped_column(primary_key=True)
    """As in `2026-W47`."""
    posted_at: Mapped[datetime]
    text: Mapped[str]
    """What was said; empty where there was nothing to say."""

"""The tables. What a column means is said here; how rows change is said in the module of each table.

All instants are `timestamptz` and travel in UTC. Names of indexes and constraints follow from the convention, so
that migrations can name them on any database.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    MetaData,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Json = dict[str, Any]

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {
        str: Text,
        datetime: DateTime(timezone=True),
        Decimal: Numeric,
        Json: JSONB,
        list[str]: ARRAY(Text),
    }


class TermsRow(Base):
    """What was promised (`domain.terms`), once for the thousands of tickets that share it."""

    __tablename__ = "terms"

    digest: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[Json]


class TicketRow(Base):
    """The ticket as its live events leave it: the projection, for lists and for the next event.

    `state` is the whole `domain.ticket.Ticket` but for its terms; the other columns are derived from it, for queries.
    """

    __tablename__ = "tickets"

    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int]
    epoch: Mapped[int]
    """1, and one more for every workflow reset that rewrote the ticket's past."""
    source: Mapped[str]
    external_id: Mapped[str]
    account: Mapped[str]
    plan: Mapped[str]
    status: Mapped[str]
    tier: Mapped[str]
    priority: Mapped[str]
    category: Mapped[str]
    assignee: Mapped[str | None]
    sla_state: Mapped[str]
    sla_deadline: Mapped[datetime | None]
    waits_on: Mapped[str]
    waits_since: Mapped[datetime | None]
    urgency: Mapped[int] = mapped_column(SmallInteger)
    """G10: 0 part of an open incident, 1 breached, 2 neither."""
    lane: Mapped[int] = mapped_column(SmallInteger)
    """G10: the plan's path, 0 straight to engineering to 3 community."""
    churn_counts: Mapped[bool]
    """F1: it is decided whether the ticket is a problem of its own or part of an incident."""
    opened_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    jira_key: Mapped[str | None]
    incident_number: Mapped[int | None]
    parent: Mapped[str | None]
    refs: Mapped[list[str]]
    terms: Mapped[str] = mapped_column(ForeignKey("terms.digest"))
    state: Mapped[Json]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index(
            "ix_tickets_queue", "urgency", "sla_deadline", "lane", "opened_at",
            postgresql_where=text("status IN ('new', 'open', 'pending')"),
        ),
        Index("ix_tickets_status", "status"),
        Index("ix_tickets_churn", "account", "opened_at", postgresql_where=text("churn_counts")),
    )  # fmt: skip


class EventRow(Base):
    """The journal: every event of every ticket, for ever. Rows are never changed but to supersede a dead branch."""

    __tablename__ = "ticket_events"

    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.id"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str]
    version: Mapped[int] = mapped_column(SmallInteger)
    """Of the body's form; `store.upcast` brings older ones up to date."""
    at: Mapped[datetime]
    detected: Mapped[datetime]
    received: Mapped[datetime | None]
    occurred: Mapped[datetime | None]
    due: Mapped[datetime | None]
    """Of a deadline's event: when it was due."""
    actor_id: Mapped[str]
    actor_role: Mapped[str]
    command_id: Mapped[str | None]
    source: Mapped[str | None]
    body: Mapped[Json]
    """Terms in it are given by their digest."""
    text_names: Mapped[list[str]]
    """Which texts came with it. They stay when the texts are erased: a fold needs to know that they were there."""
    digest: Mapped[str]
    run_id: Mapped[str]
    """The workflow run that recorded it; `closed` for what came after the workflow's end."""
    superseded: Mapped[bool] = mapped_column(server_default=text("false"))
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        # Whatever else goes wrong, a place in a ticket's life is taken by one live event.
        Index("uq_ticket_events_live", "ticket_id", "seq", unique=True, postgresql_where=text("NOT superseded")),
        Index("ix_ticket_events_type", "type", "at"),
    )  # fmt: skip


class TextRow(Base):
    """Free text of an event, apart from it: erasing a person is a delete."""

    __tablename__ = "texts"

    ticket_id: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]

    __table_args__ = (
        ForeignKeyConstraint(
            ["ticket_id", "epoch", "seq"], ["ticket_events.ticket_id", "ticket_events.epoch", "ticket_events.seq"]
        ),
    )  # fmt: skip


class OutboxRow(Base):
    """A notice to be sent, written together with the event that causes it (F5)."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    """The same on every try: the receiver drops repeats by it."""
    ticket_id: Mapped[str | None]
    event_seq: Mapped[int | None]
    """None for what belongs to no single event: a churn alert."""
    name: Mapped[str]
    audience: Mapped[str]
    recipient: Mapped[str | None]
    title: Mapped[str]
    at: Mapped[datetime]
    """When what it tells of was detected, by the ticket's own time."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    not_before: Mapped[datetime | None]
    """The next try, or the end of the quiet hours. None: at once."""
    state: Mapped[str] = mapped_column(server_default="pending")
    orphaned: Mapped[bool] = mapped_column(server_default=text("false"))
    """The event that caused it was superseded, and no live one has taken it over."""
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    last_error: Mapped[str | None]
    sent_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("state IN ('pending', 'sending', 'sent', 'failed', 'cancelled')", name="state"),
        Index("ix_outbox_due", "id", postgresql_where=text("state IN ('pending', 'sending')")),
        Index("ix_outbox_ticket_id", "ticket_id"),
    )  # fmt: skip


class RefusalRow(Base):
    """A command that the front door refused: it leaves no event and no history."""

    __tablename__ = "refusals"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    ticket_id: Mapped[str | None] = mapped_column(index=True)
    command: Mapped[str]
    actor_id: Mapped[str]
    role: Mapped[str]
    code: Mapped[str]
    missing: Mapped[list[str]]
    channel: Mapped[str]
    """The way in: cli, api, page, webhook, signal."""


class InboxRow(Base):
    """A delivery from outside, stored before it is acted on."""

    __tablename__ = "inbox"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    source: Mapped[str]
    delivery_id: Mapped[str]
    received: Mapped[datetime]
    payload: Mapped[Json]
    ticket_id: Mapped[str | None] = mapped_column(index=True)
    handled_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("source", "delivery_id"),
        Index("ix_inbox_unhandled", "id", postgresql_where=text("handled_at IS NULL")),
    )  # fmt: skip


class AccountRow(Base):
    """A customer, by id. No name, no address."""

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(primary_key=True)
    plan: Mapped[str]
    health: Mapped[str]
    arr: Mapped[Decimal | None]
    fee: Mapped[Decimal | None]
    """A month's fee. ARR and fee are in the company's one currency."""
    csm: Mapped[str | None]
    zone: Mapped[str | None]
    region: Mapped[str | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class IncidentRow(Base):
    """An incident. At most one is open for an area and fingerprint."""

    __tablename__ = "incidents"

    number: Mapped[int] = mapped_column(Identity(), primary_key=True)
    area: Mapped[str]
    fingerprint: Mapped[str]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        Index("uq_incidents_open", "area", "fingerprint", unique=True, postgresql_where=text("closed_at IS NULL")),
    )  # fmt: skip


class IncidentTicketRow(Base):
    """A ticket's part in an incident, by the effect that asked for it."""

    __tablename__ = "incident_tickets"

    effect_key: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(ForeignKey("incidents.number"), index=True)
    ticket_id: Mapped[str]
    joined_at: Mapped[datetime]


class JiraLinkRow(Base):
    """What became of one effect that makes a Jira issue: the intent, then the link."""

    __tablename__ = "jira_links"

    effect_key: Mapped[str] = mapped_column(primary_key=True)
    ticket_id: Mapped[str] = mapped_column(index=True)
    seq: Mapped[int]
    kind: Mapped[str]
    label: Mapped[str]
    phase: Mapped[str]
    attempt: Mapped[int]
    """How often it was posted, as far as nobody knows that nothing was made."""
    lease_until: Mapped[datetime]
    """Until then the issue of the last attempt may still turn up."""
    first_post_at: Mapped[datetime]
    jira_key: Mapped[str | None]
    jira_url: Mapped[str | None]
    last_version: Mapped[datetime | None]
    """The issue's own time of change, as far as tickets were told."""
    category: Mapped[str | None]
    error: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("phase IN ('posting', 'linked', 'refused')", name="phase"),
        Index("ix_jira_links_jira_key", "jira_key"),
        Index("ix_jira_links_open", "effect_key", postgresql_where=text("phase = 'linked' AND category <> 'done'")),
    )  # fmt: skip


class ChurnAlertRow(Base):
    """F1: one alert for an account and window."""

    __tablename__ = "churn_alerts"

    account: Mapped[str] = mapped_column(primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    tickets: Mapped[list[str]]
    updated_at: Mapped[datetime]


class KbArticleRow(Base):
    """A knowledge base article. G9's "gap" opens a draft."""

    __tablename__ = "kb_articles"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    state: Mapped[str]
    ticket_id: Mapped[str | None]
    """The ticket that showed the gap."""
    event_seq: Mapped[int | None]
    product_area: Mapped[str]
    title: Mapped[str]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("state IN ('draft', 'published', 'retired')", name="state"),
        UniqueConstraint("ticket_id", "event_seq"),
    )  # fmt: skip

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
    """What was promised (`domain.clocks.terms`), once for the thousands of tickets that share it."""

    __tablename__ = "terms"

    digest: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[Json]


class TicketRow(Base):
    """The ticket as its live events leave it: the projection, for lists and for the next event.

    `state` is the whole `domain.ticket.state.Ticket` but for its terms; the other columns are derived, for queries.
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
    team: Mapped[str | None]
    """G10: whose it is."""
    account_unknown: Mapped[bool] = mapped_column(server_default=text("false"))
    """Nobody has told of the account yet."""
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
    erased_at: Mapped[datetime | None]
    """The person was erased then: texts from before never come back, also not from a workflow that is reset."""
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index(
            "ix_tickets_queue", "urgency", "sla_deadline", "lane", "opened_at",
            postgresql_where=text("status IN ('new', 'open', 'pending')"),
        ),
        Index("ix_tickets_status", "status"),
        Index("ix_tickets_account", "account", "opened_at"),
        Index("ix_tickets_churn", "account", "opened_at", postgresql_where=text("churn_counts")),
        Index("ix_tickets_unknown", "account", postgresql_where=text("account_unknown")),
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
        Index("ix_outbox_over", "created_at", postgresql_where=text("state IN ('sent', 'failed', 'cancelled')")),
    )  # fmt: skip


class RefusalRow(Base):
    """A command that the front door refused: it leaves no event and no history.

    Whoever shows no good token is counted elsewhere: `turned_away`.
    """

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
    """An incident. At most one is open for an area and fingerprint.

    The row is there before the incident's workflow starts. From its first event on, `state` is the whole
    `domain.incident.state.Incident` as its live events leave it; the other columns are derived from it, for queries.
    """

    __tablename__ = "incidents"

    number: Mapped[int] = mapped_column(Identity(), primary_key=True)
    area: Mapped[str]
    fingerprint: Mapped[str]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    """No ticket joins it any more."""
    seq: Mapped[int] = mapped_column(server_default=text("0"))
    epoch: Mapped[int] = mapped_column(server_default=text("1"))
    """1, and one more for every workflow reset that rewrote the incident's past."""
    status: Mapped[str] = mapped_column(server_default="declared")
    priority: Mapped[str | None]
    commander: Mapped[str | None]
    drill: Mapped[bool] = mapped_column(server_default=text("false"))
    acknowledged_at: Mapped[datetime | None]
    mitigated_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    reviewed_at: Mapped[datetime | None]
    page_keys: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    """The keys under which the pager knows it."""
    state: Mapped[Json | None]

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
    heard: Mapped[bool] = mapped_column(server_default=text("false"))
    """The incident itself knows of it: it stands in its journal."""


class IncidentEventRow(Base):
    """The journal of incidents: every event, for ever. Rows are never changed but to supersede a dead branch."""

    __tablename__ = "incident_events"

    number: Mapped[int] = mapped_column(ForeignKey("incidents.number"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str]
    at: Mapped[datetime]
    detected: Mapped[datetime]
    actor_id: Mapped[str]
    actor_role: Mapped[str]
    event: Mapped[Json]
    """The whole event, but for its texts, which are empty strings here."""
    digest: Mapped[str]
    run_id: Mapped[str]
    superseded: Mapped[bool] = mapped_column(server_default=text("false"))
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index("uq_incident_events_live", "number", "seq", unique=True, postgresql_where=text("NOT superseded")),
    )  # fmt: skip


class IncidentTextRow(Base):
    """Free text of an incident's event, apart from it: erasing a person is a delete."""

    __tablename__ = "incident_texts"

    number: Mapped[int] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]

    __table_args__ = (
        ForeignKeyConstraint(
            ["number", "epoch", "seq"],
            ["incident_events.number", "incident_events.epoch", "incident_events.seq"],
        ),
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


class ErasureRow(Base):
    """A person was erased from a ticket: who did it, when and why, and how much there was. Never what it said."""

    __tablename__ = "erasures"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    reason: Mapped[str]
    scope: Mapped[str]
    """What was asked for: a ticket, an account, or a requester, whose id is not kept."""
    ticket_id: Mapped[str | None] = mapped_column(index=True)
    """None: what belonged to no ticket."""
    texts: Mapped[int]
    deliveries: Mapped[int]
    names: Mapped[int]
    """Places in which a customer's id stood."""

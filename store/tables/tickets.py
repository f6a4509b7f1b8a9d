"""Tables of tickets: the projection, and what is counted and kept around it."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base, Json

WAITS_FOR_AN_ISSUE = """tickets.jira_key IS NOT NULL
    AND (tickets.status IN ('new', 'open', 'pending')
        OR tickets.state ->> 'resolution' IN ('feature_request', 'workaround'))
    AND coalesce(tickets.state -> 'jira' ->> 'answered', 'false') = 'false'
    AND coalesce(tickets.state -> 'jira' ->> 'shipped', 'false') = 'false'
    AND coalesce(tickets.state -> 'jira' ->> 'category', 'new') NOT IN ('done', 'gone')"""
"""F4, F10: the customer of a ticket waits for what engineering has open. The index has it word for word."""


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
    """The account is not known yet."""
    sla_state: Mapped[str]
    sla_deadline: Mapped[datetime | None]
    sla_counted: Mapped[str | None]
    """What the deadline is counted on: `domain.ticket.time_left.Counted`. NULL of a ticket from before this column."""
    sla_left: Mapped[timedelta | None]
    """The support time that is left while the clocks stand still."""
    account_zone: Mapped[str | None]
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
    flags: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    """`domain.ticket.derived.flags`."""
    asked: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    """G15: whom its open questions are put to."""
    promise_due: Mapped[datetime | None]
    """G16: when its next promise is due."""
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
        Index("ix_tickets_updated_at", "updated_at"),
        Index("ix_tickets_promise_due", "promise_due", postgresql_where=text("promise_due IS NOT NULL")),
        Index("ix_tickets_asked", "asked", postgresql_using="gin", postgresql_where=text("asked <> '{}'")),
        Index("ix_tickets_account", "account", "opened_at", text("coalesce(closed_at, 'infinity'::timestamptz)")),
        Index(
            "ix_tickets_account_active", "account", "urgency", "sla_deadline", "lane", "opened_at", "id",
            postgresql_where=text("status IN ('new', 'open', 'pending')"),
        ),
        Index(
            "ix_tickets_account_incident", "account", "incident_number",
            postgresql_where=text("incident_number IS NOT NULL"),
        ),
        Index(
            "ix_tickets_account_issue", "account", "opened_at", postgresql_where=text("jira_key IS NOT NULL")
        ),
        Index("ix_tickets_wanted", "jira_key", "account", postgresql_where=text(WAITS_FOR_AN_ISSUE)),
        Index("ix_tickets_assignee", "assignee", "opened_at"),
        Index(
            "ix_tickets_assignee_active", "assignee", "sla_deadline", "sla_state",
            postgresql_where=text("status IN ('new', 'open', 'pending')"),
        ),
        Index(
            "ix_tickets_waits", "waits_since", "waits_on", "tier", "id",
            postgresql_where=text("status IN ('new', 'open', 'pending')"),
        ),
        Index("ix_tickets_attention", "id", postgresql_where=text("flags @> '{attention}'")),
        Index(
            "ix_tickets_ended", text("coalesce(resolved_at, closed_at)"), "tier",
            postgresql_include=["resolved_at", "closed_at"],
        ),
        Index("ix_tickets_opened", "opened_at", "id"),
        Index(
            "ix_tickets_with_texts", "closed_at",
            postgresql_where=text("closed_at IS NOT NULL AND (erased_at IS NULL OR erased_at < closed_at)"),
        ),
        Index("ix_tickets_external_id", "external_id"),
        Index("ix_tickets_jira_key", "jira_key"),
        Index(
            "ix_tickets_fix_versions", text("((state -> 'jira'::text) -> 'fix_versions'::text)"),
            postgresql_using="gin", postgresql_where=text("jira_key IS NOT NULL"),
        ),
        Index("ix_tickets_churn", "account", "opened_at", postgresql_where=text("churn_counts")),
        Index("ix_tickets_unknown", "account", postgresql_where=text("account_unknown")),
    )  # fmt: skip


class RefusalRow(Base):
    """A command that a service refused: it leaves no event and no history.

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

    __table_args__ = (
        Index("ix_accounts_csm", "csm", postgresql_where=text("csm IS NOT NULL")),
        Index("ix_accounts_without_csm", "plan", postgresql_where=text("csm IS NULL")),
    )


class AccountHealthRow(Base):
    """What a CRM said last of an account's health and usage. Erasing the account deletes it."""

    __tablename__ = "account_health"

    account: Mapped[str] = mapped_column(primary_key=True)
    """Its id. It may be one that only tickets name."""
    health: Mapped[str]
    usage: Mapped[Json]
    """Figure -> number or word."""
    reason: Mapped[str]
    said_by: Mapped[str]
    said_at: Mapped[datetime]
    """As of when it was said: the latest word counts."""


class AccountRenewalRow(Base):
    """A word of a CRM about the renewal of an account. None is changed: what is corrected is said again."""

    __tablename__ = "account_renewals"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    account: Mapped[str]
    said_id: Mapped[str]
    """The sender's own id of it: the same again is no other word."""
    renews_on: Mapped[date]
    outcome: Mapped[str]
    arr: Mapped[Decimal | None]
    """The yearly revenue from then on."""
    said_by: Mapped[str]
    came_at: Mapped[datetime]

    __table_args__ = (
        Index("uq_account_renewals_said", "account", "said_id", unique=True),
        Index("ix_account_renewals_on", "renews_on", "account"),
    )


class ChurnAlertRow(Base):
    """F1: one alert for an account and window."""

    __tablename__ = "churn_alerts"

    account: Mapped[str] = mapped_column(primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    tickets: Mapped[list[str]]
    updated_at: Mapped[datetime]
    raised_at: Mapped[datetime | None]
    """NULL of an alert from before this column."""


class KbArticleRow(Base):
    """A draft of an article: opened by G9's "gap", or for what is searched for in vain. It is `published` when a file
    that finishes it was imported."""

    __tablename__ = "kb_articles"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    state: Mapped[str]
    ticket_id: Mapped[str | None]
    """The ticket that showed the gap."""
    event_seq: Mapped[int | None]
    product_area: Mapped[str]
    title: Mapped[str]
    created_at: Mapped[datetime]
    query: Mapped[str | None] = mapped_column(unique=True)
    """What was searched for in vain; None: a ticket showed the gap."""
    slug: Mapped[str] = mapped_column(server_default="")
    """The file that it becomes, without `.md`; empty until somebody has written it."""
    body: Mapped[str] = mapped_column(server_default="")
    """Markdown; empty until somebody has written it: then it is made of the ticket."""
    revision: Mapped[int] = mapped_column(server_default="0")
    """One more for each change: a change of what somebody else has changed meanwhile is refused."""
    changed_by: Mapped[str | None]
    changed_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("state IN ('draft', 'published', 'retired')", name="state"),
        UniqueConstraint("ticket_id", "event_seq"),
        Index("ix_kb_articles_product_area", "product_area", "created_at"),
    )  # fmt: skip

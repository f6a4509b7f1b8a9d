"""Tables of what is shared with other systems: what comes in and goes out, who may ask, and what is linked."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base, Json, LeasedRow


class OutboxRow(LeasedRow):
    """A notice to be sent, written together with the event that causes it (F5)."""

    __tablename__ = "outbox"

    key: Mapped[str] = mapped_column(unique=True)
    """The same on every try: the receiver drops repeats by it."""
    ticket_id: Mapped[str | None]
    incident_number: Mapped[int | None]
    event_seq: Mapped[int | None]
    """None for what belongs to no single event: a churn alert."""
    name: Mapped[str]
    audience: Mapped[str]
    recipient: Mapped[str | None]
    channel: Mapped[str | None]
    """Through what it is sent: chat, email or webhook. None until it is first taken."""
    title: Mapped[str]
    priority: Mapped[str | None]
    deadline: Mapped[datetime | None]
    """Of the ticket or incident, as the event left it."""
    at: Mapped[datetime]
    """When the event that it is about was detected, by the ticket's own time."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    state: Mapped[str] = mapped_column(server_default="pending")
    orphaned: Mapped[bool] = mapped_column(server_default=text("false"))
    """The event that caused it was superseded, and no live one has taken it over."""
    lease_until: Mapped[datetime | None]
    last_error: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    digest: Mapped[str | None]
    """The key of the digest that it waits for. In the state `gathered` it is part of it, and shares its fate."""

    __table_args__ = (
        CheckConstraint("state IN ('pending', 'sending', 'sent', 'failed', 'cancelled', 'gathered')", name="state"),
        Index("ix_outbox_digest", "digest", postgresql_where=text("digest IS NOT NULL")),
        Index("ix_outbox_due", "id", postgresql_where=text("state IN ('pending', 'sending')")),
        Index("ix_outbox_ticket_id", "ticket_id"),
        Index(
            "ix_outbox_incident_number", "incident_number", postgresql_where=text("incident_number IS NOT NULL")
        ),
        Index("ix_outbox_over", "created_at", postgresql_where=text("state IN ('sent', 'failed', 'cancelled')")),
    )  # fmt: skip


class InboxRow(LeasedRow):
    """A delivery from outside, stored before it is acted on."""

    __tablename__ = "inbox"

    source: Mapped[str]
    delivery_id: Mapped[str]
    received: Mapped[datetime]
    payload: Mapped[Json]
    ticket_id: Mapped[str | None] = mapped_column(index=True)
    handled_at: Mapped[datetime | None]
    about: Mapped[str] = mapped_column(server_default="")
    """What it concerns: deliveries of one source about the same thing are acted on in order."""
    error: Mapped[str | None]
    """Why the last try failed, or why it led to nothing."""
    stopped_at: Mapped[datetime | None]
    """Set aside: our own code fails at it, so it is not tried any more until somebody says so."""
    trace: Mapped[str | None]
    """The span in which it came, as W3C Trace Context spells it; None where nobody traces."""

    __table_args__ = (
        UniqueConstraint("source", "delivery_id"),
        Index(
            "ix_inbox_unhandled", "source", "about", "id",
            postgresql_where=text("handled_at IS NULL AND stopped_at IS NULL"),
        ),
        Index("ix_inbox_stopped", "id", postgresql_where=text("stopped_at IS NOT NULL")),
        Index("ix_inbox_handled", "handled_at", postgresql_where=text("handled_at IS NOT NULL")),
        Index(
            "ix_inbox_full", "handled_at",
            postgresql_where=text("handled_at IS NOT NULL AND error IS NULL AND payload <> '{}'::jsonb"),
        ),
    )  # fmt: skip


class TokenRow(Base):
    """A bearer token of the API. Its secret is not here."""

    __tablename__ = "tokens"

    id: Mapped[str] = mapped_column(primary_key=True)
    """The part of the token that may be shown."""
    digest: Mapped[bytes]
    """SHA-256 of the secret."""
    actor: Mapped[str]
    """Who it speaks for, as events name them."""
    role: Mapped[str]
    sources: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    """Of an integration: the sources under which it opens tickets, and for whose tickets it speaks."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    """When it was last used, to the minute; None: never, or not since this is noted."""


class TurnedAwayRow(Base):
    """How often who has shown no good token or signature was turned away, by the minute: so nobody fills the database
    by knocking. Refusals of those who have shown one are rows of `refusals`."""

    __tablename__ = "turned_away"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    minute: Mapped[datetime]
    channel: Mapped[str]
    """The way in: api or webhook."""
    source: Mapped[str]
    """Of a webhook: whose signature was wrong, where that is set up; empty otherwise."""
    token: Mapped[str]
    """The id of the token that was shown, where we gave it out; empty otherwise."""
    code: Mapped[str]
    times: Mapped[int]
    last_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("minute", "channel", "source", "token", "code"),)


class IssueDemandRow(Base):
    """What an issue was told of who waits for it (F10)."""

    __tablename__ = "issue_demand"

    jira_key: Mapped[str] = mapped_column(primary_key=True)
    told: Mapped[str]
    """The words of the link; empty where the issue refused it, and none stands there."""
    ticket: Mapped[str]
    """The ticket that the link leads to."""
    told_at: Mapped[datetime]


class IssueLinkRow(Base):
    """What became of one effect that makes a Jira issue, or a comment on one: the intent, then the link."""

    __tablename__ = "jira_links"

    effect_key: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(index=True)
    """The workflow whose effect it is: `ticket-<id>` or `incident-<n>`."""
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
    jira_id: Mapped[str | None] = mapped_column(index=True)
    """Jira's own number of the issue, which it keeps when it moves to another project."""
    last_version: Mapped[datetime | None]
    """The issue's own time of change, of the latest change that its owner was notified of."""
    category: Mapped[str | None]
    """What its owner was notified of last: the category of the issue's status, or `gone`."""
    notified_digest: Mapped[str | None] = mapped_column("told")
    """A digest of the last update that its owner got: the same again is no news."""
    notified_at: Mapped[datetime | None] = mapped_column("told_at")
    watched: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether the sweep looks at it: from the link on, until its issue has been done for long, or is gone."""
    fingerprint: Mapped[str | None]
    """The label that tickets about the same problem share."""
    twins_due: Mapped[datetime | None]
    """When to look whether an attempt without an answer has made a second issue."""
    error: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("phase IN ('posting', 'linked', 'refused')", name="phase"),
        Index("ix_jira_links_jira_key", "jira_key"),
        Index("ix_jira_links_watched", "effect_key", postgresql_where=text("watched")),
        Index("ix_jira_links_fingerprint", "fingerprint", postgresql_where=text("fingerprint IS NOT NULL")),
        Index("ix_jira_links_twins_due", "twins_due", postgresql_where=text("twins_due IS NOT NULL")),
    )  # fmt: skip


class OutageRow(Base):
    """An outside system does not do its part: it takes our credentials no more, for all that we ask of it or for one
    thing; or what we asked for is late."""

    __tablename__ = "outages"

    what: Mapped[str] = mapped_column(primary_key=True)
    """As in `jira`, `jira: create issues` or `jira: late`."""
    since: Mapped[datetime]
    probe_at: Mapped[datetime]
    """When one call may try again, or ops may be alerted again. Until then no call is made and no alert is sent."""


class ReconciliationRow(Base):
    """The latest look for tickets and incidents that are open here and have no running workflow at Temporal."""

    __tablename__ = "reconciliations"

    what: Mapped[str] = mapped_column(primary_key=True)
    """`workflows`; `comparison`, which looks both ways and resumes nothing; or `credits`, of which only the beginning
    is kept."""
    begun_at: Mapped[datetime]
    """When a process last began a round. Until the next one is due, no other process begins one."""
    ended_at: Mapped[datetime | None]
    """When the latest complete round ended; the counts are its counts."""
    tickets: Mapped[int] = mapped_column(server_default=text("0"))
    """Open tickets that had no running workflow."""
    incidents: Mapped[int] = mapped_column(server_default=text("0"))
    """Open incidents that had no running workflow."""
    not_resumed: Mapped[int] = mapped_column(server_default=text("0"))
    """How many of both could not be resumed."""
    behind: Mapped[int] = mapped_column(server_default=text("0"))
    """Of a comparison: how many workflows run and have decided what their journals lack."""
    over: Mapped[int] = mapped_column(server_default=text("0"))
    """Of a comparison: how many workflows run whose journal says that all is done."""
    not_looked_at: Mapped[int] = mapped_column(server_default=text("0"))
    """Of a comparison: how many differences were seen in the lists only."""


class SubscriptionRow(Base):
    """A subscriber to what happens to tickets, as the relay's settings last named it."""

    __tablename__ = "destinations"

    name: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str | None]
    """Only tickets that came from there, for the helpdesk that they go back to. None: all."""
    events: Mapped[list[str] | None]
    """Only these types of events. None: all."""
    active: Mapped[bool]


class WebhookRow(LeasedRow):
    """An event that is to be sent to a subscriber. Written with the event; its content is read from the journal
    when it is sent, so that erasing a person reaches what has not been sent."""

    __tablename__ = "feed"

    destination: Mapped[str]
    ticket_id: Mapped[str]
    epoch: Mapped[int]
    seq: Mapped[int]
    state: Mapped[str] = mapped_column(server_default="pending")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_error: Mapped[str | None]
    sent_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("state IN ('pending', 'sent', 'failed')", name="state"),
        UniqueConstraint("destination", "ticket_id", "epoch", "seq"),
        Index("ix_feed_pending", "destination", "ticket_id", "id", postgresql_where=text("state = 'pending'")),
        Index("ix_feed_over", "created_at", postgresql_where=text("state IN ('sent', 'failed')")),
    )  # fmt: skip


class HelpdeskLinkRow(Base):
    """A ticket of a helpdesk, and the one of ours that speaks for it now."""

    __tablename__ = "helpdesk_links"

    system: Mapped[str] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    ticket_id: Mapped[str] = mapped_column(index=True)
    """The last of ours: what the customer writes after closing opens a linked one (C10)."""
    last_read: Mapped[int] = mapped_column("heard", BigInteger, server_default=text("0"))
    """The helpdesk's number of the last thing that we have acted on."""
    fields: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    """The fields as they were last sent there."""

"""Tables of the pages for people: who is signed in, what they type and note, and reply templates."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base, Json


class SessionRow(Base):
    """A person who is signed in at one browser. The cookie's secret is not here."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(primary_key=True)
    """The part of the cookie that may be shown."""
    digest: Mapped[bytes]
    """SHA-256 of the cookie's secret."""
    token_id: Mapped[str | None] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"), index=True)
    """The token that the person signed in with: its end is the session's. None: signed in another way."""
    actor: Mapped[str]
    role: Mapped[str]
    zone: Mapped[str]
    """The IANA zone of the browser, in which instants are shown."""
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    """When it was last used, to the minute."""
    expires_at: Mapped[datetime] = mapped_column(index=True)
    """When it ends, used or not."""


class VisitRow(Base):
    """When a person was at the desk, in whichever browser."""

    __tablename__ = "visits"

    actor: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]
    """The last time, to the minute."""
    away_since: Mapped[datetime | None]
    """When they were there for the last time before they came back, after a break (`store.visits.BREAK`)."""


class SignInCodeRow(Base):
    """A link with which one person signs in once."""

    __tablename__ = "sign_in_codes"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    """SHA-256 of the code."""
    token_id: Mapped[str] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"))
    """The token as whose holder the person signs in."""
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class AccountNoteRow(Base):
    """A note about an account that support and customer success share. Erasing the account deletes it."""

    __tablename__ = "account_notes"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    account: Mapped[str]
    """Its id. It may be one that only tickets name."""
    key: Mapped[str] = mapped_column(unique=True)
    """Of the form that wrote it: the form sent again is the same note."""
    text: Mapped[str]
    written_by: Mapped[str]
    written_at: Mapped[datetime]
    revision: Mapped[int] = mapped_column(server_default="1")
    """One more for each change: a change of what somebody else has changed meanwhile is refused."""
    changed_by: Mapped[str | None]
    changed_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_account_notes_account", "account", "written_at"),)


class ReplyTemplateRow(Base):
    """A reply template (F9). It is never deleted: replies name it, and are counted by its name."""

    __tablename__ = "reply_templates"

    name: Mapped[str] = mapped_column(primary_key=True)
    situation: Mapped[str]
    channel: Mapped[str | None]
    """None: any."""
    language: Mapped[str]
    tone: Mapped[str]
    body: Mapped[str]
    retired: Mapped[bool]
    """It is offered no more."""
    version: Mapped[int]
    """1, and one more with each change: a change to an older one is refused."""
    updated_by: Mapped[str]
    updated_at: Mapped[datetime]


class DraftRow(Base):
    """What a person has typed into the form of a command, and has not sent."""

    __tablename__ = "drafts"

    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.id"), primary_key=True)
    actor: Mapped[str] = mapped_column(primary_key=True)
    command: Mapped[str] = mapped_column(primary_key=True)
    fields: Mapped[Json]
    """Field -> text. Empty: it was sent, or given up."""
    sent: Mapped[str | None]
    """The form that was sent, or replaced by a new one, last: what it still saves after that is dropped."""
    saved_at: Mapped[datetime] = mapped_column(index=True)


class PresenceRow(Base):
    """A person who has a ticket open. The table is not logged: a crash of the database empties it."""

    __tablename__ = "presence"

    ticket_id: Mapped[str] = mapped_column(primary_key=True)
    actor: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(index=True)
    wrote_at: Mapped[datetime | None]

    __table_args__ = {"prefixes": ["UNLOGGED"]}


class PolicyTrialRow(Base):
    """A backtest of a policy that somebody started at the desk. The latest are kept (`store.policy_trials`)."""

    __tablename__ = "policy_trials"

    id: Mapped[str] = mapped_column(primary_key=True)
    by: Mapped[str]
    started: Mapped[datetime]
    asked: Mapped[Json]
    """The policy and what it was tried on, `services.policy_trials.Asked`."""
    state: Mapped[str]
    """`running`, `done` or `failed`. A process that was killed leaves `running` behind."""
    error: Mapped[str]
    result: Mapped[Json]

"""Tables of the journals of tickets and incidents: events, their texts, the terms that they share, and erasures."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Identity, Index, SmallInteger, func, text
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base, Json


class TermsRow(Base):
    """What was promised (`domain.clocks.terms`), once for the thousands of tickets that share it."""

    __tablename__ = "terms"

    digest: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[Json]


class EventColumns:
    """The columns that the journals of tickets and of incidents share. Each adds its key and its own.

    Rows are kept for ever, and never changed but to supersede a dead branch and to erase a person's id.
    """

    epoch: Mapped[int] = mapped_column(primary_key=True)
    """1, and one more for every workflow reset that rewrote the past."""
    seq: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str]
    version: Mapped[int] = mapped_column(SmallInteger)
    """The version of the body's form; `store.journal.upcast` brings older ones up to date."""
    at: Mapped[datetime]
    detected: Mapped[datetime]
    actor_id: Mapped[str]
    actor_role: Mapped[str]
    digest: Mapped[str]
    run_id: Mapped[str]
    """The workflow run that recorded the event; `closed` for what came after the workflow's end."""
    superseded: Mapped[bool] = mapped_column(server_default=text("false"))
    """A workflow reset rewrote the past that the event belongs to."""
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())


class TextColumns:
    """The columns of free text, which is kept apart from its event: erasing a person is a delete."""

    epoch: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]


class EventRow(EventColumns, Base):
    """The journal of tickets."""

    __tablename__ = "ticket_events"

    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.id"), primary_key=True, sort_order=-1)
    received: Mapped[datetime | None]
    occurred: Mapped[datetime | None]
    due: Mapped[datetime | None]
    """Of a deadline's event: when it was due."""
    command_id: Mapped[str | None]
    source: Mapped[str | None]
    body: Mapped[Json]
    """Terms in it are given by their digest."""
    text_names: Mapped[list[str]]
    """Which texts came with it. They stay when the texts are erased: a fold needs to know that they were there."""

    __table_args__ = (
        # Whatever else goes wrong, a place in a ticket's life is taken by one live event.
        Index("uq_ticket_events_live", "ticket_id", "seq", unique=True, postgresql_where=text("NOT superseded")),
        Index("ix_ticket_events_type", "type", "at"),
        Index(
            "ix_ticket_events_customer", "actor_id",
            postgresql_where=text("actor_role IN ('customer', 'integration')"),
        ),
        Index(
            "ix_ticket_events_template", text("(body ->> 'template')"), "at",
            postgresql_where=text("body ->> 'template' IS NOT NULL"),
        ),
    )  # fmt: skip


class TextRow(TextColumns, Base):
    """Free text of a ticket's event."""

    __tablename__ = "texts"

    ticket_id: Mapped[str] = mapped_column(primary_key=True, sort_order=-1)

    __table_args__ = (
        ForeignKeyConstraint(
            ["ticket_id", "epoch", "seq"], ["ticket_events.ticket_id", "ticket_events.epoch", "ticket_events.seq"]
        ),
        Index("ix_texts_words", text("to_tsvector('simple', text)"), postgresql_using="gin"),
    )  # fmt: skip


class KeptTextRow(Base):
    """A text as it came, whole, where the event has it shortened or without its markup."""

    __tablename__ = "kept_texts"

    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    """Made of the text itself: the same text again is the same row."""
    why: Mapped[str]
    """`long` or `html`."""
    text: Mapped[str]
    kept_at: Mapped[datetime] = mapped_column(server_default=func.now())


class IncidentEventRow(EventColumns, Base):
    """The journal of incidents."""

    __tablename__ = "incident_events"

    number: Mapped[int] = mapped_column(ForeignKey("incidents.number"), primary_key=True, sort_order=-1)
    version: Mapped[int] = mapped_column(SmallInteger, server_default=text("1"))
    event: Mapped[Json]
    """The whole event, but for its texts, which are empty strings here."""

    __table_args__ = (
        Index("uq_incident_events_live", "number", "seq", unique=True, postgresql_where=text("NOT superseded")),
    )  # fmt: skip


class IncidentTextRow(TextColumns, Base):
    """Free text of an incident's event."""

    __tablename__ = "incident_texts"

    number: Mapped[int] = mapped_column(primary_key=True, sort_order=-1)

    __table_args__ = (
        ForeignKeyConstraint(
            ["number", "epoch", "seq"],
            ["incident_events.number", "incident_events.epoch", "incident_events.seq"],
        ),
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

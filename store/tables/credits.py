"""Tables of money: the contract breaches that stand, the ledger of what is owed for them (F2), and refunds (F6)."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base


class ContractBreachRow(Base):
    """A contract breach that stands (`domain.credits.breaches.Owed`). Derived: written with the ticket's events."""

    __tablename__ = "contract_breaches"

    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.id"), primary_key=True)
    metric: Mapped[str] = mapped_column(primary_key=True)
    due: Mapped[datetime] = mapped_column(primary_key=True)
    account: Mapped[str]
    problem: Mapped[str]
    """`incident:7`, or `ticket:<id>` for a ticket and its duplicates."""
    via: Mapped[list[str]]
    """The tickets through which the problem was found."""
    month: Mapped[str]
    percent: Mapped[Decimal]
    fee: Mapped[Decimal | None]

    __table_args__ = (
        Index("ix_contract_breaches_credit", "account", "problem", "metric"),
        Index("ix_contract_breaches_via", "via", postgresql_using="gin", postgresql_where=text("via <> '{}'")),
    )  # fmt: skip


class CreditRow(Base):
    """One credit (`domain.credits.credit.Credit`). What is reckoned of it follows the breaches; what people decided
    stays."""

    __tablename__ = "credits"

    id: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str]
    metric: Mapped[str]
    problem: Mapped[str]
    round: Mapped[int]
    state: Mapped[str]
    current: Mapped[bool]
    month: Mapped[str]
    due: Mapped[datetime]
    tickets: Mapped[list[str]]
    percent: Mapped[Decimal]
    granted: Mapped[Decimal]
    fee: Mapped[Decimal | None]
    amount: Mapped[Decimal | None]
    handed: Mapped[bool]
    approved_by: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    reason: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        CheckConstraint("state IN ('proposed', 'approved', 'applied', 'voided', 'reversed')", name="state"),
        UniqueConstraint("account", "metric", "problem", "round"),
        Index(
            "uq_credits_current", "account", "problem", "metric", unique=True, postgresql_where=text("current")
        ),
        Index("ix_credits_account_month", "account", "month"),
        Index("ix_credits_open", "state", "account", "due", postgresql_where=text("state IN ('proposed', 'approved')")),
    )  # fmt: skip


class CreditActRow(Base):
    """What became of a credit, one line for each change of its state. Never changed, never removed."""

    __tablename__ = "credit_acts"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    credit_id: Mapped[str] = mapped_column(ForeignKey("credits.id"), index=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    state: Mapped[str]
    amount: Mapped[Decimal | None]
    by: Mapped[str]
    """Who did it; `tierline` where it followed from the breaches, `billing` where billing answered."""
    reason: Mapped[str]


class RefundRow(Base):
    """A refund of a ticket (F6). What was decided is derived: written with the ticket's events. Whether billing has it
    stands here alone."""

    __tablename__ = "refunds"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.id"))
    number: Mapped[int]
    """Its number on the ticket."""
    current: Mapped[bool]
    """False: a reset of the ticket's workflow took its approval back after billing had it, or may have had it."""
    state: Mapped[str]
    account: Mapped[str]
    amount: Mapped[Decimal]
    currency: Mapped[str]
    reason: Mapped[str]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    billing_id: Mapped[str | None] = mapped_column(unique=True)
    """Under which billing gets it. It is made of the event that approved it."""
    applied_by: Mapped[str | None]
    """`billing`, where it has answered, or the person who said that billing has it."""
    applied_at: Mapped[datetime | None]
    reversed_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(
            "state IN ('requested', 'approved', 'refused', 'withdrawn', 'applied', 'reversed')", name="state"
        ),
        Index("uq_refunds_current", "ticket_id", "number", unique=True, postgresql_where=text("current")),
        Index("ix_refunds_state", "state", "id"),
        Index("ix_refunds_account", "account", "decided_at"),
    )

"""Refunds (F6): what was requested, what was decided about it, and whether billing has it.

Revision ID: 0052
"""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0053"


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "refunds",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("ticket_id", sa.Text, sa.ForeignKey("tickets.id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("current", sa.Boolean, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("amount", sa.Numeric, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("requested_at", instant, nullable=False),
        sa.Column("decided_by", sa.Text, nullable=True),
        sa.Column("decided_at", instant, nullable=True),
        sa.Column("billing_id", sa.Text, nullable=True),
        sa.Column("applied_by", sa.Text, nullable=True),
        sa.Column("applied_at", instant, nullable=True),
        sa.Column("reversed_at", instant, nullable=True),
        sa.CheckConstraint(
            "state IN ('requested', 'approved', 'refused', 'withdrawn', 'applied', 'reversed')",
            name=op.f("ck_refunds_state"),
        ),
        sa.UniqueConstraint("billing_id", name=op.f("uq_refunds_billing_id")),
    )
    current = sa.text("current")
    op.create_index("uq_refunds_current", "refunds", ["ticket_id", "number"], unique=True, postgresql_where=current)
    op.create_index("ix_refunds_state", "refunds", ["state", "id"])
    op.create_index("ix_refunds_account", "refunds", ["account", "decided_at"])


def downgrade() -> None:
    op.drop_table("refunds")

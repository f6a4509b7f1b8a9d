"""Credits (F2): the contract breaches that stand, the ledger of what is owed for them, and what became of each.

The breaches of tickets from before are found by `tierline ops rebuild --all`.

Revision ID: 0045
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0045"
down_revision = "0042"


def upgrade() -> None:
    instant, texts = sa.DateTime(timezone=True), postgresql.ARRAY(sa.Text)
    op.create_table(
        "contract_breaches",
        sa.Column("ticket_id", sa.Text, sa.ForeignKey("tickets.id"), primary_key=True),
        sa.Column("metric", sa.Text, primary_key=True),
        sa.Column("due", instant, primary_key=True),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("via", texts, nullable=False),
        sa.Column("month", sa.Text, nullable=False),
        sa.Column("percent", sa.Numeric, nullable=False),
        sa.Column("fee", sa.Numeric, nullable=True),
    )
    op.create_index("ix_contract_breaches_credit", "contract_breaches", ["account", "problem", "metric"])
    op.create_index(
        "ix_contract_breaches_via", "contract_breaches", ["via"],
        postgresql_using="gin", postgresql_where=sa.text("via <> '{}'"),
    )  # fmt: skip
    op.create_table(
        "credits",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("metric", sa.Text, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("current", sa.Boolean, nullable=False),
        sa.Column("month", sa.Text, nullable=False),
        sa.Column("due", instant, nullable=False),
        sa.Column("tickets", texts, nullable=False),
        sa.Column("percent", sa.Numeric, nullable=False),
        sa.Column("granted", sa.Numeric, nullable=False),
        sa.Column("fee", sa.Numeric, nullable=True),
        sa.Column("amount", sa.Numeric, nullable=True),
        sa.Column("handed", sa.Boolean, nullable=False),
        sa.Column("approved_by", sa.Text, nullable=True),
        sa.Column("approved_at", instant, nullable=True),
        sa.Column("ended_by", sa.Text, nullable=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_at", instant, nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint(
            "state IN ('proposed', 'approved', 'applied', 'voided', 'reversed')", name=op.f("ck_credits_state")
        ),
        sa.UniqueConstraint(
            "account", "metric", "problem", "round", name=op.f("uq_credits_account_metric_problem_round")
        ),
    )
    op.create_index(
        "uq_credits_current", "credits", ["account", "problem", "metric"],
        unique=True, postgresql_where=sa.text("current"),
    )  # fmt: skip
    op.create_index("ix_credits_account_month", "credits", ["account", "month"])
    op.create_index(
        "ix_credits_open", "credits", ["state", "account", "due"],
        postgresql_where=sa.text("state IN ('proposed', 'approved')"),
    )  # fmt: skip
    op.create_table(
        "credit_acts",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("credit_id", sa.Text, sa.ForeignKey("credits.id"), nullable=False),
        sa.Column("at", instant, nullable=False, server_default=sa.func.now()),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("amount", sa.Numeric, nullable=True),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index("ix_credit_acts_credit_id", "credit_acts", ["credit_id"])


def downgrade() -> None:
    for table in ("credit_acts", "credits", "contract_breaches"):
        op.drop_table(table)

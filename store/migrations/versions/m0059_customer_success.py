"""Renewals as a CRM tells of them, when a churn alert was raised, and indexes of accounts without a CSM and of fixes.

Revision ID: 0059
"""

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"


def upgrade() -> None:
    op.create_index("ix_accounts_without_csm", "accounts", ["plan"], postgresql_where=sa.text("csm IS NULL"))
    op.create_index(
        "ix_tickets_fix_versions", "tickets", [sa.text("((state -> 'jira'::text) -> 'fix_versions'::text)")],
        postgresql_using="gin", postgresql_where=sa.text("jira_key IS NOT NULL"),
    )  # fmt: skip
    op.add_column("churn_alerts", sa.Column("raised_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "account_renewals",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("said_id", sa.Text(), nullable=False),
        sa.Column("renews_on", sa.Date(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("arr", sa.Numeric(), nullable=True),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("came_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_renewals")),
    )
    op.create_index("uq_account_renewals_said", "account_renewals", ["account", "said_id"], unique=True)
    op.create_index("ix_account_renewals_on", "account_renewals", ["renews_on", "account"])


def downgrade() -> None:
    op.drop_table("account_renewals")
    op.drop_index("ix_tickets_fix_versions", "tickets")
    op.drop_column("churn_alerts", "raised_at")
    op.drop_index("ix_accounts_without_csm", "accounts")

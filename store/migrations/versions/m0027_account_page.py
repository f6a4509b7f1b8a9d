"""Add notes about accounts, and the indexes by which an account's page is read.

Revision ID: 0027
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0022"

_ACTIVE = "status IN ('new', 'open', 'pending')"


def upgrade() -> None:
    op.create_table(
        "account_notes",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_by", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_notes")),
        sa.UniqueConstraint("key", name=op.f("uq_account_notes_key")),
    )
    op.create_index("ix_account_notes_account", "account_notes", ["account", "written_at"])
    op.create_index("ix_accounts_csm", "accounts", ["csm"], postgresql_where=sa.text("csm IS NOT NULL"))
    op.create_index(
        "ix_tickets_account_active", "tickets", ["account", "urgency", "sla_deadline", "lane", "opened_at", "id"],
        postgresql_where=sa.text(_ACTIVE),
    )  # fmt: skip
    op.create_index(
        "ix_tickets_account_incident", "tickets", ["account", "incident_number"],
        postgresql_where=sa.text("incident_number IS NOT NULL"),
    )  # fmt: skip
    op.create_index(
        "ix_tickets_account_issue", "tickets", ["account", "opened_at"],
        postgresql_where=sa.text("jira_key IS NOT NULL"),
    )  # fmt: skip


def downgrade() -> None:
    for name in ("issue", "incident", "active"):
        op.drop_index(f"ix_tickets_account_{name}", "tickets")
    op.drop_index("ix_accounts_csm", "accounts")
    op.drop_table("account_notes")

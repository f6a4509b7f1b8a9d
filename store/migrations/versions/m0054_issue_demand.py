"""What issues were told of who waits for them, so that each is told once a day at most (F10).

Revision ID: 0054
"""

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0052"


def upgrade() -> None:
    op.create_table(
        "issue_demand",
        sa.Column("jira_key", sa.Text, primary_key=True),
        sa.Column("told", sa.Text, nullable=False),
        sa.Column("ticket", sa.Text, nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("issue_demand")

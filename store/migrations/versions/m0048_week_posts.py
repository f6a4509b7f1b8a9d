"""Which weeks' reports were posted, so that each is posted once, for ever.

Revision ID: 0048
"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0043"


def upgrade() -> None:
    op.create_table(
        "week_posts",
        sa.Column("week", sa.Text, primary_key=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("week_posts")

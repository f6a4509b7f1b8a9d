"""Note when people were at the desk, so that their home page can tell what has changed since.

Revision ID: 0043
"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0045"


def upgrade() -> None:
    op.create_table(
        "visits",
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("away_since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("actor", name=op.f("pk_visits")),
    )


def downgrade() -> None:
    op.drop_table("visits")

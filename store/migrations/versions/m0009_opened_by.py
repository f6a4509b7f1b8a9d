"""Who opened an incident is counted: one person or source opens so many in a time, and no more (G6).

Revision ID: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0015"


def upgrade() -> None:
    """Add who opened an incident. Nobody is counted for the incidents from before."""
    op.add_column("incidents", sa.Column("opened_by", sa.Text(), nullable=True))
    op.create_index(
        "ix_incidents_opened_by",
        "incidents",
        ["opened_by", "opened_at"],
        postgresql_where=sa.text("opened_by IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_incidents_opened_by", table_name="incidents")
    op.drop_column("incidents", "opened_by")

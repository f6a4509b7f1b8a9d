"""Add when an incident was last written, so that pages which follow it learn of it as they do of tickets.

Revision ID: 0031
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0024"


def upgrade() -> None:
    column: sa.Column[object] = sa.Column(
        "updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
    )
    op.add_column("incidents", column)
    op.create_index("ix_incidents_updated_at", "incidents", ["updated_at"])


def downgrade() -> None:
    op.drop_index("ix_incidents_updated_at", "incidents")
    op.drop_column("incidents", "updated_at")

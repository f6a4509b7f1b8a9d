"""An index on closed tickets whose texts are still there, so that those that are over are found without a search.

Revision ID: 0035
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.create_index(
        "ix_tickets_with_texts",
        "tickets",
        ["closed_at"],
        postgresql_where=sa.text("closed_at IS NOT NULL AND (erased_at IS NULL OR erased_at < closed_at)"),
    )


def downgrade() -> None:
    op.drop_index("ix_tickets_with_texts", "tickets")

"""Notices that are gathered into a digest (F5): which digest each one goes with.

Revision ID: 0055
"""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"

STATES = "'pending', 'sending', 'sent', 'failed', 'cancelled'"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("digest", sa.Text(), nullable=True))
    held = sa.text("digest IS NOT NULL")
    op.create_index("ix_outbox_digest", "outbox", ["digest"], postgresql_where=held)
    _allow(f"{STATES}, 'gathered'")


def downgrade() -> None:
    op.execute("UPDATE outbox SET state = 'pending' WHERE state = 'gathered'")  # each goes by itself then
    op.execute("UPDATE outbox SET state = 'cancelled' WHERE name = 'digest' AND state IN ('pending', 'sending')")
    _allow(STATES)
    op.drop_index("ix_outbox_digest", "outbox")
    op.drop_column("outbox", "digest")


def _allow(states: str) -> None:
    """Set the states that a notice may have."""
    op.drop_constraint(op.f("ck_outbox_state"), "outbox")
    op.create_check_constraint(op.f("ck_outbox_state"), "outbox", f"state IN ({states})")

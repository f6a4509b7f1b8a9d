"""Add the indexes by which the lead board and the home page are read.

Revision ID: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0031"

_ACTIVE = sa.text("status IN ('new', 'open', 'pending')")


def upgrade() -> None:
    op.create_index(
        "ix_tickets_assignee_active", "tickets", ["assignee", "sla_deadline", "sla_state"], postgresql_where=_ACTIVE
    )
    op.create_index("ix_tickets_waits", "tickets", ["waits_since", "waits_on", "tier", "id"], postgresql_where=_ACTIVE)
    op.create_index("ix_tickets_attention", "tickets", ["id"], postgresql_where=sa.text("flags @> '{attention}'"))
    op.create_index(
        "ix_tickets_ended", "tickets", [sa.text("coalesce(resolved_at, closed_at)"), "tier"],
        postgresql_include=["resolved_at", "closed_at"],
    )  # fmt: skip


def downgrade() -> None:
    for name in ("ended", "attention", "waits", "assignee_active"):
        op.drop_index(f"ix_tickets_{name}", "tickets")

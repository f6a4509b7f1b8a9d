"""Let a notice say which incident it belongs to, of what priority its cause is, and what is due next.

Revision ID: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0023"


def upgrade() -> None:
    """Add the columns. The notices of incidents that are there are given their incident and event, from their keys."""
    op.add_column("outbox", sa.Column("incident_number", sa.Integer(), nullable=True))
    op.add_column("outbox", sa.Column("priority", sa.Text(), nullable=True))
    op.add_column("outbox", sa.Column("deadline", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        sa.text("""
            UPDATE outbox SET incident_number = split_part(substr(key, 10), ':', 1)::integer,
                              event_seq = split_part(key, ':', 3)::integer
            WHERE ticket_id IS NULL AND key ~ '^incident-[0-9]{1,9}:[a-z_]+:[0-9]{1,9}:'
        """)
    )
    op.create_index(
        "ix_outbox_incident_number",
        "outbox",
        ["incident_number"],
        postgresql_where=sa.text("incident_number IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_incident_number", "outbox")
    for name in ("deadline", "priority", "incident_number"):
        op.drop_column("outbox", name)

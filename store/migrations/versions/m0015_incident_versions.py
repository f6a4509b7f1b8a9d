"""Give the events of incidents a version. What was written before is version 1.

Revision ID: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0011"


def upgrade() -> None:
    """Add the version of an incident's events. The default stays: during a rolling deploy an older process writes
    none."""
    version = sa.Column("version", sa.SmallInteger(), server_default=sa.text("1"), nullable=False)
    op.add_column("incident_events", version)


def downgrade() -> None:
    op.drop_column("incident_events", "version")

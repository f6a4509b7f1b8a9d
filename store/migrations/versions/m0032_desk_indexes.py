"""Let the list of incidents be read from an index, whatever is asked for.

Revision ID: 0032
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0026"


def upgrade() -> None:
    op.create_index(
        "ix_incidents_asked",
        "incidents",
        ["number"],
        postgresql_where=sa.text("status NOT IN ('reviewed', 'cancelled')"),
    )
    op.create_index("ix_incidents_status", "incidents", ["status", "number"])


def downgrade() -> None:
    op.drop_index("ix_incidents_status", "incidents")
    op.drop_index("ix_incidents_asked", "incidents")

"""The trace that a delivery belongs to, so that whoever acts on it goes on with the trace.

Revision ID: 0053
"""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0050"


def upgrade() -> None:
    op.add_column("inbox", sa.Column("trace", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("inbox", "trace")

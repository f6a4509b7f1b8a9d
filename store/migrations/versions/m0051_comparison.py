"""What the latest comparison of the journal with Temporal found, both ways.

Revision ID: 0051
"""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0049"

_COUNTS = ("behind", "over", "not_looked_at")


def upgrade() -> None:
    for name in _COUNTS:
        op.add_column("reconciliations", sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False))


def downgrade() -> None:
    for name in _COUNTS:
        op.drop_column("reconciliations", name)

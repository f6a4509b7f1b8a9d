"""Through what each notice is sent: a notice with several channels is a row for each.

Revision ID: 0047
"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0039"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("channel", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("outbox", "channel")

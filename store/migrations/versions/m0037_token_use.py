"""When each token was last used, so that a forgotten one can be told from one that a program lives on.

Revision ID: 0037
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0033"


def upgrade() -> None:
    op.add_column("tokens", sa.Column("used_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("tokens", "used_at")

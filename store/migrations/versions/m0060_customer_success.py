"""The index of the accounts that have no success manager of their own.

Revision ID: 0060
"""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0057"


def upgrade() -> None:
    op.create_index("ix_accounts_without_csm", "accounts", ["plan"], postgresql_where=sa.text("csm IS NULL"))


def downgrade() -> None:
    op.drop_index("ix_accounts_without_csm", "accounts")

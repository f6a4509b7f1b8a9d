"""Add what the views of the queue filter by: flags, whom questions are put to, when a promise is due.

A ticket from before has them from its next event on: questions and promises did not exist then.

Revision ID: 0023
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0019"


def upgrade() -> None:
    for name in ("flags", "asked"):
        column: sa.Column[list[str]] = sa.Column(
            name, postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        )
        op.add_column("tickets", column)
    op.add_column("tickets", sa.Column("promise_due", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_tickets_promise_due", "tickets", ["promise_due"], postgresql_where=sa.text("promise_due IS NOT NULL")
    )
    op.create_index(
        "ix_tickets_asked", "tickets", ["asked"], postgresql_using="gin", postgresql_where=sa.text("asked <> '{}'")
    )


def downgrade() -> None:
    op.drop_index("ix_tickets_asked", "tickets")
    op.drop_index("ix_tickets_promise_due", "tickets")
    for name in ("promise_due", "asked", "flags"):
        op.drop_column("tickets", name)

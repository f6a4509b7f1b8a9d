"""What became of a ticket's contract clocks (F8), and an index by which the tickets of a month are found.

A ticket from before has what became of its clocks from its next event on that counts, or from `tierline ops rebuild`.
Until then a statement reads its clocks.

Revision ID: 0056
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0056"
down_revision = "0055"

CLOSED = sa.text("coalesce(closed_at, 'infinity'::timestamptz)")


def upgrade() -> None:
    op.add_column("ticket_records", sa.Column("outcomes", JSONB, nullable=True))
    _index("account", "opened_at", CLOSED)


def downgrade() -> None:
    _index("account", "opened_at")
    op.drop_column("ticket_records", "outcomes")


def _index(*columns: str | sa.TextClause) -> None:
    op.drop_index("ix_tickets_account", "tickets")
    op.create_index("ix_tickets_account", "tickets", list(columns))

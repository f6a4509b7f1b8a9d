"""What is over can be found without reading whole tables; who has no token is counted, not recorded one by one.

Revision ID: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0004"

OVER = (
    ("ix_inbox_handled", "inbox", "handled_at", "handled_at IS NOT NULL"),
    ("ix_inbox_full", "inbox", "handled_at", "handled_at IS NOT NULL AND error IS NULL AND payload <> '{}'::jsonb"),
    ("ix_outbox_over", "outbox", "created_at", "state IN ('sent', 'failed', 'cancelled')"),
    ("ix_feed_over", "feed", "created_at", "state IN ('sent', 'failed')"),
)
"""Index, table, column, and which rows."""


def upgrade() -> None:
    """Prepare the dropping of old rows. Nothing is dropped here: the relay does that afterwards, in small batches."""
    for name, table, column, which in OVER:
        op.create_index(name, table, [column], postgresql_where=sa.text(which))
    op.create_table(
        "turned_away",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turned_away")),
        sa.UniqueConstraint(
            "minute", "channel", "source", "token", "code", name=op.f("uq_turned_away_minute_channel_source_token_code")
        ),
    )


def downgrade() -> None:
    op.drop_table("turned_away")
    for name, table, _, _ in OVER:
        op.drop_index(name, table_name=table)

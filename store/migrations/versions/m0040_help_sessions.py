"""Publishable keys, and what was searched and read before a ticket, or in the place of one.

Revision ID: 0040
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0040"
down_revision = "0047"


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "help_keys",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("origins", ARRAY(sa.Text), nullable=False),
        _instant("created_at"),
        _instant("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_help_keys"),
    )
    op.create_table(
        "help_sessions",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        _instant("started_at"),
        _instant("seen_at"),
        _instant("searched_at", nullable=True),
        _instant("helped_at", nullable=True),
        sa.Column("helped_by", sa.Text, nullable=True),
        sa.Column("ticket_id", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_help_sessions"),
    )
    op.create_index("ix_help_sessions_started", "help_sessions", ["started_at"])
    op.create_index("ix_help_sessions_ticket_id", "help_sessions", ["ticket_id"])
    op.create_table(
        "help_searches",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("session_id", sa.Text, nullable=False),
        _instant("at"),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("results", sa.Integer, nullable=False),
        sa.Column("opened", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_help_searches"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["help_sessions.id"], name="fk_help_searches_session_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_help_searches_session_id", "help_searches", ["session_id"])
    op.create_index("ix_help_searches_at", "help_searches", ["at"])
    op.create_table(
        "help_reads",
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("slug", sa.Text, nullable=False),
        _instant("at"),
        sa.Column("helped", sa.Boolean, nullable=True),
        sa.PrimaryKeyConstraint("session_id", "slug", name="pk_help_reads"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["help_sessions.id"], name="fk_help_reads_session_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_help_reads_at", "help_reads", ["at"])


def downgrade() -> None:
    for table in ("help_reads", "help_searches", "help_sessions", "help_keys"):
        op.drop_table(table)

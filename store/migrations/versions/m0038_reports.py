"""What each ticket adds to reports: a record, and its moments. Tickets from before get theirs with their next event,
or by `tierline ops rebuild --all`.

Revision ID: 0038
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0038"
down_revision = "0036"

NOW = sa.DateTime(timezone=True)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "ticket_records",
        sa.Column("ticket_id", sa.Text, sa.ForeignKey("tickets.id"), primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        *_texts("account", "plan", "priority", "category", "area", "channel", "language", "policy", "terms", "zone"),
        sa.Column("hour", sa.SmallInteger, nullable=False),
        sa.Column("wait_open", sa.Integer, nullable=True),
        sa.Column("opened_at", NOW, nullable=False),
        sa.Column("first_response", NOW, nullable=True),
        sa.Column("ended_at", NOW, nullable=True),
        *_texts("resolution"),
        sa.Column("discarded", sa.Boolean, nullable=False),
        *_texts("cause", "error", "article"),
        sa.Column("gap", sa.Boolean, nullable=False),
        sa.Column("win", sa.Boolean, nullable=False),
        sa.Column("state", postgresql.JSONB, nullable=False),
    )
    kept = sa.text("NOT discarded")
    op.create_index("ix_ticket_records_opened", "ticket_records", ["opened_at"], postgresql_where=kept)
    ended = sa.text("NOT discarded AND ended_at IS NOT NULL")
    op.create_index("ix_ticket_records_ended", "ticket_records", ["ended_at"], postgresql_where=ended)
    answered = sa.text("error <> '' AND article <> ''")
    op.create_index("ix_ticket_records_error", "ticket_records", ["error"], postgresql_where=answered)
    op.create_table(
        "ticket_moments",
        sa.Column("ticket_id", sa.Text, sa.ForeignKey("tickets.id"), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        *_texts("kind"),
        sa.Column("at", NOW, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        *_texts("plan", "priority", "tier"),
        sa.Column("side", sa.Text, nullable=True),
        sa.Column("metric", sa.Text, nullable=True),
        *_texts("status"),
        sa.Column("since", NOW, nullable=True),
        sa.Column("taken", NOW, nullable=True),
        *_texts("team", "agent"),
        sa.Column("figure", sa.Integer, nullable=True),
    )
    op.create_index("ix_ticket_moments_kind", "ticket_moments", ["kind", "at"])


def downgrade() -> None:
    op.drop_table("ticket_moments")
    op.drop_table("ticket_records")

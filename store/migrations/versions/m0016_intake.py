"""Set aside deliveries at which our own code fails, and keep texts that are too long for an event.

Revision ID: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0020"

UNHANDLED = "ix_inbox_unhandled"


def upgrade() -> None:
    op.add_column("inbox", sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_index(UNHANDLED, table_name="inbox")
    which = sa.text("handled_at IS NULL AND stopped_at IS NULL")
    op.create_index(UNHANDLED, "inbox", ["source", "about", "id"], postgresql_where=which)
    op.create_index("ix_inbox_stopped", "inbox", ["id"], postgresql_where=sa.text("stopped_at IS NOT NULL"))
    op.create_table(
        "kept_texts",
        sa.Column("ticket_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_kept_texts_ticket_id")),
        sa.PrimaryKeyConstraint("ticket_id", "id", name=op.f("pk_kept_texts")),
    )


def downgrade() -> None:
    op.drop_table("kept_texts")
    op.drop_index("ix_inbox_stopped", table_name="inbox")
    op.drop_index(UNHANDLED, table_name="inbox")
    op.create_index(UNHANDLED, "inbox", ["source", "about", "id"], postgresql_where=sa.text("handled_at IS NULL"))
    op.drop_column("inbox", "stopped_at")

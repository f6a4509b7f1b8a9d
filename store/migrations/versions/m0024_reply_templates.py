"""Add reply templates (F9), and an index by which the replies that were made of one are counted.

While the index is made, nothing is written: some seconds for a million events.

Revision ID: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0027"


def upgrade() -> None:
    op.create_table(
        "reply_templates",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("situation", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("tone", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_reply_templates")),
    )
    op.create_index(
        "ix_ticket_events_template",
        "ticket_events",
        [sa.text("(body ->> 'template')"), "at"],
        postgresql_where=sa.text("body ->> 'template' IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_ticket_events_template", "ticket_events")
    op.drop_table("reply_templates")

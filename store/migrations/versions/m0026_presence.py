"""Add presence: who has which ticket open. It is not logged: after a crash it is empty, and fills itself again.

Revision ID: 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.create_table(
        "presence",
        sa.Column("ticket_id", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wrote_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("ticket_id", "actor", name=op.f("pk_presence")),
        prefixes=["UNLOGGED"],
    )
    op.create_index(op.f("ix_presence_seen_at"), "presence", ["seen_at"])
    # By the area of the product, the pages find the known gaps of the knowledge base.
    op.create_index(op.f("ix_kb_articles_product_area"), "kb_articles", ["product_area", "created_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_kb_articles_product_area"), "kb_articles")
    op.drop_table("presence")

"""When somebody last looked for tickets and incidents that are open here and have no running workflow, and how many.

Revision ID: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tickets", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("incidents", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("not_resumed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("what", name=op.f("pk_reconciliations")),
    )


def downgrade() -> None:
    op.drop_table("reconciliations")

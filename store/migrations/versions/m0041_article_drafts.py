"""Drafts of articles: what was written into them, by whom, and what was searched for in vain.

Revision ID: 0041
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    op.add_column("kb_articles", sa.Column("query", sa.Text, nullable=True))
    op.add_column("kb_articles", sa.Column("slug", sa.Text, nullable=False, server_default=""))
    op.add_column("kb_articles", sa.Column("body", sa.Text, nullable=False, server_default=""))
    op.add_column("kb_articles", sa.Column("revision", sa.Integer, nullable=False, server_default="0"))
    op.add_column("kb_articles", sa.Column("changed_by", sa.Text, nullable=True))
    op.add_column("kb_articles", sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_unique_constraint("uq_kb_articles_query", "kb_articles", ["query"])


def downgrade() -> None:
    op.drop_constraint("uq_kb_articles_query", "kb_articles")
    for name in ("changed_at", "changed_by", "revision", "body", "slug", "query"):
        op.drop_column("kb_articles", name)

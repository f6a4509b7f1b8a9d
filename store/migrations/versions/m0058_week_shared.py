"""When each article was written and last revised, for the report of a week; and an index of the work of a person (F3).

Of an article from before it is not known when it was written. It was revised at its last import, as far as is known.

Revision ID: 0058
"""

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"

WORKED = sa.text("kind = 'worked'")


def upgrade() -> None:
    op.add_column("articles", sa.Column("written_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("articles", sa.Column("revised_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE articles SET revised_at = imported_at")
    op.create_index("ix_articles_written", "articles", ["written_at"])
    op.create_index("ix_articles_revised", "articles", ["revised_at"])
    op.create_index("ix_ticket_moments_worked", "ticket_moments", ["agent", "at"], postgresql_where=WORKED)


def downgrade() -> None:
    op.drop_index("ix_ticket_moments_worked", "ticket_moments")
    op.drop_index("ix_articles_revised", "articles")
    op.drop_index("ix_articles_written", "articles")
    op.drop_column("articles", "revised_at")
    op.drop_column("articles", "written_at")

"""The indexes by which articles are found hold each word at once. PostgreSQL else puts what an import brought on a list
beside the index, which every search reads until somebody empties it.

Revision ID: 0050
"""

from alembic import op

revision = "0050"
down_revision = "0051"

INDEXES = ("ix_articles_words", "ix_article_words_word")


def upgrade() -> None:
    for index in INDEXES:
        op.execute(f"ALTER INDEX {index} SET (fastupdate = off)")
        op.execute(f"SELECT gin_clean_pending_list('{index}')")


def downgrade() -> None:
    for index in INDEXES:
        op.execute(f"ALTER INDEX {index} RESET (fastupdate)")

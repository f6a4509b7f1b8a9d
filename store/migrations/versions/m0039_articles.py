"""The knowledge base: articles and playbooks from files, the words in them, and words that mean the same.

Words that are misspelt are found by the extension pg_trgm, which comes with PostgreSQL. It is a trusted one: the
database's owner may create it.

Revision ID: 0039
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR

revision = "0039"
down_revision = "0048"


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    lists = ("tags", "screens", "categories", "areas", "steps")
    op.create_table(
        "articles",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("slug", "section", "topic", "title", "summary")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("language", "area", "owner")),
        sa.Column("updated", sa.Date, nullable=True),
        *(sa.Column(name, ARRAY(sa.Text), nullable=False) for name in lists),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("markdown", "html", "plain")),
        sa.Column("words", TSVECTOR, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("slug", name="pk_articles"),
    )
    op.create_index("ix_articles_words", "articles", ["words"], postgresql_using="gin")
    op.create_index("ix_articles_section", "articles", ["section", "topic", "title"])
    op.create_index("ix_articles_language", "articles", ["language"])
    op.create_table(
        "article_words",
        sa.Column("word", sa.Text, nullable=False),
        sa.Column("articles", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("word", name="pk_article_words"),
    )
    op.create_index(
        "ix_article_words_word",
        "article_words",
        ["word"],
        postgresql_using="gin",
        postgresql_ops={"word": "gin_trgm_ops"},
    )
    op.create_table(
        "article_synonyms",
        sa.Column("phrase", sa.Text, nullable=False),
        sa.Column("others", ARRAY(sa.Text), nullable=False),
        sa.PrimaryKeyConstraint("phrase", name="pk_article_synonyms"),
    )


def downgrade() -> None:
    for table in ("article_synonyms", "article_words", "articles"):
        op.drop_table(table)
    op.execute("DROP EXTENSION IF EXISTS pg_trgm")

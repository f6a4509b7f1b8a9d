"""Tables of the knowledge base: what was imported from files, and the words by which it is found."""

from datetime import date, datetime

from sqlalchemy import Date, Index
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base


class ArticleRow(Base):
    """An article or a playbook, as its file was when it was last imported. The files are the truth."""

    __tablename__ = "articles"

    slug: Mapped[str] = mapped_column(primary_key=True)
    """The path of its file, without `.md`."""
    section: Mapped[str]
    """One of the seven, or `playbooks`."""
    topic: Mapped[str]
    title: Mapped[str]
    summary: Mapped[str]
    language: Mapped[str]
    area: Mapped[str]
    """The area of the product that it is about; empty for none."""
    owner: Mapped[str]
    updated: Mapped[date | None] = mapped_column(Date)
    tags: Mapped[list[str]]
    screens: Mapped[list[str]]
    """The screens of the product on which it helps."""
    categories: Mapped[list[str]]
    """Of a playbook: the categories of tickets that it is for."""
    areas: Mapped[list[str]]
    """Of a playbook: the product areas that it is for."""
    steps: Mapped[list[str]]
    """The entries of its checklists."""
    markdown: Mapped[str]
    html: Mapped[str]
    """Rendered and cleaned at the import."""
    plain: Mapped[str]
    """Its words, from which snippets are cut."""
    words: Mapped[str] = mapped_column(TSVECTOR)
    """What is searched: the title (A), tags and summary (B), headings (C), text (D), by its language."""
    digest: Mapped[str]
    """SHA-256 of the file and of how it was rendered: the same is not imported again."""
    imported_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_articles_words", "words", postgresql_using="gin"),
        Index("ix_articles_section", "section", "topic", "title"),
        Index("ix_articles_language", "language"),
    )


class ArticleWordRow(Base):
    """A word that stands in articles: what a word that is misspelt is compared with."""

    __tablename__ = "article_words"

    word: Mapped[str] = mapped_column(primary_key=True)
    articles: Mapped[int]
    """In how many articles it stands."""

    __table_args__ = (
        Index("ix_article_words_word", "word", postgresql_using="gin", postgresql_ops={"word": "gin_trgm_ops"}),
    )


class ArticleSynonymRow(Base):
    """A word or phrase, and those that mean the same to whoever searches, from the file `synonyms.txt`."""

    __tablename__ = "article_synonyms"

    phrase: Mapped[str] = mapped_column(primary_key=True)
    others: Mapped[list[str]]

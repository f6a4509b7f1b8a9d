"""Tables of the knowledge base: what was imported from files, and the words by which it is found."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, ForeignKey, Identity, Index
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
    written_at: Mapped[datetime | None]
    """When it was first imported; NULL for what was there before this column."""
    revised_at: Mapped[datetime | None]
    """When its title, summary or text last came otherwise than before; of a new one when it was written."""

    __table_args__ = (
        Index("ix_articles_words", "words", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
        Index("ix_articles_section", "section", "topic", "title"),
        Index("ix_articles_language", "language"),
        Index("ix_articles_written", "written_at"),
        Index("ix_articles_revised", "revised_at"),
    )


class ArticleWordRow(Base):
    """A word that stands in articles: what a word that is misspelt is compared with."""

    __tablename__ = "article_words"

    word: Mapped[str] = mapped_column(primary_key=True)
    articles: Mapped[int]
    """In how many articles it stands."""

    __table_args__ = (
        Index(
            "ix_article_words_word",
            "word",
            postgresql_using="gin",
            postgresql_ops={"word": "gin_trgm_ops"},
            postgresql_with={"fastupdate": "off"},
        ),
    )


class ArticleSynonymRow(Base):
    """A word or phrase, and those that mean the same to whoever searches, from the file `synonyms.txt`."""

    __tablename__ = "article_synonyms"

    phrase: Mapped[str] = mapped_column(primary_key=True)
    others: Mapped[list[str]]


class HelpKeyRow(Base):
    """A publishable key: with it, pages of yours may search the articles and open tickets. It is no secret."""

    __tablename__ = "help_keys"

    key: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    """Where it is used, as the figures name it."""
    origins: Mapped[list[str]]
    """The origins whose pages may use it; empty: all."""
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class HelpSessionRow(Base):
    """One visit of somebody who looks for an answer. Nothing of it says who it was."""

    __tablename__ = "help_sessions"

    id: Mapped[str] = mapped_column(primary_key=True)
    """Random."""
    channel: Mapped[str]
    """`help centre`, or the name of the key or token that was used."""
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    searched_at: Mapped[datetime | None]
    """The first search."""
    helped_at: Mapped[datetime | None]
    """When somebody said that an article helped, first."""
    helped_by: Mapped[str | None]
    """That article."""
    ticket_id: Mapped[str | None] = mapped_column(index=True)
    """The ticket that was opened all the same."""

    __table_args__ = (Index("ix_help_sessions_started", "started_at"),)


class HelpSearchRow(Base):
    """What was searched for in a session: redacted."""

    __tablename__ = "help_searches"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("help_sessions.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(index=True)
    query: Mapped[str]
    results: Mapped[int]
    opened: Mapped[bool]
    """A result of it was opened."""


class HelpReadRow(Base):
    """An article that was opened in a session, and whether it helped."""

    __tablename__ = "help_reads"

    session_id: Mapped[str] = mapped_column(ForeignKey("help_sessions.id", ondelete="CASCADE"), primary_key=True)
    slug: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    helped: Mapped[bool | None]
    """None: nobody said."""

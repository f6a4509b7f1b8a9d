"""What went well in a week and what was learnt (F3): by the indexes of records, moments and articles, and no event is
read but those that are listed or bring a comment.

Words are read where they stand, so that erasing a person reaches them.
"""

from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

One = TypeVar("One")


class Wins(NamedTuple):
    """What went well, as far as it can be known."""

    solved_at_once: int
    """Resolved in Tier 1, within the limit, never handed on, never reopened."""
    examples: list[str]
    best: list[str]
    """Tickets that their customer rated 5, the newest."""
    articles: list[tuple[str, int]]
    """Articles that resolutions named, and how often."""
    gaps: int
    """Resolutions that found a gap in the knowledge base."""


def wins(session: Session, first: datetime, last: datetime, limit: int) -> Wins:
    """Return what went well in a time."""
    known = {"first": first, "last": last, "limit": limit}
    solved, gaps, examples = session.execute(_SOLVED, known).one()
    best = [row[0] for row in session.execute(_BEST, known)]
    articles = [(row[0], row[1]) for row in session.execute(_NAMED, known)]
    return Wins(solved, (examples or [])[:limit], best, articles, gaps)


_ENDED = "ended_at IS NOT NULL AND ended_at >= :first AND ended_at < :last AND NOT discarded"
_SOLVED = text(f"""
    SELECT count(*) FILTER (WHERE win), count(*) FILTER (WHERE gap),
        (array_agg(ticket_id ORDER BY ended_at DESC) FILTER (WHERE win))[1:5] FROM ticket_records WHERE {_ENDED}
""")
_BEST = text("""
    SELECT m.ticket_id FROM ticket_moments m JOIN ticket_records r USING (ticket_id)
    WHERE m.kind = 'rated' AND m.figure = 5 AND m.at >= :first AND m.at < :last AND NOT r.discarded
    ORDER BY m.at DESC LIMIT :limit
""")
_NAMED = text(f"""
    SELECT article, count(*) FROM ticket_records WHERE {_ENDED} AND article <> '' GROUP BY 1
    ORDER BY 2 DESC, 1 LIMIT :limit
""")


class Listed(NamedTuple, Generic[One]):
    """The beginning of a list."""

    first: list[One]
    all: int
    """How many there are, listed or not."""


def _listed(session: Session, statement: TextClause, kind: type[Any], **known: Any) -> Listed[Any]:
    """Return the beginning of a list whose rows have, in their last column, how many there are."""
    rows = session.execute(statement, known).all()
    return Listed([kind(*row[:-1]) for row in rows], rows[0][-1] if rows else 0)


class Shared(NamedTuple):
    """A resolution of which its agent tells the team."""

    ticket: str
    words: str
    """What of it is worth telling; "" where that was erased."""


def shared(session: Session, first: datetime, last: datetime, limit: int) -> Listed[Shared]:
    """Return what agents tell of tickets that were resolved in a time and have not come back, the newest first."""
    return _listed(session, _SHARED, Shared, first=first, last=last, limit=limit)


_WORDS = """
    LEFT JOIN ticket_events ev ON ev.ticket_id = m.ticket_id AND ev.seq = m.seq AND NOT ev.superseded
    LEFT JOIN texts ON texts.ticket_id = m.ticket_id AND texts.epoch = ev.epoch AND texts.seq = m.seq
        AND texts.name = '{name}'
"""
_SHARED = text(f"""
    SELECT m.ticket_id, coalesce(texts.text, ''), m.many FROM (
        SELECT m.ticket_id, m.seq, m.at, count(*) OVER () AS many
        FROM ticket_moments m JOIN ticket_records r USING (ticket_id)
        WHERE m.kind = 'shared' AND m.at >= :first AND m.at < :last AND NOT r.discarded
        ORDER BY m.at DESC, m.ticket_id LIMIT :limit
    ) AS m {_WORDS.format(name="win")}
    ORDER BY m.at DESC, m.ticket_id
""")


class Kudos(NamedTuple):
    """What a customer wrote with a score of 5."""

    ticket: str
    words: str


def kudos(session: Session, first: datetime, last: datetime, limit: int) -> Listed[Kudos]:
    """Return the comments that came with a score of 5 in a time, the newest first. One that was erased is gone."""
    return _listed(session, _KUDOS, Kudos, first=first, last=last, limit=limit)


_KUDOS = text(f"""
    SELECT m.ticket_id, texts.text, count(*) OVER ()
    FROM ticket_moments m JOIN ticket_records r USING (ticket_id) {_WORDS.format(name="comment")}
    WHERE m.kind = 'rated' AND m.figure = 5 AND m.at >= :first AND m.at < :last AND NOT r.discarded
        AND texts.text <> ''
    ORDER BY m.at DESC, m.ticket_id LIMIT :limit
""")


class Written(NamedTuple):
    """An article that was written or revised."""

    slug: str
    section: str
    title: str
    new: bool
    """It was written in that time."""


def written(session: Session, first: datetime, last: datetime, limit: int) -> Listed[Written]:
    """Return the articles and playbooks that were written in a time, or last revised in it: new ones first."""
    return _listed(session, _WRITTEN, Written, first=first, last=last, limit=limit)


_WRITTEN = text("""
    SELECT slug, section, title, coalesce(written_at >= :first AND written_at < :last, false) AS new,
        count(*) OVER ()
    FROM articles WHERE (written_at >= :first AND written_at < :last) OR (revised_at >= :first AND revised_at < :last)
    ORDER BY new DESC, title, slug LIMIT :limit
""")

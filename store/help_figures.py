"""What came of visits of the knowledge base, counted over a time: sessions that began in it."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session


class Counts(NamedTuple):
    """What is counted once."""

    sessions: int
    solved: int
    """Somebody said that an article helped, and opened no ticket."""
    tickets: int
    """They ended in a ticket."""
    votes: int
    helped: int
    searches: int
    opened: int
    """Searches of which a result was opened."""
    in_vain: int
    """Searches without a result."""
    median_seconds: float | None
    """From the first search to the word that an article helped."""


class InVain(NamedTuple):
    """Something that is searched for and not found."""

    query: str
    sessions: int
    tickets: Sequence[str]
    """Tickets in which these visits ended."""


class OfArticle(NamedTuple):
    """What came of an article."""

    slug: str
    title: str
    """Empty: there is no such article any more."""
    read: int
    helped: int
    not_helped: int
    solved: int
    """Visits that it ended without a ticket."""
    tickets: int
    """Visits in which it was read and that ended in a ticket all the same."""


_IN = "SELECT id FROM help_sessions WHERE started_at >= :since AND started_at < :until"

_COUNTS = f"""
WITH s AS (SELECT * FROM help_sessions WHERE started_at >= :since AND started_at < :until),
     r AS (SELECT helped FROM help_reads WHERE session_id IN ({_IN})),
     q AS (SELECT opened, results FROM help_searches WHERE session_id IN ({_IN}))
SELECT (SELECT count(*) FROM s),
       (SELECT count(*) FROM s WHERE helped_at IS NOT NULL AND ticket_id IS NULL),
       (SELECT count(*) FROM s WHERE ticket_id IS NOT NULL),
       (SELECT count(helped) FROM r), (SELECT count(*) FROM r WHERE helped),
       (SELECT count(*) FROM q), (SELECT count(*) FROM q WHERE opened), (SELECT count(*) FROM q WHERE results = 0),
       (SELECT CAST(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM helped_at - searched_at)) AS float)
        FROM s WHERE helped_at IS NOT NULL AND searched_at IS NOT NULL)
"""

_IN_VAIN = f"""
SELECT q.query, count(DISTINCT s.id) AS sessions, array_remove(array_agg(DISTINCT s.ticket_id), NULL)
FROM help_searches q JOIN help_sessions s ON s.id = q.session_id
WHERE q.results = 0 AND q.session_id IN ({_IN})
GROUP BY q.query ORDER BY sessions DESC, max(q.at) DESC, q.query LIMIT :most
"""

_OF_ARTICLES = f"""
SELECT r.slug, coalesce(max(a.title), ''), count(*), count(*) FILTER (WHERE r.helped),
       count(*) FILTER (WHERE NOT r.helped),
       count(*) FILTER (WHERE s.helped_by = r.slug AND s.ticket_id IS NULL),
       count(*) FILTER (WHERE s.ticket_id IS NOT NULL)
FROM help_reads r JOIN help_sessions s ON s.id = r.session_id LEFT JOIN articles a ON a.slug = r.slug
WHERE r.session_id IN ({_IN})
GROUP BY r.slug
ORDER BY count(*) FILTER (WHERE NOT r.helped) DESC, count(*) DESC, r.slug LIMIT :most
"""


def counts(session: Session, since: datetime, until: datetime) -> Counts:
    """Return what came of the visits that began in a time, its end not included."""
    row = session.execute(text(_COUNTS), {"since": since, "until": until}).one()
    return Counts(*row)


def in_vain(session: Session, since: datetime, until: datetime, *, limit: int) -> list[InVain]:
    """Return what was searched for and not found, what most visits asked for first."""
    rows = session.execute(text(_IN_VAIN), {"since": since, "until": until, "most": limit})
    return [InVain(*row) for row in rows]


def of_articles(session: Session, since: datetime, until: datetime, *, limit: int) -> list[OfArticle]:
    """Return what came of each article that was read, those first that helped least."""
    rows = session.execute(text(_OF_ARTICLES), {"since": since, "until": until, "most": limit})
    return [OfArticle(*row) for row in rows]


def was_in_vain(session: Session, query: str) -> bool:
    """Return whether somebody has searched for that, and found nothing."""
    found = text("SELECT EXISTS (SELECT 1 FROM help_searches WHERE query = :query AND results = 0)")
    return bool(session.scalar(found, {"query": query}))


def tickets_after(session: Session, query: str, *, limit: int) -> Sequence[str]:
    """Return the newest tickets in which visits ended that had searched for something in vain."""
    found = text(
        "SELECT s.ticket_id FROM help_searches q JOIN help_sessions s ON s.id = q.session_id "
        "WHERE q.query = :query AND q.results = 0 AND s.ticket_id IS NOT NULL "
        "GROUP BY s.ticket_id ORDER BY max(q.at) DESC LIMIT :most"
    )
    return session.scalars(found, {"query": query, "most": limit}).all()

"""Visits of people who look for an answer: searched, opened, helped, or a ticket all the same; and publishable keys."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from store.database import PLAIN
from store.tables.knowledge import HelpKeyRow, HelpReadRow, HelpSearchRow, HelpSessionRow

OVER = timedelta(minutes=30)
"""After so long without a search or an article, a session is over, and the next one begins."""
MOST = 200
"""Searches, and articles, that are kept of one session: more is no person."""


class SelfServe(NamedTuple):
    """What somebody tried before they opened a ticket."""

    queries: Sequence[str]
    read: Sequence[str]
    """Articles, by slug, in the order in which they were first opened."""


def begin(session: Session, known: str | None, new: str, channel: str, now: datetime) -> str:
    """Return the session that goes on: the known one, if it is not over; otherwise a new one, by the id `new`."""
    if known:
        going_on = (HelpSessionRow.id == known, HelpSessionRow.channel == channel, HelpSessionRow.seen_at > now - OVER)
        seen = update(HelpSessionRow).where(*going_on, HelpSessionRow.ticket_id.is_(None)).values(seen_at=now)
        if session.scalar(seen.returning(HelpSessionRow.id), execution_options=PLAIN):
            return known
    row = {"id": new, "channel": channel, "started_at": now, "seen_at": now}
    session.execute(insert(HelpSessionRow).values(row).on_conflict_do_nothing())
    return new


def searched(session: Session, help_session: str, query: str, results: int, now: datetime) -> None:
    """Note a search of a session. The same query again is the same search."""
    known = select(HelpSearchRow.id).where(HelpSearchRow.session_id == help_session, HelpSearchRow.query == query)
    if session.scalar(known.limit(1)) or _count(session, HelpSearchRow, help_session) >= MOST:
        return
    row = {"session_id": help_session, "at": now, "query": query, "results": results, "opened": False}
    session.execute(insert(HelpSearchRow).values(row))
    first = update(HelpSessionRow).where(HelpSessionRow.id == help_session, HelpSessionRow.searched_at.is_(None))
    session.execute(first.values(searched_at=now), execution_options=PLAIN)


def opened(session: Session, help_session: str, slug: str, now: datetime) -> None:
    """Note that an article was opened in a session: its latest search had a result."""
    if _count(session, HelpReadRow, help_session) >= MOST:
        return
    row = {"session_id": help_session, "slug": slug, "at": now}
    session.execute(insert(HelpReadRow).values(row).on_conflict_do_nothing())
    latest = select(HelpSearchRow.id).where(HelpSearchRow.session_id == help_session, HelpSearchRow.results > 0)
    newest = latest.order_by(HelpSearchRow.id.desc()).limit(1).scalar_subquery()
    session.execute(
        update(HelpSearchRow).where(HelpSearchRow.id == newest).values(opened=True), execution_options=PLAIN
    )


def voted(session: Session, help_session: str, slug: str, helped: bool, now: datetime) -> bool:
    """Note whether an article helped; the latest word counts. Returns False where it was not opened in the session."""
    mine = (HelpReadRow.session_id == help_session, HelpReadRow.slug == slug)
    said = update(HelpReadRow).where(*mine).values(helped=helped).returning(HelpReadRow.slug)
    if session.scalar(said, execution_options=PLAIN) is None:
        return False
    row = update(HelpSessionRow).where(HelpSessionRow.id == help_session)
    if helped:
        first = row.where(HelpSessionRow.helped_at.is_(None)).values(helped_at=now, helped_by=slug)
        session.execute(first, execution_options=PLAIN)
    else:
        taken_back = row.where(HelpSessionRow.helped_by == slug).values(helped_at=None, helped_by=None)
        session.execute(taken_back, execution_options=PLAIN)
    return True


def tried(session: Session, help_session: str) -> SelfServe:
    """Return what was searched and read in a session."""
    queries = select(HelpSearchRow.query).where(HelpSearchRow.session_id == help_session).order_by(HelpSearchRow.id)
    read = select(HelpReadRow.slug).where(HelpReadRow.session_id == help_session).order_by(HelpReadRow.at)
    return SelfServe(session.scalars(queries.limit(20)).all(), session.scalars(read.limit(20)).all())


def link_ticket(session: Session, help_session: str, ticket: str) -> None:
    """Note that a session ended in a ticket. A session has one: the first."""
    mine = update(HelpSessionRow).where(HelpSessionRow.id == help_session, HelpSessionRow.ticket_id.is_(None))
    session.execute(mine.values(ticket_id=ticket), execution_options=PLAIN)


def forget(session: Session, ticket: str) -> None:
    """Delete the sessions that ended in a ticket, with what was searched in them: a person is erased."""
    session.execute(delete(HelpSessionRow).where(HelpSessionRow.ticket_id == ticket), execution_options=PLAIN)


def _count(session: Session, rows: type[HelpSearchRow] | type[HelpReadRow], help_session: str) -> int:
    return session.scalar(select(func.count()).select_from(rows).where(rows.session_id == help_session)) or 0


# -- Publishable keys -----------------------------------------------------------------------------------------


def keep_key(session: Session, key: HelpKeyRow) -> None:
    """Store a new key."""
    session.add(key)


def find_key(session: Session, key: str) -> HelpKeyRow | None:
    """Return a key, revoked or not."""
    return session.get(HelpKeyRow, key)


def keys(session: Session) -> Sequence[HelpKeyRow]:
    """Return all keys, the newest first."""
    return session.scalars(select(HelpKeyRow).order_by(HelpKeyRow.created_at.desc(), HelpKeyRow.key)).all()


def revoke_key(session: Session, key: str, now: datetime) -> bool:
    """Revoke a key. Returns False if there is no such key; revoking one again changes nothing."""
    mine = update(HelpKeyRow).where(HelpKeyRow.key == key, HelpKeyRow.revoked_at.is_(None)).values(revoked_at=now)
    session.execute(mine, execution_options=PLAIN)
    return session.get(HelpKeyRow, key) is not None

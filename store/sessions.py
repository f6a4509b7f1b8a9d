"""Sessions of people who are signed in to the pages, and the codes of their sign-in links."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from store.questions import Question
from store.tables.integrations import TokenRow
from store.tables.web import SessionRow, SignInCodeRow


class Found(NamedTuple):
    """A session, and the token that it stands on."""

    id: str
    digest: bytes
    actor: str
    role: str
    zone: str
    seen_at: datetime
    expires_at: datetime
    token_id: str | None
    """None: the person signed in without a token."""
    token_revoked_at: datetime | None
    token_expires_at: datetime | None
    """None: there is no such token."""


_BY_ID = Question(
    select(
        *(getattr(SessionRow, name) for name in Found._fields if not name.startswith("token_")),
        SessionRow.token_id,
        TokenRow.revoked_at,
        TokenRow.expires_at,
    )
    .outerjoin(TokenRow, TokenRow.id == SessionRow.token_id)
    .where(SessionRow.id == bindparam("id"))
)
"""Made once: every page asks it."""


def keep(session: Session, row: SessionRow | SignInCodeRow) -> None:
    """Store a new session or sign-in code."""
    session.add(row)


def find(session: Session, session_id: str) -> Found | None:
    """Find a session by its id, with its token, whatever has become of them."""
    rows = _BY_ID.ask(session, id=session_id)
    return Found(*rows[0])._replace(digest=bytes(rows[0].digest)) if rows else None


def note_use(session: Session, session_id: str, at: datetime) -> None:
    """Note that a session was used at `at`."""
    session.execute(update(SessionRow).where(SessionRow.id == session_id).values(seen_at=at))


def end(session: Session, session_id: str) -> None:
    """Delete a session. Deleting it again changes nothing."""
    session.execute(delete(SessionRow).where(SessionRow.id == session_id))


def live(session: Session, now: datetime, idle: timedelta) -> Sequence[SessionRow]:
    """Return the sessions that are good at `now`, if they were used within `idle`, the newest first."""
    token_is_good = SessionRow.token_id.is_(None) | (TokenRow.revoked_at.is_(None) & (TokenRow.expires_at > now))
    query = select(SessionRow).outerjoin(TokenRow, TokenRow.id == SessionRow.token_id)
    query = query.where(SessionRow.expires_at > now, SessionRow.seen_at > now - idle, token_is_good)
    return session.scalars(query.order_by(SessionRow.created_at.desc(), SessionRow.id)).all()


def end_all(session: Session, named: str) -> int:
    """Delete the session of an id, or all sessions of a person. Returns how many there were."""
    ended = delete(SessionRow).where((SessionRow.id == named) | (SessionRow.actor == named)).returning(SessionRow.id)
    return len(session.scalars(ended).all())


def use_code(session: Session, digest: bytes, now: datetime) -> str | None:
    """Use up a sign-in code. Returns the id of its token; None if it is unknown, used or too old."""
    good = (SignInCodeRow.digest == digest) & SignInCodeRow.used_at.is_(None) & (SignInCodeRow.expires_at > now)
    used = update(SignInCodeRow).where(good).values(used_at=now).returning(SignInCodeRow.token_id)
    return session.scalar(used)

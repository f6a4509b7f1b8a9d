"""Sessions: how a person stays signed in to the pages of a browser.

A session's cookie is `<id>.<secret>`, made as a token is (`services.security.auth`): the secret is 256 random bits, and
only its SHA-256 is stored. A session ends with the token that it was begun with, after IDLE without use, and after
LONGEST in any case; one that an identity provider stands behind (`services.security.openid`) has no token, and ends
sooner. It is looked up with every request, so an end holds at once.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.core.enums import Role
from domain.core.ids import ALPHABET
from domain.core.refusal import Refused
from domain.core.values import Frozen
from services.policy_file.zones import known_zone
from services.security.auth import USE_IS_NOTED, Caller, NotAuthenticated, find_holder, read_token
from store import sessions, tokens, visits
from store.database import Database
from store.tables.web import SessionRow, SignInCodeRow

IDLE = timedelta(hours=8)
"""How long a session lasts without use: a working day."""
LONGEST = timedelta(days=7)
"""How long a session lasts at most."""
CODE_LASTS = timedelta(minutes=15)
"""How long a sign-in link is good."""
_COOKIE = re.compile(r"([0-9a-z]{16})\.([A-Za-z0-9_-]{43})")
_NO_DIGEST = bytes(32)


class SignedIn(Frozen):
    """A person who is signed in."""

    id: str
    """The session's id."""
    caller: Caller
    zone: str
    """The IANA zone in which instants are shown."""
    csrf: str
    """What each of the session's forms must carry. Whoever cannot read the cookie cannot know it."""


def sign_in(db: Database, token: str, zone: str, now: datetime) -> str:
    """Begin a session for the holder of a token. Returns the cookie's value, for the only time.

    Raises NotAuthenticated, Refused (`not_allowed`) for an integration's token, DatabaseDown.
    """
    presented = read_token(f"Bearer {token}")
    caller, _ = find_holder(db, presented, now)
    return _begin(db, caller, zone, now)


def make_sign_in_code(db: Database, token_id: str, now: datetime) -> str:
    """Make the code of a link with which a token's holder signs in once, within CODE_LASTS. Raises DatabaseDown."""
    code = secrets.token_urlsafe(32)
    row = SignInCodeRow(digest=_digest(code), token_id=token_id, expires_at=now + CODE_LASTS, used_at=None)
    with db.begin() as session:
        sessions.keep(session, row)
    return code


def sign_in_by_code(db: Database, code: str, zone: str, now: datetime) -> str:
    """Begin a session by the code of a sign-in link, which is used up. Returns the cookie's value.

    Raises NotAuthenticated, Refused (`not_allowed`), DatabaseDown.
    """
    with db.begin() as session:
        token_id = sessions.use_code(session, _digest(code), now)
        row = tokens.find(session, token_id) if token_id else None
        if row is None or row.revoked_at is not None or row.expires_at <= now:
            raise NotAuthenticated("this sign-in link was used or has expired: ask for another")
        caller = Caller(token_id=row.id, actor=row.actor, role=Role(row.role), sources=tuple(row.sources))
        tokens.note_use(session, row.id, now)
    return _begin(db, caller, zone, now)


def _begin(db: Database, caller: Caller, zone: str, now: datetime) -> str:
    if caller.role in (Role.INTEGRATION, Role.BOT):
        raise Refused("not_allowed", "this token is a program's: pages are for people, so sign in with one of your own")
    return begin(db, caller.actor, caller.role, zone, now, token_id=caller.token_id)


def begin(
    db: Database,
    actor: str,
    role: Role,
    zone: str,
    now: datetime,
    *,
    token_id: str | None = None,
    lasts: timedelta = LONGEST,
) -> str:
    """Begin a session, of the holder of a token or of whom an identity provider has named. Returns the cookie's value,
    for the only time. Raises DatabaseDown."""
    session_id = "".join(secrets.choice(ALPHABET) for _ in range(16))
    secret = secrets.token_urlsafe(32)
    row = SessionRow(
        id=session_id,
        digest=_digest(secret),
        token_id=token_id,
        actor=actor,
        role=role.value,
        zone=known_zone(zone) or "UTC",
        created_at=now,
        seen_at=now,
        expires_at=now + lasts,
    )
    with db.begin() as session:
        sessions.keep(session, row)
        visits.note_visit(session, actor, now)
    return f"{session_id}.{secret}"


def find_session(db: Database, cookie: str | None, now: datetime) -> SignedIn:
    """Find who is signed in by a cookie's value. Raises NotAuthenticated, DatabaseDown."""
    parts = _COOKIE.fullmatch(cookie or "")
    if parts is None:
        raise NotAuthenticated("sign in to go on")
    session_id, secret = parts.groups()
    with db.questions() as session:
        found = sessions.find(session, session_id)
    # Compared also where there is none, so that how long it takes tells nothing.
    good = hmac.compare_digest(_digest(secret), found.digest if found else _NO_DIGEST)
    if found is None or not good:
        raise NotAuthenticated("you are signed out: sign in to go on")
    if found.expires_at <= now or found.seen_at + IDLE <= now:
        raise NotAuthenticated("your session has ended: sign in to go on")
    if found.token_id is not None and (
        found.token_expires_at is None or found.token_revoked_at is not None or found.token_expires_at <= now
    ):
        raise NotAuthenticated("the token that you signed in with has ended: ask for another")
    if found.seen_at + USE_IS_NOTED <= now:
        with db.begin() as session:
            sessions.note_use(session, session_id, now)
            visits.note_visit(session, found.actor, now)
            if found.token_id is not None:
                tokens.note_use(session, found.token_id, now)
    caller = Caller(token_id=found.token_id or f"session:{found.id}", actor=found.actor, role=Role(found.role))
    csrf = hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()
    return SignedIn(id=found.id, caller=caller, zone=found.zone, csrf=csrf)


def sign_out(db: Database, session_id: str) -> None:
    """End a session. Raises DatabaseDown."""
    with db.begin() as session:
        sessions.end(session, session_id)


def live_sessions(db: Database, now: datetime) -> Sequence[SessionRow]:
    """Return all sessions that have not ended, the newest first. Raises DatabaseDown."""
    with db.session() as session:
        return sessions.live(session, now, IDLE)


def end_sessions(db: Database, named: str) -> int:
    """End the session of an id, or all sessions of a person. Returns how many there were. Raises DatabaseDown."""
    with db.begin() as session:
        return sessions.end_all(session, named)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()

"""Publishable keys: what a page of yours shows, so that it may search the articles and open tickets.

A key is no secret: whoever reads the page has it. It opens nothing but the answers, and counts to nobody's name.
"""

import re
import secrets
from datetime import datetime
from urllib.parse import urlsplit

from domain.core.ids import ALPHABET
from domain.core.refusal import Refused
from services.intake.sources import check_actor
from services.security.auth import NotAuthenticated
from store import help_sessions as rows
from store.database import Database
from store.tables.knowledge import HelpKeyRow

_KEY = re.compile(r"(?i:bearer) {1,4}(pk_[0-9a-z]{24})")
MOST_ORIGINS = 20


def key_of(authorization: str | None) -> str | None:
    """Return the publishable key that an Authorization header holds; None for anything else."""
    match = _KEY.fullmatch(authorization[:100]) if authorization else None
    return match.group(1) if match else None


def make_key(db: Database, name: str, origins: list[str], now: datetime) -> HelpKeyRow:
    """Make a key for the pages of some origins, or of all. Raises Refused (`malformed`), DatabaseDown."""
    check_actor(name, "name")
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}" or not parts.netloc:
            raise Refused("malformed", f"{origin[:60]!r} is no origin: write it as https://app.example.com")
    if len(origins) > MOST_ORIGINS:
        raise Refused("malformed", f"a key has {MOST_ORIGINS} origins at most")
    key = "pk_" + "".join(secrets.choice(ALPHABET) for _ in range(24))
    row = HelpKeyRow(key=key, name=name, origins=origins, created_at=now, revoked_at=None)
    with db.begin() as session:
        rows.keep_key(session, row)
    return row


def find_key(db: Database, key: str, origin: str | None) -> str:
    """Return the name of a key that a page of `origin` shows; a program names no origin. Raises NotAuthenticated,
    DatabaseDown."""
    with db.session() as session:
        row = rows.find_key(session, key)
    if row is None or row.revoked_at is not None:
        raise NotAuthenticated("this publishable key is not known, or was revoked")
    if row.origins and origin is not None and origin not in row.origins:
        raise NotAuthenticated("this publishable key is not for pages of this origin")
    return row.name

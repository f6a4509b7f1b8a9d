"""Who is asking: bearer tokens, and what their holder may say of itself.

A token is `tl_<id>_<secret>`. The id may be shown; the secret is 256 random bits, and only its SHA-256 is stored. That
is enough, where a password would need a slow hash with a salt: nobody can guess or tabulate 256 random bits, and a slow
hash on every request would only be a way to keep us busy.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from domain.aggregate.command import LEADS
from domain.core.enums import Role
from domain.core.failures import NotUsable
from domain.core.ids import ALPHABET
from domain.core.refusal import Refused
from domain.core.values import Frozen
from services.intake import sources as ours
from store import tokens
from store.database import Database
from store.tables.integrations import TokenRow

GRANTABLE = tuple(role for role in Role if role not in (Role.SYSTEM, Role.CUSTOMER))
"""The roles that a token may have: Tierline itself needs none, and customers have none."""
LONGEST = timedelta(days=366)
LONGEST_HEADER = 200
"""Characters of an Authorization header: more than three times what a token needs."""
USE_IS_NOTED = timedelta(minutes=1)
"""How old the noted use of a token or a session may become before it is noted again."""
_TOKEN = re.compile(r"(?i:bearer) {1,4}tl_([0-9a-z]{10})_([A-Za-z0-9_-]{43})")
_NO_DIGEST = bytes(32)


class NotAuthenticated(NotUsable):
    """Whoever asks has not shown who they are. One line, which says what to do and holds no secret."""

    def __init__(self, message: str, token_id: str | None = None) -> None:
        super().__init__(message)
        self.token_id = token_id
        """The token's id, if one was shown: for the record."""


class Caller(Frozen):
    """Who is asking, by the word of a token."""

    token_id: str
    actor: str
    role: Role
    sources: tuple[str, ...] = ()
    """Of an integration: the sources under which it opens tickets, and for whose tickets it speaks."""


class Shown(NamedTuple):
    """A token as it was shown, without its secret: fit to be a key, since one token has one form."""

    token_id: str
    digest: bytes
    """SHA-256 of the secret."""


def create_token(
    db: Database, actor: str, role: Role, lifetime: timedelta, now: datetime, *, sources: Sequence[str] = ()
) -> tuple[str, TokenRow]:
    """Make a token for `actor`. Returns it, for the only time, and what is kept of it.

    An integration is bound to its `sources`; where none is said, to the one of its own name. Raises Refused,
    DatabaseDown.
    """
    if role not in GRANTABLE:
        raise Refused("not_allowed", f"no token has the role {role}", would_fit=[str(one) for one in GRANTABLE])
    if not timedelta(0) < lifetime <= LONGEST:
        raise Refused("malformed", f"a token lives for {LONGEST.days} days at most")
    ours.check_actor(actor, "name")
    if role is Role.INTEGRATION:
        sources = tuple(dict.fromkeys(sources or (actor,)))
        ours.check_granted(sources)
    elif sources:
        raise Refused("malformed", f"only an integration is bound to sources: the role is {role}")
    token_id = "".join(secrets.choice(ALPHABET) for _ in range(10))
    secret = secrets.token_urlsafe(32)
    row = TokenRow(
        id=token_id,
        digest=_digest(secret),
        actor=actor,
        role=role.value,
        sources=list(sources),
        created_at=now,
        expires_at=now + lifetime,
        revoked_at=None,
        used_at=None,
    )
    with db.begin() as session:
        tokens.keep(session, row)
    return f"tl_{token_id}_{secret}", row


def read_token(authorization: str | None) -> Shown:
    """Read an Authorization header. Raises NotAuthenticated for what is no token."""
    if authorization is not None and len(authorization) > LONGEST_HEADER:
        raise NotAuthenticated(f"the Authorization header has more than {LONGEST_HEADER} characters: no token does")
    match = _TOKEN.fullmatch(authorization or "")
    if match is None:
        raise NotAuthenticated("a token is needed: send `Authorization: Bearer tl_...`")
    token_id, secret = match.groups()
    return Shown(token_id, _digest(secret))


def find_holder(db: Database, shown: Shown, now: datetime) -> tuple[Caller, datetime]:
    """Find who holds a token, and until when it is good; note that it was used. Raises NotAuthenticated,
    DatabaseDown."""
    token_id = shown.token_id
    with db.session() as session:
        row = tokens.find(session, token_id)
    # Compared also where there is none, so that how long it takes tells nothing.
    if not hmac.compare_digest(shown.digest, row.digest if row else _NO_DIGEST) or row is None:
        raise NotAuthenticated("this token is not known", token_id)
    if row.revoked_at is not None:
        raise NotAuthenticated("this token was revoked: ask for another", token_id)
    if row.expires_at <= now:
        raise NotAuthenticated("this token has expired: ask for another", token_id)
    if row.used_at is None or row.used_at + USE_IS_NOTED <= now:
        with db.begin() as session:
            tokens.note_use(session, token_id, now)
    return Caller(token_id=token_id, actor=row.actor, role=Role(row.role), sources=tuple(row.sources)), row.expires_at


def authenticate(db: Database, authorization: str | None, now: datetime) -> Caller:
    """Say whose token an Authorization header holds. Raises NotAuthenticated, DatabaseDown."""
    return find_holder(db, read_token(authorization), now)[0]


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def speak(caller: Caller, payload: dict[str, Any]) -> dict[str, Any]:
    """Return what was said, with who says it: that is the token's to say, not the payload's.

    Only an integration may name somebody else, whose words it carries; the role tells that it was an integration that
    said so. Only an integration may name the source of an instant, and a lead attest one (C12); only an integration may
    say that a ticket came in earlier. Raises Refused (`not_allowed`).
    """
    if payload.get("role") not in (None, caller.role):
        raise Refused("not_allowed", f"the role is what the token says: {caller.role}")
    if caller.role is not Role.INTEGRATION:
        _only_of_itself(caller, payload)
    elif payload.get("by") != caller.actor:
        ours.check_actor(payload.get("by"))
    return payload | {"by": payload.get("by") or caller.actor, "role": caller.role.value}


def _only_of_itself(caller: Caller, payload: dict[str, Any]) -> None:
    if payload.get("by") not in (None, caller.actor):
        raise Refused("not_allowed", f"only an integration speaks for others: this token is {caller.actor}'s")
    if payload.get("opened_at") is not None:
        raise Refused("not_allowed", "only an integration says when a ticket came in")
    evidence = payload.get("occurred") is not None
    if evidence and caller.role not in LEADS:
        raise Refused("not_allowed", "only an integration says when something happened, or a lead attests it")

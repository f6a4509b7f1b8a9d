"""Tokens of the API: their digests, whose they are, and until when."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from store.tables.integrations import TokenRow


def keep(session: Session, token: TokenRow) -> None:
    """Store a new token."""
    session.add(token)


def find(session: Session, token_id: str) -> TokenRow | None:
    """Return the token of this id, whatever has become of it."""
    return session.get(TokenRow, token_id)


def every(session: Session) -> Sequence[TokenRow]:
    """Return all tokens, the newest first."""
    return session.scalars(select(TokenRow).order_by(TokenRow.created_at.desc(), TokenRow.id)).all()


def note_use(session: Session, token_id: str, at: datetime) -> None:
    """Note that a token was used at `at`. An instant before the noted one changes nothing."""
    earlier = TokenRow.used_at.is_(None) | (TokenRow.used_at < at)
    session.execute(update(TokenRow).where(TokenRow.id == token_id, earlier).values(used_at=at))


def revoke(session: Session, token_id: str, at: datetime) -> bool:
    """Revoke a token. Returns False if there is no such token; revoking a token again changes nothing."""
    mine = update(TokenRow).where(TokenRow.id == token_id, TokenRow.revoked_at.is_(None)).values(revoked_at=at)
    session.execute(mine)
    return session.get(TokenRow, token_id) is not None

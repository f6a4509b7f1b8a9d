"""Whole texts, as they came, of those that an event has shortened or without their markup."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.core.values import Frozen, Instant
from store.database import PLAIN
from store.tables.journal import KeptTextRow
from store.tables.tickets import TicketRow


class KeptText(Frozen):
    """One of them, without what it says."""

    id: str
    why: str
    characters: int
    kept_at: Instant


def keep(session: Session, ticket_id: str, texts: Mapping[str, Sequence[str]]) -> None:
    """Keep texts of a ticket, by id: why, and what they say. The same again changes nothing; a ticket that is not on
    record keeps nothing."""
    for key, (why, text) in texts.items():
        if session.get(KeptTextRow, (ticket_id, key)) is None and session.get(TicketRow, ticket_id) is not None:
            row = {"ticket_id": ticket_id, "id": key, "why": why, "text": text.replace("\x00", "\ufffd")}
            session.execute(insert(KeptTextRow).values(row).on_conflict_do_nothing(), execution_options=PLAIN)


def kept(session: Session, ticket_id: str) -> Sequence[KeptText]:
    """Return the texts of a ticket that are kept whole, the first first."""
    query = select(KeptTextRow.id, KeptTextRow.why, func.length(KeptTextRow.text), KeptTextRow.kept_at)
    found = session.execute(
        query.where(KeptTextRow.ticket_id == ticket_id).order_by(KeptTextRow.kept_at, KeptTextRow.id)
    )
    return [KeptText(id=key, why=why, characters=count, kept_at=at) for key, why, count, at in found]


def find(session: Session, ticket_id: str, key: str) -> str | None:
    """Return what one of them says; None if there is none, or none any more."""
    row = session.get(KeptTextRow, (ticket_id, key))
    return row.text if row else None


def wholes(session: Session, ticket_id: str, texts: Mapping[str, str]) -> dict[str, str]:
    """Return the whole of those `texts` that were shortened, by the same names: a shortened text names its whole."""
    ids = [one.id for one in kept(session, ticket_id) if one.why == "long"]
    named = {name: key for name, text in texts.items() for key in ids if f" {key} " in text}
    found = {name: find(session, ticket_id, key) for name, key in named.items()}
    return {name: text for name, text in found.items() if text is not None}

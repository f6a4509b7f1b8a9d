"""Drafts of knowledge base articles, opened by a resolution that found a gap (G9)."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.ticket.events import Event
from domain.ticket.state import Ticket
from store.tables.tickets import KbArticleRow


def draft(session: Session, ticket: Ticket, event: Event) -> None:
    """Open a draft for the gap that `event` showed; once, however often it is asked for."""
    row = {
        "state": "draft",
        "ticket_id": ticket.id,
        "event_seq": event.seq,
        "product_area": ticket.product_area,
        "title": f"Gap shown by ticket {ticket.id}",
        "created_at": event.at,
    }
    session.execute(insert(KbArticleRow).values(row).on_conflict_do_nothing())


class Gap(NamedTuple):
    """A gap of the knowledge base that a ticket showed, and that no article fills yet."""

    ticket: str
    since: datetime


def gaps(session: Session, product_area: str, *, besides: str, limit: int) -> list[Gap]:
    """Return the known gaps of an area of the product, the newest first, without those of one ticket."""
    of_area = (KbArticleRow.product_area == product_area, KbArticleRow.state == "draft")
    others = (KbArticleRow.ticket_id.is_not(None), KbArticleRow.ticket_id != besides)
    query = select(KbArticleRow.ticket_id, KbArticleRow.created_at).where(*of_area, *others)
    rows = session.execute(query.order_by(KbArticleRow.created_at.desc()).limit(limit))
    return [Gap(ticket, since) for ticket, since in rows if ticket]


def forget_drafts(session: Session, ticket_id: str, seq: int) -> None:
    """Delete the drafts of superseded events, those from `seq` on, that nobody took up."""
    caused = (KbArticleRow.ticket_id == ticket_id, KbArticleRow.event_seq >= seq, KbArticleRow.state == "draft")
    session.execute(delete(KbArticleRow).where(*caused), execution_options={"synchronize_session": False})

"""Drafts of knowledge base articles, opened by a resolution that found a gap (G9)."""

from sqlalchemy import delete
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


def forget_drafts(session: Session, ticket_id: str, seq: int) -> None:
    """The events from `seq` on are superseded: drafts that nobody took up go with them."""
    caused = (KbArticleRow.ticket_id == ticket_id, KbArticleRow.event_seq >= seq, KbArticleRow.state == "draft")
    session.execute(delete(KbArticleRow).where(*caused), execution_options={"synchronize_session": False})

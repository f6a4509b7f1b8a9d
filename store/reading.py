"""What the journal can be asked: the ticket as it is, as its events make it, and its timeline."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from domain.ticket.aggregate import TICKET
from domain.ticket.events import Event
from domain.ticket.state import Ticket
from store.records import to_event, to_ticket
from store.tables.integrations import InboxRow
from store.tables.journal import EventRow, TextRow
from store.tables.tickets import TicketRow


@dataclass(frozen=True)
class Entry:
    """One line of a ticket's timeline."""

    event: Event
    epoch: int
    run_id: str
    recorded_at: datetime
    """When the journal got it, by the database's clock."""
    superseded: bool
    """It belongs to a past that a workflow reset rewrote."""
    erased: tuple[str, ...]
    """The texts that came with it and were erased since; they are empty in `event`."""


def load(session: Session, ticket_id: str, *, lock: bool = False) -> Ticket | None:
    """The ticket as it is; None if there is none. With `lock`, nobody else changes it until the transaction ends."""
    query = select(TicketRow.state, TicketRow.terms).where(TicketRow.id == ticket_id)
    if lock:
        query = query.with_for_update()
    row = session.execute(query).one_or_none()
    return to_ticket(session, row.state, row.terms) if row else None


def origin(session: Session, ticket_id: str) -> tuple[str, str] | None:
    """The source and external id of a ticket; None if there is none."""
    row = session.execute(
        select(TicketRow.source, TicketRow.external_id).where(TicketRow.id == ticket_id)
    ).one_or_none()
    return (row.source, row.external_id) if row else None


def opened_by(session: Session, ticket_id: str) -> str | None:
    """The identity of whatever opened a ticket, where it has one."""
    first = select(EventRow.command_id).where(EventRow.ticket_id == ticket_id, EventRow.seq == 1, ~EventRow.superseded)
    return session.scalars(first).one_or_none()


def fold(session: Session, ticket_id: str) -> Ticket | None:
    """The ticket as its live events make it, from the journal alone; None if there are none.

    Equal to `load`, always: what is stored there is this, kept up to date.
    """
    ticket: Ticket | None = None
    for row in _rows(session, ticket_id):
        ticket = TICKET.evolve(ticket, to_event(session, row, {}))
    return ticket


def timeline(
    session: Session, ticket_id: str, *, superseded: bool = False, after: int = 0, limit: int | None = None
) -> list[Entry]:
    """Every live event in order, with its texts; with `superseded`, those of dead branches too, epoch by epoch.

    `after` and `limit` ask for a part: from the event that follows, so many at most.
    """
    rows = list(_rows(session, ticket_id, superseded=superseded, after=after, limit=limit))
    texts: defaultdict[tuple[int, int], dict[str, str]] = defaultdict(dict)
    last = rows[-1].seq if rows and limit is not None else None
    query = select(TextRow).where(TextRow.ticket_id == ticket_id, TextRow.seq > after)
    for text in session.scalars(query if last is None else query.where(TextRow.seq <= last)):
        texts[text.epoch, text.seq][text.name] = text.text
    return [_entry(session, row, texts[row.epoch, row.seq]) for row in rows]


def texts(session: Session, ticket_id: str, refs: Iterable[str] | None = None) -> dict[str, str]:
    """The texts of the live events, by `<sequence>.<name>`, as `Ticket.fields` refers to them; with `refs`, only those.

    What was erased, or never was, is left out.
    """
    live = (
        select(TextRow.seq, TextRow.name, TextRow.text)
        .join(EventRow, _same_event())
        .where(TextRow.ticket_id == ticket_id, ~EventRow.superseded)
        .order_by(TextRow.seq, TextRow.name)
    )
    found = {f"{row.seq}.{row.name}": row.text for row in session.execute(live)}
    wanted = found if refs is None else set(refs)
    return {ref: text for ref, text in found.items() if ref in wanted}


def erase_texts(session: Session, ticket_id: str) -> int:
    """Erase the person: all free text of the ticket, dead branches and stored deliveries included.

    The events stay, and fold to the same ticket. Returns how many texts there were.
    """
    erased = session.execute(delete(TextRow).where(TextRow.ticket_id == ticket_id).returning(TextRow.seq)).all()
    session.execute(update(InboxRow).where(InboxRow.ticket_id == ticket_id).values(payload={}))
    return len(erased)


def _rows(
    session: Session, ticket_id: str, *, superseded: bool = False, after: int = 0, limit: int | None = None
) -> Iterable[EventRow]:
    query = select(EventRow).where(EventRow.ticket_id == ticket_id, EventRow.seq > after).limit(limit)
    if superseded:
        return session.scalars(query.order_by(EventRow.epoch, EventRow.seq))
    return session.scalars(query.where(~EventRow.superseded).order_by(EventRow.seq))


def _entry(session: Session, row: EventRow, texts: Mapping[str, str]) -> Entry:
    return Entry(
        event=to_event(session, row, texts),
        epoch=row.epoch,
        run_id=row.run_id,
        recorded_at=row.recorded_at,
        superseded=row.superseded,
        erased=tuple(name for name in row.text_names if name not in texts),
    )


def _same_event() -> ColumnElement[bool]:
    return (TextRow.ticket_id == EventRow.ticket_id) & (TextRow.epoch == EventRow.epoch) & (TextRow.seq == EventRow.seq)

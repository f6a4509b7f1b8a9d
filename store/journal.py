"""The journal: every event of every ticket, in order, and the ticket that they make, in the same transaction.

Events arrive at least once, from runs that may have been reset. So an append looks at what is there already:

- the same event in its place: a repeat, and nothing happens;
- another event in its place: the workflow was reset and its past rewritten. The old branch from there on is marked
  superseded and kept, and the new one goes on under the next epoch;
- a gap: something is still under way, or a bug; refused, to be tried again.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.orm import Session

from domain.ticket import aggregate
from domain.ticket.aggregate import TICKET
from domain.ticket.events import Event, Opened, Resolved
from domain.ticket.rules.churn import ChurnRule
from domain.ticket.state import Ticket
from store import churn_alerts, kb, late_effects, outbox
from store import webhook_outbox as feed
from store.database import lock
from store.reading import Entry, erase_texts, fold, load, texts, timeline
from store.records import event_digest, event_record, storable, terms_digest, ticket_record, to_ticket
from store.tables.journal import EventRow, TextRow
from store.tables.tickets import TicketRow

__all__ = [
    "Appended", "DeadRun", "Entry", "Gap", "append", "erase_texts", "fold", "load", "open_once", "texts", "timeline",
]  # fmt: skip

log = logging.getLogger("tierline.journal")

INTAKE = "intake"
"""The run id of what the front door records before the workflow starts."""
CLOSED = "closed"
"""The run id of what happens after the workflow's end."""


class Gap(Exception):
    """An event does not follow the ticket's last one. The same again may succeed, once what lacks has arrived."""


class DeadRun(Exception):
    """A run that was reset, and whose successor has written already, comes with another past. Nothing was written.

    Trying again is useless; what it wanted to record did not happen.
    """


class Appended(NamedTuple):
    """Where the ticket's journal stands after an append."""

    epoch: int
    seq: int
    state: Ticket
    new: int
    """How many events were written: 0 for a repeat."""


def append(
    session: Session, ticket_id: str, run_id: str, events: Sequence[Event], *, churn: ChurnRule | None = None
) -> Appended:
    """Record events of one ticket, with everything that follows from them in the database: the projection, notices
    (F5), the churn alert (F1, by the policy's `churn`), a draft for a gap in the knowledge base (G9), and the one alert
    for all that wait for Jira (F5).

    In the caller's transaction, so all or nothing; one writer at a time for each ticket. Raises Gap and DeadRun.
    """
    return _append(session, _locked(session, ticket_id), ticket_id, run_id, events, churn)


def _append(
    session: Session,
    row: TicketRow | None,
    ticket_id: str,
    run_id: str,
    events: Sequence[Event],
    churn: ChurnRule | None,
) -> Appended:
    """Under the ticket's lock."""
    events = [storable(event) for event in events]
    _check_batch(ticket_id, events)
    before = to_ticket(session, row.state, row.terms) if row else None
    epoch = row.epoch if row else 1
    digests = {event.seq: event_digest(event) for event in events}
    if row and (clash := _clash(session, row, events[0].seq, digests)):
        _refuse_another_ticket(row, events[0])
        _refuse_the_dead(session, ticket_id, run_id, clash)
        epoch += 1
        before = _supersede(session, ticket_id, run_id, clash, epoch)
    elif epoch > 1 and run_id != CLOSED:
        _refuse_the_dead(session, ticket_id, run_id)
    seq = before.seq if before else 0
    fresh = [event for event in events if event.seq > seq]
    if before and not fresh:
        return Appended(epoch, seq, before, 0)
    if fresh[0].seq != seq + 1:
        raise Gap(f"ticket {ticket_id} is at {seq}: event {fresh[0].seq} does not follow")
    after = _write(session, row, before, fresh, {"ticket_id": ticket_id, "epoch": epoch, "run_id": run_id}, digests)
    late_effects.watch(session, before, after, fresh[-1])
    churn_alerts.watch(session, before, after, fresh[-1], churn or ChurnRule())
    return Appended(epoch, after.seq, after, len(fresh))


def open_once(session: Session, ticket_id: str, events: Sequence[Event], *, churn: ChurnRule | None = None) -> Appended:
    """Record the opening of a ticket at intake; one that is there already stays as it is, and is returned.

    For the front door, where the same request may come twice and be decided twice, at different instants.
    """
    lock(session, "ticket", ticket_id)
    if row := session.scalars(_for_update(ticket_id)).one_or_none():
        return Appended(row.epoch, row.seq, to_ticket(session, row.state, row.terms), 0)
    return _append(session, None, ticket_id, INTAKE, events, churn)


def _check_batch(ticket_id: str, events: Sequence[Event]) -> None:
    if not events:
        raise ValueError(f"ticket {ticket_id}: there is nothing to append")
    for place, event in enumerate(events):
        if event.seq != events[0].seq + place:
            raise Gap(f"ticket {ticket_id}: in one batch, event {event.seq} does not follow {events[place - 1].seq}")


def _locked(session: Session, ticket_id: str) -> TicketRow | None:
    """The ticket's row, for this transaction alone; of a ticket that is not there, the right to make it."""
    row = session.scalars(_for_update(ticket_id)).one_or_none()
    if row is None:
        lock(session, "ticket", ticket_id)
        row = session.scalars(_for_update(ticket_id)).one_or_none()
    return row


def _for_update(ticket_id: str) -> Select[TicketRow]:
    query = select(TicketRow).where(TicketRow.id == ticket_id).with_for_update()
    return query.execution_options(populate_existing=True)


# -- A past that was rewritten -------------------------------------------------------------------------------


def _clash(session: Session, row: TicketRow, first: int, digests: dict[int, str]) -> int | None:
    """The first place in which the journal has another event than the batch."""
    if first > row.seq:
        return None
    there = session.execute(
        select(EventRow.seq, EventRow.digest)
        .where(EventRow.ticket_id == row.id, EventRow.seq >= first, ~EventRow.superseded)
        .order_by(EventRow.seq)
    )
    return next((seq for seq, digest in there if seq in digests and digests[seq] != digest), None)


def _refuse_another_ticket(row: TicketRow, first: Event) -> None:
    """Ids are derived, so that two tickets might share one, however unlikely: neither may overwrite the other."""
    if isinstance(first.body, Opened) and (first.body.source, first.body.external_id) != (row.source, row.external_id):
        raise ValueError(f"ticket id {row.id} is taken by another ticket, of {row.source}")


def _refuse_the_dead(session: Session, ticket_id: str, run_id: str, clash: int | None = None) -> None:
    """Of two runs with different pasts the later one is alive: a reset ends the run that it starts from. A run that
    has written before, and is not the last that wrote, is a late attempt of one that has ended.

    Without a clash its past must have been superseded: then it does not go on from the new one, even where what it
    brings would follow by its number.
    """
    rows = select(EventRow.run_id).where(EventRow.ticket_id == ticket_id)
    last = session.scalars(rows.where(~EventRow.superseded).order_by(EventRow.seq.desc()).limit(1)).one()
    written = rows.where(EventRow.run_id == run_id)
    if clash is None:
        written = written.where(EventRow.superseded)
    if last != run_id and session.scalars(written.limit(1)).first():
        where = f"at event {clash}" if clash else "with another past"
        raise DeadRun(f"ticket {ticket_id}: run {run_id} was reset, {last} has taken over {where}")


def _supersede(session: Session, ticket_id: str, run_id: str, clash: int, epoch: int) -> Ticket | None:
    """Mark the old branch from the clash on. Returns the ticket as it was before it."""
    log.warning(
        "ticket %s: run %s has another event %d than the journal; the old branch is superseded, epoch %d begins",
        *(ticket_id, run_id, clash, epoch),
    )
    dead = (EventRow.ticket_id == ticket_id, EventRow.seq >= clash, ~EventRow.superseded)
    session.execute(update(EventRow).where(*dead).values(superseded=True), execution_options=_PLAIN)
    outbox.orphan(session, ticket_id, clash)
    feed.orphan(session, ticket_id, clash)
    kb.forget_drafts(session, ticket_id, clash)
    return fold(session, ticket_id)


# -- Writing -------------------------------------------------------------------------------------------------

_PLAIN = {"synchronize_session": False}


def _write(
    session: Session,
    row: TicketRow | None,
    before: Ticket | None,
    fresh: Sequence[Event],
    place: dict[str, str | int],
    digests: dict[int, str],
) -> Ticket:
    ticket, ticket_id, epoch = before, str(place["ticket_id"]), int(place["epoch"])
    records, words, notices = [], [], []
    for event in fresh:
        ticket = TICKET.evolve(ticket, event)
        records.append(event_record(session, event, digest=digests[event.seq], place=place))
        key = {"ticket_id": ticket_id, "epoch": epoch, "seq": event.seq}
        if not _erased(row, event):
            words += [{**key, "name": name, "text": text} for name, text in event.texts.items()]
        notices += [(event.seq, notice) for notice in aggregate.notices(ticket, event)]
    assert ticket is not None
    if ticket.id != ticket_id:
        raise ValueError(f"events of ticket {ticket.id} were brought as those of {ticket_id}")
    _write_ticket(session, row, ticket, epoch)
    session.execute(insert(EventRow), records)
    if words:
        session.execute(insert(TextRow), words)
    outbox.put(session, notices, epoch)
    feed.put(session, ticket, fresh, epoch)
    for event in fresh:
        if isinstance(event.body, Resolved) and event.body.kb_gap:
            kb.draft(session, ticket, event)
    return ticket


def _erased(row: TicketRow | None, event: Event) -> bool:
    """Whether the event is from before the ticket's person was erased: its texts must not come back, whether it was on
    its way then, or a reset workflow tells its past again."""
    return row is not None and row.erased_at is not None and (event.received or event.detected) <= row.erased_at


def _write_ticket(session: Session, row: TicketRow | None, after: Ticket, epoch: int) -> None:
    """The projection. Under the ticket's lock, so nothing can have come between."""
    record = ticket_record(after, epoch=epoch, terms=terms_digest(after.terms))
    if row is None:
        session.execute(insert(TicketRow), [record])
        return
    for name, value in (record | {"updated_at": func.now()}).items():
        setattr(row, name, value)
    session.flush()

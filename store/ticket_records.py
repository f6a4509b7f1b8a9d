"""What reports count of a ticket (F3), kept in the journal's transaction: `domain.report.record` makes it of events.

An append that counts for nothing costs nothing. A ticket from before there were records gets its own, from the whole of
its journal, with its next event that counts.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from domain.report.record import COUNTED, Moment, Record, follow
from domain.ticket.events import Event, Filled, Opened
from domain.ticket.state import Ticket
from domain.tracker.fingerprint import error_label
from store import outcomes
from store.database import PLAIN
from store.journal.terms import terms_digest
from store.tables.base import Json
from store.tables.reports import TicketMomentRow, TicketRecordRow

Steps = Sequence[tuple[Event, Ticket]]
"""Events in order, each with the ticket as it left it."""
Texts = Callable[[], Mapping[str, str]]
"""Reads the texts of a ticket, by where they stand."""

SHOWS_ERROR = (Opened, Filled)
"""The events whose texts may show an error."""


def keep(session: Session, steps: Steps, whole: Callable[[], Steps], texts: Texts, *, rewritten: bool = False) -> None:
    """Bring a ticket's record up to date with new events, which the journal has already. `whole` reads all of them.

    `rewritten`: a reset has rewritten the ticket's past, and its record was forgotten with it. Then it is made anew
    also where the new events count for nothing.
    """
    if not rewritten and not any(isinstance(event.body, (*COUNTED, Filled)) for event, _ in steps):
        return
    ticket = steps[-1][1].id
    row = None
    if steps[0][0].seq > 1:
        row = session.execute(_kept(ticket)).one_or_none()
        if row is None:
            steps = whole()
    record = _record(session, ticket, row.state) if row else None
    after = follow(record, steps)
    if after is None:
        return
    error, terms = (row.error, row.terms) if row else ("", terms_digest(steps[0][1].terms))
    if any(isinstance(event.body, SHOWS_ERROR) for event, _ in steps):
        error = error_label(steps[-1][1], texts()) or error
    more: dict[str, Any] = {"error": error, "terms": terms}
    then = next((one for event, one in steps if event.seq == after.seq), None)
    if then:  # else nothing that counts has come
        more["outcomes"] = outcomes.stored(after, then)
    _write(session, ticket, record, after, more)


def remake(session: Session, ticket: str, steps: Steps, texts: Texts, write: bool) -> bool:
    """Make the record of a ticket anew from all of its events. Returns whether it differed.

    What was made of words that have been erased since stays as it is: a label, and no word.
    """
    row = session.execute(_kept(ticket)).one_or_none()
    record = _record(session, ticket, row.state) if row else None
    after = follow(None, steps)
    if after is None:
        return False
    error = error_label(steps[-1][1], texts())
    if row and record:
        error = error or row.error
        after = after.model_copy(update={"root_cause": after.root_cause or record.root_cause})
    then = next(one for event, one in steps if event.seq == after.seq)
    more = {"error": error, "terms": terms_digest(steps[0][1].terms), "outcomes": outcomes.stored(after, then)}
    made = _columns(after) | more
    kept = session.execute(select(TicketRecordRow.__table__).where(TicketRecordRow.ticket_id == ticket)).one_or_none()
    if record == after and kept and all(kept._mapping[name] == value for name, value in made.items()):
        return False
    if write:
        forget(session, ticket)
        _write(session, ticket, None, after, more)
    return True


def forget(session: Session, ticket: str) -> None:
    """Delete the record of a ticket: its past is rewritten, or it is made anew."""
    session.execute(delete(TicketMomentRow).where(TicketMomentRow.ticket_id == ticket), execution_options=PLAIN)
    session.execute(delete(TicketRecordRow).where(TicketRecordRow.ticket_id == ticket), execution_options=PLAIN)


def _kept(ticket: str) -> Any:
    columns = (TicketRecordRow.state, TicketRecordRow.error, TicketRecordRow.terms)
    return select(*columns).where(TicketRecordRow.ticket_id == ticket)


def _record(session: Session, ticket: str, state: Json) -> Record:
    """Return a record as it is kept: its moments are rows of their own, and nowhere else, so that its row is short."""
    return Record.model_validate(state | {"moments": _moments(session, ticket)})


def _moments(session: Session, ticket: str) -> list[Json]:
    table = TicketMomentRow.__table__
    query = select(table).where(TicketMomentRow.ticket_id == ticket).order_by(TicketMomentRow.place)
    rows = session.execute(query)
    return [{name: value for name, value in row._mapping.items() if name not in _PLACE} for row in rows]


_PLACE = ("ticket_id", "place")


def _write(session: Session, ticket: str, before: Record | None, after: Record, more: Mapping[str, Any]) -> None:
    row = {**_columns(after), **more}
    insertion = upsert(TicketRecordRow).values(ticket_id=ticket, **row)
    session.execute(insertion.on_conflict_do_update(index_elements=["ticket_id"], set_=row), execution_options=PLAIN)
    fresh = []
    pairs = zip_longest(before.moments if before else (), after.moments)
    for place, (old, new) in enumerate(pairs):
        if old == new:
            continue
        here = (TicketMomentRow.ticket_id == ticket, TicketMomentRow.place == place)
        if new is None:
            session.execute(delete(TicketMomentRow).where(*here), execution_options=PLAIN)
        elif old is None:
            fresh.append({"ticket_id": ticket, "place": place} | _moment_columns(new))
        else:
            session.execute(update(TicketMomentRow).where(*here).values(_moment_columns(new)), execution_options=PLAIN)
    if fresh:
        session.execute(insert(TicketMomentRow), fresh)


def _columns(record: Record) -> dict[str, Any]:
    return {
        "seq": record.seq, "account": record.account, "plan": record.plan.value, "priority": record.priority.value,
        "category": record.category.value, "area": record.area, "channel": record.channel.value,
        "language": record.language, "policy": record.policy, "zone": record.zone, "hour": record.hour,
        "wait_open": record.wait_open, "opened_at": record.opened_at, "first_response": record.first_response,
        "ended_at": record.ended_at, "resolution": record.resolution, "discarded": record.discarded,
        "cause": record.cause, "article": record.article, "gap": record.gap, "win": record.win,
        "state": record.model_dump(mode="json", exclude_defaults=True, exclude={"moments"}),
    }  # fmt: skip


def _moment_columns(moment: Moment) -> dict[str, Any]:
    return {
        "kind": moment.kind, "at": moment.at, "seq": moment.seq, "plan": moment.plan.value,
        "priority": moment.priority.value, "tier": moment.tier.value,
        "side": moment.side and moment.side.value, "metric": moment.metric and moment.metric.value,
        "status": moment.status, "since": moment.since, "taken": moment.taken, "team": moment.team,
        "agent": moment.agent, "figure": moment.figure,
    }  # fmt: skip

"""One ticket as it can be seen now: from the journal, and from its workflow for what the journal cannot give yet."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from domain.core.failures import Unavailable
from domain.core.ids import ticket_id
from domain.core.refusal import Refused
from domain.ticket.events import Event
from domain.ticket.state import Ticket, workflow_id
from services.reading.running import Connect, DescribedLately, Waiting, asked, describe, notes_on, stopped
from services.reading.similar import Candidate, offered
from store import helpdesk_links, journal, queries, refunds
from store.database import Database, DatabaseDown
from store.journal import Entry
from store.questions import Asked, asked_together
from store.refunds import RefundLine

MOST_REFUSED = 5
"""Deliveries that were refused late, the latest, that a ticket shows."""
SHOWN_LATE = 100
"""Deliveries that were refused late, the latest, that a ticket's timeline shows."""


class LateRefusal(NamedTuple):
    """A delivery that was refused after it had been answered as taken."""

    at: datetime
    source: str
    code: str
    missing: tuple[str, ...]


class Seen(NamedTuple):
    """A ticket as it could be seen."""

    ticket: Ticket
    texts: Mapping[str, str]
    """By where they stand, as `Ticket.fields` refers to them."""
    live: bool
    """Whether its workflow runs."""
    note: str = ""
    """What hinders it, or why something could not be seen, for a person."""
    similar: tuple[Candidate, ...] = ()
    """F4: open issues that may carry its problem already, for the next hand-off."""
    status: str = "running"
    """The status of its workflow, as `Described` has it."""
    waiting: tuple[Waiting, ...] = ()
    """Why pending effects wait."""
    refused: tuple[LateRefusal, ...] = ()
    """What other systems sent about it, was taken, and was refused when it was acted on: the latest."""

    journal_seq: int = 0
    """The number of the newest event whose texts are among `texts`."""

    refunds: Mapping[int, RefundLine] = {}
    """F6: what is known of its refunds beside the ticket, by their numbers: above all, whether billing has them."""


class _Known(NamedTuple):
    """What the database knows."""

    ticket: Ticket | None
    texts: Mapping[str, str] = {}
    similar: tuple[Candidate, ...] = ()
    refused: tuple[LateRefusal, ...] = ()
    refunds: Mapping[int, RefundLine] = {}
    lost: str = ""
    """Why it could not be read."""


def of_helpdesk_ticket(db: Database, system: str, number: str) -> str:
    """Return the id of the ticket that speaks for a helpdesk's ticket now, or would if there were one. Raises
    DatabaseDown."""
    with db.session() as session:
        link = helpdesk_links.find(session, system, number)
    return link.ticket_id if link else ticket_id(system, number)


async def look_up(
    db: Database, connect: Connect, ticket: str, seq: int = 0, described_lately: DescribedLately | None = None
) -> Seen:
    """Return the ticket as the journal has it, with what Temporal says of its workflow.

    `seq` is the number of an event that the caller knows of, from the answer to a command: where the journal is not
    that far yet, or cannot be read, the workflow itself is queried. Raises Refused (`not_found`), Unavailable where
    neither answers. `described_lately`: what Temporal has said a moment ago, where that is good enough.
    """
    known = await asyncio.to_thread(_from_journal, db, ticket)
    if known.ticket is not None and known.ticket.closed:
        # What comes after closing stands in the journal alone.
        return _closed(known.ticket, known, "completed")
    described = await (described_lately.of if described_lately else describe)(connect, workflow_id(ticket))
    if known.ticket is not None and stopped("ticket", described):
        known = await asyncio.to_thread(_from_journal, db, ticket)  # it may have been closed in between
        if known.ticket is not None and known.ticket.closed:
            return _closed(known.ticket, known, described.status)
    now = known.ticket
    if (now is None or now.seq < seq) and described.status not in ("none", "unknown"):
        live = await asked(connect, workflow_id(ticket), "ticket", Ticket)
        now = live if live is not None and (now is None or live.seq >= now.seq) else now
    if now is not None:
        note = "; ".join(filter(None, [known.lost, notes_on("ticket", described, now.seq, seq)]))
        return Seen(
            now,
            known.texts,
            described.runs,
            note,
            known.similar,
            status=described.status,
            waiting=described.waiting,
            refused=known.refused,
            journal_seq=known.ticket.seq if known.ticket else 0,
            refunds=known.refunds,
        )
    if known.lost or described.status != "none":
        raise Unavailable("; ".join(filter(None, [known.lost, described.note or "no worker answers"])))
    raise Refused("not_found", f"there is no ticket {ticket}")


def _closed(ticket: Ticket, known: _Known, status: str) -> Seen:
    return Seen(
        ticket,
        known.texts,
        live=False,
        status=status,
        refused=known.refused,
        journal_seq=ticket.seq,
        refunds=known.refunds,
    )


class TimelinePage(NamedTuple):
    """Part of what happened to a ticket."""

    entries: Sequence[Entry[Event]]
    refused: Sequence[LateRefusal] = ()
    """What was refused late between these events, or after the last one, the oldest first."""
    next: int | None = None
    """The event that the next page follows; None: this is the last."""


async def timeline(db: Database, ticket: str, *, after: int = 0, limit: int | None = None) -> TimelinePage:
    """Return what `read_timeline` returns, from a thread of its own."""
    return await asyncio.to_thread(read_timeline, db, ticket, after, limit)


def read_timeline(
    db: Database,
    ticket: str,
    after: int = 0,
    limit: int | None = None,
    *,
    any_refused: bool = True,
    known: Mapping[str, str] | None = None,
    known_upto: int = 0,
) -> TimelinePage:
    """Return what the journal has of a ticket, in order, from the event that follows `after`, and what was refused.

    `any_refused`: whether something was, as far as the caller knows. `known`: the texts of the events up to
    `known_upto`, which the caller has read. Raises Refused (`not_found`), DatabaseDown.
    """
    with db.session() as session:
        most = None if limit is None else limit + 1
        found = journal.timeline(session, ticket, after=after, limit=most, known=known, known_upto=known_upto)
        if not found and journal.load(session, ticket) is None:
            raise Refused("not_found", f"there is no ticket {ticket}")
        entries, rest = found[:limit], found[len(found[:limit]) :]
        refused = [
            one
            for one in reversed(_refused(session, ticket, SHOWN_LATE) if any_refused else ())
            if entries
            and (after == 0 or one.at >= entries[0].event.detected)
            and not (rest and one.at >= rest[0].event.detected)
        ]
    return TimelinePage(entries, refused, entries[-1].event.seq if rest else None)


def asked_by_read_timeline(ticket: str) -> Asked:
    """Return what `read_timeline` asks of all events, to be asked together with other questions."""
    return journal.TICKETS.asked_by_timeline(ticket)


def _from_journal(db: Database, ticket: str) -> _Known:
    try:
        with db.questions() as session:
            with asked_together(
                session, journal.TICKETS.asked_by_load(ticket) | queries.asked_by_refused_late(ticket, MOST_REFUSED)
            ):
                known, texts = journal.load(session, ticket), journal.texts(session, ticket)
                refused = _refused(session, ticket) if known else ()
            similar = offered(session, known, texts) if known else ()
            paid = {one.number: one for one in refunds.of_ticket(session, ticket)} if known and known.refunds else {}
            return _Known(known, texts, similar, refused, paid)
    except DatabaseDown as error:
        return _Known(None, lost=str(error))


def _refused(session: Session, ticket: str, most: int = MOST_REFUSED) -> tuple[LateRefusal, ...]:
    """Return the latest refused deliveries of a ticket, the newest first."""
    rows = queries.refused_late(session, ticket, most)
    return tuple(
        LateRefusal(row.at, row.command.removeprefix("webhook "), row.code, tuple(row.missing)) for row in rows
    )

"""One ticket as it can be seen now: from the journal, and from its workflow for what the journal cannot give yet."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from domain.core.refusal import Refused
from domain.ticket.events import Event
from domain.ticket.state import Ticket, workflow_id
from services.reading.running import Connect, Waiting, asked, describe, said, stopped
from services.reading.similar import Candidate, offered
from services.tickets import Unavailable
from store import journal
from store.database import Database, DatabaseDown
from store.journal import Entry


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


class _Known(NamedTuple):
    """What the database knows."""

    ticket: Ticket | None
    texts: Mapping[str, str] = {}
    similar: tuple[Candidate, ...] = ()
    lost: str = ""
    """Why it could not be read."""


async def look_up(db: Database, connect: Connect, ticket: str, seq: int = 0) -> Seen:
    """The ticket as the journal has it, with what Temporal says of its workflow.

    `seq` is the number of an event that the caller knows of, from the answer to a command: where the journal is not
    that far yet, or cannot be read, the workflow itself is queried. Raises Refused (`not_found`), Unavailable where
    neither answers.
    """
    describing = asyncio.create_task(describe(connect, workflow_id(ticket)))
    try:
        known = await asyncio.to_thread(_from_journal, db, ticket)
        if known.ticket is not None and known.ticket.closed:
            # What comes after closing stands in the journal alone.
            return Seen(known.ticket, known.texts, live=False, status="completed")
        described = await describing
    finally:
        describing.cancel()
    if known.ticket is not None and stopped("ticket", described):
        known = await asyncio.to_thread(_from_journal, db, ticket)  # it may have been closed in between
        if known.ticket is not None and known.ticket.closed:
            return Seen(known.ticket, known.texts, live=False, status=described.status)
    now = known.ticket
    if (now is None or now.seq < seq) and described.status not in ("none", "unknown"):
        live = await asked(connect, workflow_id(ticket), "ticket", Ticket)
        now = live if live is not None and (now is None or live.seq >= now.seq) else now
    if now is not None:
        note = "; ".join(filter(None, [known.lost, said("ticket", described, now.seq, seq)]))
        return Seen(
            now, known.texts, described.runs, note, known.similar, status=described.status, waiting=described.waiting
        )
    if known.lost or described.status != "none":
        raise Unavailable("; ".join(filter(None, [known.lost, described.note or "no worker answers"])))
    raise Refused("not_found", f"there is no ticket {ticket}")


async def timeline(db: Database, ticket: str, *, after: int = 0, limit: int | None = None) -> Sequence[Entry[Event]]:
    """What the journal has of a ticket, in order, from the event that follows `after`.

    Raises Refused (`not_found`), DatabaseDown.
    """
    return await asyncio.to_thread(_timeline, db, ticket, after, limit)


def _timeline(db: Database, ticket: str, after: int, limit: int | None) -> Sequence[Entry[Event]]:
    with db.session() as session:
        entries = journal.timeline(session, ticket, after=after, limit=limit)
        if not entries and journal.load(session, ticket) is None:
            raise Refused("not_found", f"there is no ticket {ticket}")
    return entries


def _from_journal(db: Database, ticket: str) -> _Known:
    try:
        with db.session() as session:
            known, texts = journal.load(session, ticket), journal.texts(session, ticket)
            return _Known(known, texts, offered(session, known, texts) if known else ())
    except DatabaseDown as error:
        return _Known(None, lost=str(error))

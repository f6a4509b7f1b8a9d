"""One ticket as it can be seen now: from its workflow while that runs and a worker answers, otherwise the journal."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from domain.refusal import Refused
from domain.ticket import Ticket, workflow_id
from frontdoor.desk import Unavailable, is_away
from frontdoor.similar import Candidate, offered
from store import journal
from store.database import Database, DatabaseDown
from store.journal import Entry

PATIENCE = timedelta(seconds=5)
"""How long a worker may take to answer, before the journal is shown instead."""

Connect = Callable[[], Awaitable[Client]]
"""The way to Temporal. Raises Unavailable."""


class Seen(NamedTuple):
    """A ticket as it could be seen."""

    ticket: Ticket
    texts: Mapping[str, str]
    """By where they stand, as `Ticket.fields` refers to them."""
    live: bool
    """Whether its workflow said so; otherwise the journal did."""
    note: str = ""
    """Why something could not be seen, for a person."""
    similar: tuple[Candidate, ...] = ()
    """F4: open issues that may carry its problem already, for the next hand-off."""


async def look_up(db: Database, connect: Connect, ticket: str) -> Seen:
    """The ticket from its workflow and its journal, or from the one that answers.

    Raises Refused (`not_found`), Unavailable where neither answers.
    """
    known, texts, similar, lost = await asyncio.to_thread(_from_journal, db, ticket)
    if known is not None and known.closed:
        return Seen(known, texts, live=False)  # what comes after closing stands in the journal alone
    try:
        live = await _from_workflow(await connect(), ticket)
    except Unavailable as error:
        live, lost = None, f"{lost}; {error}" if lost else str(error)
    if live is not None and (known is None or live.seq >= known.seq):
        return Seen(live, texts, live=True, note=lost, similar=similar)
    if known is not None:
        note = lost or "no worker answers: this is what the journal knows"
        return Seen(known, texts, live=False, note=note, similar=similar)
    if lost:
        raise Unavailable(lost)
    raise Refused("not_found", f"there is no ticket {ticket}")


async def timeline(db: Database, ticket: str, *, after: int = 0, limit: int | None = None) -> Sequence[Entry]:
    """What the journal has of a ticket, in order, from the event that follows `after`.

    Raises Refused (`not_found`), DatabaseDown.
    """
    return await asyncio.to_thread(_timeline, db, ticket, after, limit)


def _timeline(db: Database, ticket: str, after: int, limit: int | None) -> Sequence[Entry]:
    with db.session() as session:
        entries = journal.timeline(session, ticket, after=after, limit=limit)
        if not entries and journal.load(session, ticket) is None:
            raise Refused("not_found", f"there is no ticket {ticket}")
    return entries


def _from_journal(db: Database, ticket: str) -> tuple[Ticket | None, Mapping[str, str], tuple[Candidate, ...], str]:
    """The ticket, its texts, issues that may be about the same, and why they could not be read."""
    try:
        with db.session() as session:
            known, texts = journal.load(session, ticket), journal.texts(session, ticket)
            return known, texts, offered(session, known, texts) if known else (), ""
    except DatabaseDown as error:
        return None, {}, (), str(error)


async def _from_workflow(client: Client, ticket: str) -> Ticket | None:
    """The ticket as its workflow has it; None where there is none, or nobody answers for it. Raises Unavailable."""
    handle = client.get_workflow_handle(workflow_id(ticket))
    try:
        ticket_now: Ticket = await handle.query("ticket", result_type=Ticket, rpc_timeout=PATIENCE)
        return ticket_now
    except WorkflowQueryFailedError:
        return None
    except RPCError as error:
        nobody = (RPCStatusCode.NOT_FOUND, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)
        if error.status in nobody or error.status is RPCStatusCode.FAILED_PRECONDITION:
            return None
        raise Unavailable(f"Temporal does not answer ({error.status.name})") from None
    except RuntimeError as error:
        if not is_away(error):
            raise
        raise Unavailable("Temporal does not answer (no connection)") from None

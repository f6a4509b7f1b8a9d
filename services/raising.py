"""A ticket that is being raised is served by its new priority at once: the command waits for a worker as well (G10)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.client import Client

from activities.support.task_order import follow_priority
from domain.aggregate.command import Command
from domain.core.enums import Priority
from domain.core.refusal import Refused
from domain.ticket.commands import STAFF, Prioritise
from services.commands import is_away
from store import journal
from store.database import Database


@asynccontextmanager
async def served_as_raised(client: Client, db: Database, ticket: str, command: Command) -> AsyncIterator[None]:
    """Have Temporal serve the ticket by the priority that one of us raises it to, while the command is under way.

    Otherwise the command would wait behind every ticket of the old priority. Where it is refused, the ticket is served
    as before; where it is carried out, the journal's activity finds that all is done already. Other commands pass.
    """
    wanted = command.priority if isinstance(command, Prioritise) and command.role in STAFF else None
    if wanted is None or not _is_higher(wanted, await asyncio.to_thread(_on_record, db, ticket)):
        yield
        return
    await _follow(client, ticket, wanted)
    try:
        yield
    except Refused:
        if before := await asyncio.to_thread(_on_record, db, ticket):
            await _follow(client, ticket, before)
        raise


async def _follow(client: Client, ticket: str, priority: Priority) -> None:
    try:
        await follow_priority(client, ticket, priority)
    except RuntimeError as error:  # a client that cannot connect: the command says so to whoever gave it
        if not is_away(error):
            raise


def _on_record(db: Database, ticket: str) -> Priority | None:
    with db.session() as session:
        known = journal.load(session, ticket)
    return known.priority if known and not known.closed else None


def _is_higher(one: Priority, other: Priority | None) -> bool:
    order = list(Priority)
    return other is not None and order.index(one) < order.index(other)

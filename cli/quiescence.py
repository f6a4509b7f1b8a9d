"""When the demo has ended: no ticket and no incident has anything under way, and the journals have all of it.

Tickets and incidents send each other messages. So it proves nothing that each was quiescent when it was looked at:
another may have written to it since. Two looks that find all quiescent, at the events where the look before found them,
prove it: whoever sends a message has a pending effect until it has arrived, and has moved on by then.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from domain.incident.aggregate import INCIDENT
from domain.incident.state import Incident
from domain.incident.state import workflow_id as incident_id
from domain.incident.ticket_updates import next_batch
from domain.ticket.aggregate import next_deadline
from domain.ticket.state import Ticket, workflow_id
from store.database import Database

CALM = timedelta(seconds=20)
"""Nothing is quiescent that has a deadline within this time: whether it is counted would be chance."""
PATIENCE = 90.0
"""Seconds until all must be quiescent."""


class Progress(NamedTuple):
    """Where a ticket or an incident stands."""

    seq: int
    busy: tuple[str, ...]
    """What it is still at, for people."""


async def until_quiescent(client: Client, db: Database, patience: float = PATIENCE) -> None:
    """Wait until nothing happens by itself for a while. RuntimeError, saying what is under way, after `patience`
    seconds."""
    bound = asyncio.get_running_loop().time() + patience
    before: dict[str, Progress] = {}
    while True:
        now = await look(client, db)
        busy = [f"{who}: {', '.join(progress.busy)}" for who, progress in now.items() if progress.busy]
        if not busy and now == before:
            return
        if asyncio.get_running_loop().time() > bound:
            raise RuntimeError(f"still under way after {patience:g} s: {'; '.join(busy) or 'something moves on'}")
        before = now
        await asyncio.sleep(0.2)  # looked at, not waited for: what is awaited happens in other processes


async def look(client: Client, db: Database) -> dict[str, Progress]:
    """Return how far every ticket and every incident is, by the id of its workflow."""

    async def ask(name: str, journalled: int, query: str, model: type[Ticket] | type[Incident]) -> Progress:
        try:
            state = await client.get_workflow_handle(name).query(query, result_type=model)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return Progress(0, ("it has not begun",))  # an incident's row is there before its workflow
        except WorkflowQueryFailedError as error:  # on a busy machine the SDK may give up a task: it is asked again
            return Progress(0, (f"it could not be asked: {error.message}",))
        return progress_of(state, journalled, datetime.now(UTC))

    tickets, incidents = await asyncio.to_thread(_journals, db)
    asked = [ask(name, seq, "ticket", Ticket) for name, seq in tickets.items()]
    asked += [ask(name, seq, "incident", Incident) for name, seq in incidents.items()]
    return dict(zip([*tickets, *incidents], await asyncio.gather(*asked), strict=True))


def progress_of(state: Ticket | Incident, journalled: int, now: datetime) -> Progress:
    """Return how far a workflow is whose journal has the events up to `journalled`."""
    busy = [effect.key for effect in state.pending_effects]
    if isinstance(state, Incident):
        deadline = INCIDENT.next_deadline(state)
        batch = next_batch(state)
        busy += [batch.summary] if batch else []
    else:
        deadline = next_deadline(state)
    if deadline and deadline.at <= now + CALM:
        busy.append(f"waits for {deadline.at:%H:%M:%S}: {deadline.summary}")
    if journalled < state.seq:  # it may be ahead: what comes after closing is decided there
        busy.append(f"journals {state.seq - journalled} events")
    return Progress(state.seq, tuple(busy))


def _journals(db: Database) -> tuple[dict[str, int], dict[str, int]]:
    """Return how far the journal of each ticket has come, and of each incident, by the ids of their workflows."""
    with db.begin() as session:
        tickets = session.execute(text("select id, seq from tickets")).all()
        incidents = session.execute(text("select number, seq from incidents")).all()
    return {workflow_id(row.id): row.seq for row in tickets}, {incident_id(row.number): row.seq for row in incidents}

"""When the demo has ended: no ticket and no incident has anything under way, and the journals have all of it.

Tickets and incidents tell each other things. So it proves nothing that each was at rest when it was looked at: another
may have spoken to it since. Two looks that find everybody at rest, and where the look before found them, prove it:
whoever tells something has that outstanding until it was told, and has moved on by then.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.incident.aggregate import INCIDENT
from domain.incident.state import Incident
from domain.incident.state import workflow_id as incident_id
from domain.incident.ticket_updates import next_telling
from domain.ticket.aggregate import next_deadline
from domain.ticket.state import Ticket, workflow_id
from store.database import Database

CALM = timedelta(seconds=20)
"""Nobody is at rest for whom something falls due within this time: it would be counted by chance."""
PATIENCE = 90.0
"""Seconds until everybody must have come to rest."""


class Standing(NamedTuple):
    """Where a ticket or an incident stands."""

    seq: int
    busy: tuple[str, ...]
    """What it is still at, for people."""


async def until_quiescent(client: Client, db: Database, patience: float = PATIENCE) -> None:
    """Wait until nothing happens by itself for a while. RuntimeError, saying what is under way, after `patience`
    seconds."""
    bound = asyncio.get_running_loop().time() + patience
    before: dict[str, Standing] = {}
    while True:
        now = await look(client, db)
        busy = [f"{who}: {', '.join(standing.busy)}" for who, standing in now.items() if standing.busy]
        if not busy and now == before:
            return
        if asyncio.get_running_loop().time() > bound:
            raise RuntimeError(f"still under way after {patience:g} s: {'; '.join(busy) or 'something moves on'}")
        before = now
        await asyncio.sleep(0.2)  # looked at, not waited for: what is awaited happens in other processes


async def look(client: Client, db: Database) -> dict[str, Standing]:
    """Where every ticket and every incident stands, by the id of its workflow."""

    async def ask(name: str, journalled: int, query: str, model: type[Ticket] | type[Incident]) -> Standing:
        try:
            state = await client.get_workflow_handle(name).query(query, result_type=model)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return Standing(0, ("it has not begun",))  # an incident's row is there before its workflow
        return standing(state, journalled, datetime.now(UTC))

    tickets, incidents = await asyncio.to_thread(_journals, db)
    asked = [ask(name, seq, "ticket", Ticket) for name, seq in tickets.items()]
    asked += [ask(name, seq, "incident", Incident) for name, seq in incidents.items()]
    return dict(zip([*tickets, *incidents], await asyncio.gather(*asked), strict=True))


def standing(state: Ticket | Incident, journalled: int, now: datetime) -> Standing:
    """Where a workflow stands whose journal has the events up to `journalled`."""
    busy = [effect.key for effect in state.undone]
    if isinstance(state, Incident):
        deadline = INCIDENT.next_deadline(state)
        telling = next_telling(state)
        busy += [telling.summary] if telling else []
    else:
        deadline = next_deadline(state)
    if deadline and deadline.at <= now + CALM:
        busy.append(f"waits for {deadline.at:%H:%M:%S}: {deadline.summary}")
    if journalled < state.seq:  # it may be ahead: what comes after closing is decided there
        busy.append(f"journals {state.seq - journalled} events")
    return Standing(state.seq, tuple(busy))


def _journals(db: Database) -> tuple[dict[str, int], dict[str, int]]:
    """How far the journal of each ticket has come, and of each incident, by the ids of their workflows."""
    with db.begin() as session:
        tickets = session.execute(text("select id, seq from tickets")).all()
        incidents = session.execute(text("select number, seq from incidents")).all()
    return {workflow_id(row.id): row.seq for row in tickets}, {incident_id(row.number): row.seq for row in incidents}

"""Incidents: found or opened by a unique row, joined by signal-with-start, told to tickets by one fan-out."""

import asyncio
from datetime import UTC, datetime

from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from activities.facts import tell
from domain.commands import IncidentFact
from domain.incident import Incident
from domain.incident import workflow_id as incident_id
from domain.words import Role
from store import incidents
from store.database import Database
from workflows import ports

INCIDENT_WORKFLOW = "IncidentWorkflow"


class IncidentActivities:
    """They speak to Temporal and to the store; the page itself is the pager's."""

    def __init__(self, client: Client, db: Database) -> None:
        self._client = client
        self._db = db

    @activity.defn(name=ports.JOIN_INCIDENT.name)
    async def join_incident(self, request: ports.IncidentRequest) -> ports.IncidentResult:
        """G6: the open incident of the area, or a new one. Repeating it finds the same one, and joins once."""
        number = await asyncio.to_thread(self._allocate, request)
        if number is None:
            return ports.IncidentResult()
        incident = Incident(number=number, product_area=request.product_area, priority=request.priority)
        await self._client.start_workflow(
            INCIDENT_WORKFLOW,
            {"incident": incident.model_dump(mode="json")},
            id=incident_id(number),
            task_queue=ports.TICKETS,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="join",
            start_signal_args=[
                {"ticket": request.ticket_id, "effect_key": request.effect_key, "priority": request.priority}
            ],
            static_summary=f"{request.priority} in {request.product_area or 'the service'}"[:200],
        )
        return ports.IncidentResult(number=number)

    def _allocate(self, request: ports.IncidentRequest) -> int | None:
        with self._db.begin() as session:
            join = incidents.join_open if request.only_if_open else incidents.find_or_allocate
            return join(session, request.product_area, "", datetime.now(UTC), request.ticket_id, request.effect_key)

    @activity.defn(name=ports.CLOSE_INCIDENT.name)
    def close_incident(self, request: ports.CloseIncidentRequest) -> ports.Nothing:
        with self._db.begin() as session:
            incidents.close(session, request.number, request.at)
        return ports.Nothing()

    @activity.defn(name=ports.TELL_TICKETS.name)
    async def tell_tickets(self, request: ports.TellRequest) -> ports.Nothing:
        """Tell every ticket; the version makes a second telling harmless. A closed ticket is normal."""
        fact = IncidentFact(
            by=incident_id(request.number),
            role=Role.SYSTEM,
            id=f"{incident_id(request.number)}:{request.version}",
            received=request.at,
            number=request.number,
            state=request.state,
            version=request.version,
            comment=request.comment,
        )
        for ticket in request.tickets:
            await tell(self._client, self._db, ticket, fact)
        return ports.Nothing()

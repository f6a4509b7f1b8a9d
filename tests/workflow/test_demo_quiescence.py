"""The demo does not end while somebody still has something to do."""

import asyncio
from uuid import uuid4

import pytest

from cli.quiescence import until_quiescent
from domain.core.enums import Plan
from domain.ticket.state import Account
from services.intake.opening import opening_recording
from services.intake.request import OpenRequest
from store.database import Database
from store.tables.incidents import IncidentRow
from tests.support.incident_response import Response
from tests.support.policy import POLICY
from tests.support.stage import MONDAY, on_stage
from tests.support.timeskipping import VirtualTime
from workflows import ports
from workflows.ticket.messages import TicketStart
from workflows.ticket.workflow import TicketWorkflow


async def test_an_effect_of_an_incident_that_is_held_back_holds_the_end_back(
    temporal_env: VirtualTime, db: Database
) -> None:
    async with on_stage(temporal_env) as stage:
        response = Response(stage)
        with db.begin() as session:
            row = IncidentRow(number=response.number, area="API", separate_key="", opened_at=MONDAY, seq=1000)
            session.add(row)
        held = stage.world.held[f"close-{response.number}"] = asyncio.Event()
        await response.join("t1")
        await response.quiet()
        await response.act("resolve")
        await response.seen(lambda incident: [effect.kind for effect in incident.pending_effects] == ["close"])

        with pytest.raises(RuntimeError, match=f"still under way after 0 s: {response.key}: {response.key}:close:"):
            await until_quiescent(stage.client, db, patience=0)

        held.set()
        await until_quiescent(stage.client, db)


async def test_a_workflow_that_could_not_be_asked_is_named_and_asked_again(
    temporal_env: VirtualTime, db: Database
) -> None:
    """The SDK gives up a task that takes too long, as on a busy machine. Here a ticket stands where an incident should
    be, which answers no such query either."""
    request = OpenRequest.parse({"external_id": uuid4().hex, "account": Account(id="acme", plan=Plan.FREE)})
    opening = opening_recording(POLICY, request, MONDAY, None).events
    with db.begin() as session:
        session.add(IncidentRow(number=7, area="API", separate_key="", opened_at=MONDAY, seq=1))
    async with on_stage(temporal_env) as stage:
        stranger = await stage.client.start_workflow(
            TicketWorkflow.run, TicketStart(opening=tuple(opening)), id="incident-7", task_queue=ports.TICKETS
        )
        with pytest.raises(RuntimeError, match=r"still under way after 0 s: incident-7: it could not be asked: .*"):
            await until_quiescent(stage.client, db, patience=0)
        await stranger.terminate()

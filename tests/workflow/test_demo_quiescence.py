"""The demo does not end while somebody still has something to do."""

import asyncio

import pytest

from cli.quiescence import until_quiescent
from store.database import Database
from store.tables.incidents import IncidentRow
from tests.support.incident_response import Response
from tests.support.stage import MONDAY, on_stage
from tests.support.timeskipping import VirtualTime


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

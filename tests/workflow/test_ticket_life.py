"""A ticket's life in the real workflow, from its opening to its end."""

import pytest
from temporalio.api.enums.v1 import EventType

from domain.core.enums import Status
from tests.support.durations import MINUTE
from tests.support.packages import T2_PACKAGE
from tests.support.stage import on_stage, through_all_tiers
from tests.support.timeskipping import VirtualTime

CANONICAL = [
    "opened", "taken", "responded", "clock_met", "filled", "escalated", "taken", "filled", "escalated",
    "effect_done", "jira_changed", "answered", "clock_met", "resolved", "closed",
]  # fmt: skip


@pytest.mark.parametrize("cached", [1000, 0])
async def test_the_canonical_way_through_all_tiers(temporal_env: VirtualTime, cached: int) -> None:
    """With no cache every workflow task replays the whole history: what is not deterministic shows."""
    async with on_stage(temporal_env, cached=cached) as stage:
        play = await through_all_tiers(stage)

        end = await play.handle.result()

        assert (end.ticket, end.status, end.seq) == (play.id, Status.CLOSED, len(CANONICAL))
        assert [event.body.type for event in stage.world.journal[play.id]] == CANONICAL
        assert len(stage.world.issues_of(play.id)) == 1


async def test_the_worker_forgets_everything_and_timers_still_ring_once(temporal_env: VirtualTime) -> None:
    async with on_stage(temporal_env, cached=0) as stage:
        play = await stage.open()
        await play.send("take", at=0 * MINUTE)
        await play.send("fill", fields=T2_PACKAGE)
        await play.at(16 * MINUTE)

        assert await play.timeline("limit_noted", "limit_reached", "escalated") == [
            ("limit_noted", 10 * MINUTE),
            ("limit_noted", 13 * MINUTE),
            ("limit_reached", 15 * MINUTE),
            ("escalated", 15 * MINUTE),
        ]


async def test_an_update_that_is_refused_leaves_no_history(temporal_env: VirtualTime) -> None:
    async with on_stage(temporal_env) as stage:
        play = await stage.open()
        await play.send("take")
        before = await play.history()

        await play.refused("escalate")

        assert await play.count("WORKFLOW_EXECUTION_UPDATE_ACCEPTED") == 1
        kinds = [EventType.Name(event.event_type) for event in (await play.history())[len(before) :]]
        assert not [kind for kind in kinds if "UPDATE" in kind]

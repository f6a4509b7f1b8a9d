"""A ticket's life in the real workflow, from its opening to its end."""

import pytest
from temporalio.api.enums.v1 import EventType

from domain.core.enums import Status, Tier, WaitsOn
from tests.support.timeskipping import VirtualTime
from tests.workflow.stage import FIRST_PACKAGE, MINUTE, RECORD, SECOND_PACKAGE, Play, Stage, on_stage

CANONICAL = [
    "opened", "taken", "responded", "clock_met", "filled", "escalated", "taken", "filled", "escalated",
    "effect_done", "jira_changed", "answered", "clock_met", "resolved", "closed",
]  # fmt: skip


async def through_all_tiers(stage: Stage) -> Play:
    """The canonical ticket: take, respond, T2, take, T3, Jira done, resolve, close."""
    play = await stage.open(plan="enterprise", priority="P2")
    await play.send("take")
    await play.send("respond", text="We are on it.")
    await play.send("escalate", fields=FIRST_PACKAGE)
    await play.send("take", by="ben")
    await play.send("escalate", by="ben", fields=SECOND_PACKAGE)
    linked = await play.seen(lambda ticket: ticket.jira)
    assert (linked.tier, linked.waits_on) == (Tier.T3, WaitsOn.ENGINEERING)
    assert linked.jira is not None
    fact = {"by": "jira", "role": "integration", "key": linked.jira.key, "category": "done", "status": "Done",
            "resolution": "Fixed", "version": "2035-06-04T10:00:00Z"}  # fmt: skip
    await play.handle.signal("jira_changed", fact)
    back = await play.see()
    assert (back.tier, back.assignee, back.waits_on) == (Tier.T2, "ben", WaitsOn.AGENT)
    await play.send("resolve", by="ben", **RECORD)
    await play.send("close", by="ben")
    return play


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
        await play.send("fill", fields=FIRST_PACKAGE)
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

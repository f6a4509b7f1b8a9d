"""With no cache every workflow task replays the ticket: what it does must not hang on how tasks were cut.

When the answer of an activity leads to nothing, and an Update is the next that happens, a worker that has the ticket
in its cache sees the one and then the other. A worker that replays may be handed both at once, the Update first.
"""

from temporalio.api.enums.v1 import EventType

from tests.support.timeskipping import VirtualTime
from tests.workflow.stage import Play, Stage, serving, until
from tests.workflow.world import World


async def at_rest(play: Play) -> None:
    """Wait until the journal's answer was taken note of, by a workflow task that led to nothing."""

    async def empty_task() -> bool:
        last = [event.event_type for event in await play.history()][-4:]
        return last == [
            EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
            EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
            EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
            EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
        ]

    await until(empty_task)


async def test_an_update_that_moves_the_timer_right_after_the_journal_has_answered(temporal_env: VirtualTime) -> None:
    stage = Stage(temporal_env, World())
    async with serving(temporal_env.client, stage.world, cached=0):
        play = await stage.open(plan="enterprise", priority="P2")
        await play.give("note", text="Something to journal.")
        await at_rest(play)
        await play.give("prioritise", priority="P1", reason="It moves every deadline.")
        await at_rest(play)
        await play.give("note", text="And on it goes.")
        await play.journalled("prioritised")
        assert await play.count("WORKFLOW_TASK_FAILED") == 0
        await stage.clear()

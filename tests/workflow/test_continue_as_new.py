"""A ticket goes on as new in the middle of everything, or from an earlier point of its history, and loses nothing."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.common import Priority

from domain.core.enums import Tier, WaitsOn
from tests.support.durations import HOUR, MINUTE
from tests.support.packages import T2_GATE, T2_PACKAGE
from tests.support.replaying import failures, runs
from tests.support.stage import (
    JIRA,
    JOURNAL,
    SUGGESTED,
    Stage,
    _continued,
    metadata,
    on_stage,
    play_all,
    run_id,
    to_engineering,
    until_new_run,
)
from tests.support.timeskipping import VirtualTime, virtual_time
from tests.support.waiting import until
from tests.support.world import RETRY_AFTER
from workflows import search_attributes as sa


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def impatient() -> AsyncIterator[VirtualTime]:
    """A server that suggests to continue as new after a few events."""
    async with virtual_time(f"limit.historyCount.suggestContinueAsNew={SUGGESTED}") as environment:
        yield environment


async def state_answers_and_what_ops_see_go_on(stage: Stage) -> None:
    play = await stage.open(plan="enterprise", priority="P2")
    first = await play.send("take", id="take-1")
    before = await play.handle.describe()
    await until_new_run(play)

    again = await play.send("take", id="take-1")

    assert again == first
    assert await play.update("take", {"by": "ada"}, id="take-1") == first  # the server has forgotten this id
    after = await play.handle.describe()
    assert after.typed_search_attributes[sa.ASSIGNEE] == "ada"
    ours = {key.name for key in sa.ATTRIBUTES}  # the server adds one of its own when it comes to it
    kept, had = ({pair.key.name for pair in seen.typed_search_attributes} & ours for seen in (after, before))
    assert kept == had
    # The static summary stays behind, and nothing in the SDK can carry it.
    assert (await metadata(play)).current_details.startswith("### P2 bug for enterprise account acme \u00b7 open in T1")
    assert after.raw_description.workflow_execution_info.priority.priority_key == Priority(priority_key=4).priority_key
    journal = await play.journalled()
    assert [event.seq for event in journal] == list(range(1, len(journal) + 1))


async def each_of_its_runs_replays(stage: Stage) -> None:
    play = await stage.open()
    first = await run_id(play)
    await until_new_run(play)
    await play.see()  # a worker has taken up the new run

    lived = [history.events[0] async for history in runs(stage.client, play.handle.id)]

    known = [event.workflow_execution_started_event_attributes.original_execution_run_id for event in lived]
    assert len(known) == len(set(known)) > 1
    assert known[-1] == first
    assert await failures(stage.client, [play.handle.id]) == {}


async def the_timer_is_armed_again_for_the_same_instant(stage: Stage) -> None:
    play = await stage.open()
    await play.send("take", at=0 * MINUTE)
    await until_new_run(play)
    await play.at(15 * MINUTE)

    assert await play.timeline("limit_noted", "limit_reached") == [
        ("limit_noted", 10 * MINUTE),
        ("limit_noted", 13 * MINUTE),
        ("limit_reached", 15 * MINUTE),
    ]


async def what_is_not_journalled_yet_is_carried_over(stage: Stage) -> None:
    play = await stage.open()
    stage.world.down[JOURNAL].add(play.id)
    stage.world.pause[play.id] = RETRY_AFTER
    await play.send("take")
    await until_new_run(play, busy=True)
    assert len(stage.world.journal.get(play.id, [])) <= 1

    stage.world.down[JOURNAL].discard(play.id)
    await play.skip(2 * RETRY_AFTER)

    journal = await play.journalled()
    assert [event.seq for event in journal] == list(range(1, len(journal) + 1))


async def what_would_be_too_large_to_carry_waits_for_the_journal(stage: Stage) -> None:
    play = await stage.open()
    first = await run_id(play)
    stage.world.down[JOURNAL].add(play.id)
    for _ in range(SUGGESTED // 4):
        await play.send("fill", fields=dict.fromkeys(T2_GATE, "x" * 20_000))
    assert (await play.handle.describe()).history_length > SUGGESTED
    assert await run_id(play) == first

    stage.world.down[JOURNAL].discard(play.id)
    await play.skip(2 * MINUTE)

    await until(lambda: _continued(play, first))
    assert len(await play.journalled()) == 1 + SUGGESTED // 4


async def an_effect_in_flight_keeps_its_key_and_its_alert(stage: Stage) -> None:
    play = await stage.open()
    stage.world.down[JIRA].add(play.id)
    stage.world.pause[play.id] = RETRY_AFTER
    key = await to_engineering(play, at=0 * MINUTE)
    await until_new_run(play, busy=True)

    await play.at(HOUR)
    assert await play.timeline("effect_overdue") == [("effect_overdue", 10 * MINUTE)]
    stage.world.down[JIRA].discard(play.id)
    await play.skip(HOUR + RETRY_AFTER)
    linked = await play.seen(lambda ticket: ticket.issue)

    assert linked.waits_on is WaitsOn.ENGINEERING
    assert {name for name in stage.world.effect_keys if play.id in name} == {key}
    assert [issue.effect_key for issue in stage.world.issues_of(play.id)] == [key]
    assert len(await play.timeline("effect_done")) == 1


SCENES = [
    state_answers_and_what_ops_see_go_on,
    each_of_its_runs_replays,
    the_timer_is_armed_again_for_the_same_instant,
    what_is_not_journalled_yet_is_carried_over,
    what_would_be_too_large_to_carry_waits_for_the_journal,
    an_effect_in_flight_keeps_its_key_and_its_alert,
]


async def test_continuing_as_new(impatient: VirtualTime, subtests: pytest.Subtests) -> None:
    async with on_stage(impatient) as stage:
        await play_all(stage, subtests, SCENES)


async def test_a_reset_to_an_earlier_workflow_task_replays_and_goes_on(temporal_env: VirtualTime) -> None:
    async with on_stage(temporal_env) as stage:
        play = await stage.open()
        await play.send("take", id="take-1")
        await play.journalled()
        tasks = [e for e in await play.history() if e.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]
        await play.send("escalate", fields=T2_PACKAGE, id="up-1")
        await play.signal("take", by="ben", id="take-2")
        known = await play.seen(lambda ticket: ticket.assignee == "ben")
        await play.journalled()
        before = await run_id(play)

        await stage.client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=stage.client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=play.handle.id, run_id=before),
                reason="A test.",
                workflow_task_finish_event_id=tasks[-1].event_id,
                request_id=uuid4().hex,
            )
        )

        # Updates and Signals after that point are applied again, in their order.
        again = await play.seen(lambda ticket: ticket.assignee == "ben")
        assert await run_id(play) != before
        assert (again.tier, again.seq) == (Tier.T2, known.seq)
        assert (await play.send("take", id="take-1"))["did"] == ["taken"]
        await play.send("respond", by="ben", text="On it.")
        await play.at(2 * HOUR)
        assert (await play.see()).seq > known.seq

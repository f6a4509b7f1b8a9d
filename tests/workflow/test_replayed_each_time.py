"""One history, two orders: what a workflow does must not hang on who plays it, and how its tasks were cut.

With no cache every workflow task replays the whole history. When two tasks in a row have led to nothing, and an Update
is what comes next, such a worker is handed the Update before what the second task brought; every later replay the other
way round (`workflows/shell.py` has it in full). Each scene here brings that about, and then plays it once more.
"""

import asyncio
from dataclasses import replace

import pytest
from temporalio.api.enums.v1 import EventType

from domain.core.enums import Priority
from tests.support.durations import HOUR
from tests.support.incident_response import Response
from tests.support.replaying import replayer
from tests.support.stage import Handle, Play, Stage, on_stage, play_all, to_engineering
from tests.support.timeskipping import VirtualTime
from tests.support.waiting import until
from workflows import ports
from workflows.shell import Shell

E = EventType
TASK = [E.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, E.EVENT_TYPE_WORKFLOW_TASK_STARTED, E.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]
ANSWERED = E.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
SIGNALED = E.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
MARK = E.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED
UPDATED = E.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED


async def history(handle: Handle) -> list[int]:
    """The kinds of all events, but for workflow tasks that a busy machine did not come to in time."""
    kinds: list[int] = []
    for event in (await handle.fetch_history()).events:
        kinds.append(event.event_type)
        if event.event_type == E.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
            del kinds[-3:]
    return kinds


async def led_to_nothing(handle: Handle, what: int) -> None:
    """Wait until the latest that happened is a workflow task that `what` brought about, and that issued no command."""

    async def so() -> bool:
        return (await history(handle))[-4:] == [what, *TASK]

    await until(so)


async def a_task_for_nothing(play: Play) -> None:
    """The first of the two: a command that was given before comes again, as a Signal."""
    await play.signal("note", text="Something to journal.", id="said")
    await led_to_nothing(play.handle, SIGNALED)


async def the_journal_answers_and_nothing_follows(play: Play) -> None:
    """Both tasks, so that an Update now comes to a worker without a cache before the answer of the journal."""
    await play.journalled()
    held = play.stage.world.held[f"journal-{play.id}"] = asyncio.Event()
    await play.send("note", text="Something to journal.", id="said")
    await a_task_for_nothing(play)
    held.set()
    await led_to_nothing(play.handle, ANSWERED)


async def plays_again(handle: Handle, *between: int) -> None:
    """The history plays in the order in which it is written as well. Before the Update was a task that led to nothing
    but `between`."""
    kinds = await history(handle)
    last = len(kinds) - kinds[::-1].index(UPDATED) - 1
    before = [*TASK, *between, *TASK]
    assert kinds[last - len(before) : last] == before
    await replayer().replay_workflow(await handle.fetch_history())
    assert E.EVENT_TYPE_WORKFLOW_TASK_FAILED not in kinds


async def the_journal_answers_and_an_update_moves_the_timer(stage: Stage) -> None:
    play = await stage.open(plan="standard", priority="P2")
    await the_journal_answers_and_nothing_follows(play)

    await play.send("prioritise", priority="P1", reason="The whole office.")

    await plays_again(play.handle)


async def the_journal_answers_and_an_update_has_the_incident_told(stage: Stage) -> None:
    play = await stage.open(plan="standard", priority="P0")
    await play.seen(lambda ticket: ticket.incident and not ticket.pending_effects)
    await the_journal_answers_and_nothing_follows(play)

    await play.send("fill", fields={"customer_impact": "Nobody can work."})

    await plays_again(play.handle)


async def the_journal_answers_and_an_update_tries_again_what_was_refused(stage: Stage) -> None:
    play = await stage.open()
    stage.world.refuses[play.id] = "components: is required"
    await to_engineering(play)
    await play.seen(lambda ticket: ticket.pending_effects and ticket.pending_effects[0].failed)
    await the_journal_answers_and_nothing_follows(play)

    await play.send("retry")

    await plays_again(play.handle)


async def decided_in_two_orders(stage: Stage) -> bool:
    """An effect's answer comes while the journal is busy, then an Update that has an effect of its own: whether the
    Update was decided at another place in the sequence than it has when its history is played again."""
    play = await stage.open()
    await to_engineering(play)
    await play.seen(lambda ticket: ticket.issue)
    comment = stage.world.held[f"comment-{play.id}"] = asyncio.Event()
    await play.send("tell_engineering", text="In Safari too.")
    await until(lambda: asyncio.sleep(0, any(said.ticket_id == play.id for said in stage.world.comments)))
    await play.journalled()
    journal = stage.world.held[f"journal-{play.id}"] = asyncio.Event()
    await play.send("note", text="Something to journal.", id="said")
    await a_task_for_nothing(play)
    comment.set()
    await play.seen(lambda ticket: not ticket.pending_effects)

    told = await play.send("tell_engineering", text="And in Firefox.")

    [effect] = (await play.see()).pending_effects
    assert effect.key == f"ticket-{play.id}:jira_comment:{effect.seq}"
    journal.set()
    await play.journalled()
    return bool(effect.seq != told["seq"])


async def an_effect_answers_and_an_update_has_an_effect_of_its_own(stage: Stage) -> None:
    assert not await decided_in_two_orders(stage)


async def a_page_that_nobody_needs_has_stopped_and_the_incident_is_resolved(stage: Stage) -> None:
    response = Response(stage, priority=Priority.P1)
    page = stage.world.held[f"page-{response.key}"] = asyncio.Event()
    await response.join("t1")
    await response.seen(lambda incident: incident.pages)
    await response.handle.signal("page_acknowledged", {"by": "PX1", "role": "integration"})
    await response.seen(lambda incident: incident.state == "acknowledged")
    await response.quiet()
    await led_to_nothing(response.handle, ANSWERED)
    joined = (await response.see()).tickets[0]
    again = {"by": "ticket-t1", "role": "system", "ticket": "t1", "effect_key": joined.effect_key}
    await response.handle.signal("ticket_joined", again | {"since": joined.since.isoformat(), "priority": "P1"})
    await led_to_nothing(response.handle, SIGNALED)
    page.set()
    await until(lambda: _has_stopped(response))

    await response.act("resolve")

    await plays_again(response.handle, MARK)


async def _has_stopped(response: Response) -> bool:
    """Whether all activities have answered, and the incident has taken note."""
    kinds = await history(response.handle)
    answered = kinds.count(ANSWERED) == kinds.count(E.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
    return answered and kinds[-1] in (TASK[-1], MARK)


SCENES = [
    the_journal_answers_and_an_update_moves_the_timer,
    the_journal_answers_and_an_update_has_the_incident_told,
    the_journal_answers_and_an_update_tries_again_what_was_refused,
    an_effect_answers_and_an_update_has_an_effect_of_its_own,
    a_page_that_nobody_needs_has_stopped_and_the_incident_is_resolved,
]


@pytest.fixture(autouse=True)
def _what_is_held_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is."""
    for name in ("RECORD_EVENTS", "COMMENT_ISSUE", "PAGE"):
        monkeypatch.setattr(ports, name, replace(getattr(ports, name), start_to_close=HOUR))


async def test_it_is_the_same_in_both_orders(temporal_env: VirtualTime, subtests: pytest.Subtests) -> None:
    async with on_stage(temporal_env, cached=0) as stage:
        await play_all(stage, subtests, SCENES)


async def test_an_answer_that_leaves_no_command_behind_is_decided_in_two_orders(
    temporal_env: VirtualTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: an effect that the Update has would go by two keys."""
    monkeypatch.setattr(Shell, "force_command", Shell.wake)

    async with on_stage(temporal_env, cached=0) as stage:
        assert await decided_in_two_orders(stage)

"""More than a workflow task can hold: a ticket is not ended by large commands, nor stopped by many messages."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import Payloads, WorkflowExecution
from temporalio.api.update.v1 import Input, Meta, Request
from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionRequest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from domain.core.size import MOST_BYTES, json_bytes
from tests.support.replaying import replayer
from tests.support.stage import Play, Stage, on_stage, play_all, serving, to_engineering
from tests.support.timeskipping import VirtualTime
from tests.support.waiting import RPC_PATIENCE, until
from tests.support.world import World
from workflows import ports, shell
from workflows.ticket import effects

pytestmark = pytest.mark.long

FLOOD = int(os.environ.get("FLOOD", 1_000))
LARGE = ["steps_taken", "customer_impact", "reproduction_steps", "logs_or_screenshots", "workaround_status"]


@asynccontextmanager
async def worker_away(time: VirtualTime, **form: Any) -> AsyncIterator[tuple[Stage, Play]]:
    """A ticket that is taken, and whose worker has gone."""
    stage = Stage(time, World())
    async with serving(time.client, stage.world):
        play = await stage.open(**form)
        await play.send("take")
        await play.journalled("taken")
    try:
        yield stage, play
    finally:
        await stage.clear()
    assert not stage.world.faults


async def replays(play: Play) -> None:
    await replayer().replay_workflow(await play.handle.fetch_history())


def largest(character: str) -> dict[str, Any]:
    """A package as large as may be, of one character only."""
    fields: dict[str, str] = {}
    for name in LARGE:
        room = MOST_BYTES - 500 - json_bytes(fields)
        fields[name] = character * max(0, min(20_000, room // json_bytes(character * 1000) * 1000 or room // 6))
    return {name: text for name, text in fields.items() if text}


async def until_admitted(play: Play, count: int) -> None:
    """Wait until so many Updates wait at the server: it shows the number nowhere, so each has had time to arrive."""
    await asyncio.gather(*(play.handle.describe() for _ in range(count)))


@pytest.mark.parametrize("character", ["漢", "\U0001f600", "\u0001"])
async def test_ten_of_the_largest_commands_in_one_task_do_not_end_the_ticket(
    temporal_env: VirtualTime, character: str
) -> None:
    async with worker_away(temporal_env) as (stage, play):
        payload = {"by": "ada", "fields": largest(character)}
        refused = payload | {"role": "customer"}
        given = [
            asyncio.create_task(play.handle.execute_update("fill", said, rpc_timeout=RPC_PATIENCE))
            for said in [payload, payload, refused] * 4
        ]
        await until_admitted(play, 12)
        async with serving(stage.time.client, stage.world):
            ends = await asyncio.gather(*given, return_exceptions=True)
            assert not [end for end in ends if isinstance(end, RPCError)]
            assert (await play.send("note", text="Goes on."))["did"] == ["noted"]
            await play.journalled("noted")
            await replays(play)


async def test_what_is_larger_is_refused_by_the_validator_and_on_the_timeline_as_a_signal(
    temporal_env: VirtualTime,
) -> None:
    async with on_stage(temporal_env) as stage:
        play = await stage.open()
        too_much = {"by": "ada", "fields": dict.fromkeys(LARGE, "漢" * 20_000)}
        with pytest.raises(WorkflowUpdateFailedError) as failed:
            await play.handle.execute_update("fill", too_much, rpc_timeout=RPC_PATIENCE)
        assert isinstance(failed.value.cause, ApplicationError)
        assert failed.value.cause.type == "too_large"
        assert "漢" not in str(failed.value.cause)
        await play.handle.signal("advance", too_much | {"do": "fill"})
        [*_, last] = await play.journalled("message_refused")
        assert last.body.code == "too_large"  # type: ignore[union-attr]
        await replays(play)


async def test_a_flood_of_signals_is_taken_up_in_order_and_the_ticket_goes_on(temporal_env: VirtualTime) -> None:
    async with worker_away(temporal_env, plan="standard", priority="P3") as (stage, play):
        for some in (range(start, start + 250) for start in range(0, FLOOD, 250)):
            await asyncio.gather(*(play.signal("note", text=str(number)) for number in some))
        async with serving(stage.time.client, stage.world):
            answered = await play.send("note", text="An Update does not wait for them.")
            assert answered["did"] == ["noted"]
            events = await until(lambda: _journal(play, FLOOD + 3))
            noted = [event.texts["text"] for event in events if event.body.type == "noted"]
            assert sorted(noted) == sorted([*map(str, range(FLOOD)), "An Update does not wait for them."])
            came = [
                json.loads(event.workflow_execution_signaled_event_attributes.input.payloads[0].data)["text"]
                for event in await play.history()
                if event.HasField("workflow_execution_signaled_event_attributes")
            ]
            assert [text for text in noted if text.isdecimal()] == came
            assert await play.count("WORKFLOW_TASK_FAILED") == 0
            turns = [
                event
                for event in await play.history()
                if event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta() == shell.TURN
            ]
            assert len(turns) == (FLOOD - 1) // shell.SIGNALS_AT_ONCE
            await replays(play)


async def _journal(play: Play, count: int) -> Any:
    journal = play.stage.world.journal.get(play.id, [])
    return journal if len(journal) == count else None


async def a_command_is_remembered_over_continue_as_new(stage: Stage) -> None:
    play = await stage.open()
    await play.send("note", text="one", id="first")
    await play.signal("note", text="two", id="second")
    for number in range(shell.REMEMBERED):
        await play.send("note", text="x", id=f"later-{number}")
    seq = (await play.see()).seq
    await play.handle.signal("renew")
    await until(lambda: _renewed(play))

    assert (await play.refused("note", text="one", id="first"))["code"] == "given_before"
    assert (await play.refused("note", text="another", id="first"))["code"] == "conflict"
    assert (await play.refused("step", text="x", id="later-31"))["code"] == "conflict"
    assert (await play.send("note", text="x", id="later-31"))["seq"] == seq  # its answer is still there
    await play.signal("note", text="two", id="second")
    await play.signal("note", text="another", id="second")
    await play.journalled("message_refused")
    after = stage.world.journal[play.id][seq:]
    assert [event.body.type for event in after] == ["message_refused"]
    assert after[0].body.code == "conflict"  # type: ignore[union-attr]
    await replays(play)


async def _renewed(play: Play) -> bool:
    return (await play.handle.describe()).run_id != play.handle.first_execution_run_id


async def test_commands_are_remembered(temporal_env: VirtualTime, subtests: pytest.Subtests) -> None:
    async with on_stage(temporal_env) as stage:
        await play_all(stage, subtests, [a_command_is_remembered_over_continue_as_new])


async def test_comments_for_jira_are_bounded_and_come_once_and_in_order(
    temporal_env: VirtualTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effects, "MOST_COMMENTS", 12)
    monkeypatch.setitem(effects.LANES, "jira_comment", effects.LANES["jira_comment"]._replace(at_once=1))
    async with on_stage(temporal_env) as stage:
        play = await stage.open()
        await to_engineering(play)
        await play.seen(lambda ticket: ticket.issue)
        jira = stage.world.held[f"comment-{play.id}"] = asyncio.Event()
        told = [(await play.send("tell_engineering", text=f"No. {n}"))["seq"] for n in range(12)]
        refused = await play.refused("tell_engineering", text="One too many.")
        assert (refused["code"], refused["would_fit"]) == ("does_not_fit", ["note"])
        await play.signal("tell_engineering", text="One too many.")
        await play.journalled("message_refused")
        assert len([said for said in stage.world.comments if said.ticket_id == play.id]) <= 1

        jira.set()
        await play.seen(lambda ticket: not ticket.pending_effects)

        assert [said.seq for said in stage.world.comments if said.ticket_id == play.id] == told
        await play.send("tell_engineering", text="There is room again.")
        await replays(play)


async def test_updates_to_an_incident_that_cannot_be_reached_are_bounded_and_the_latest_arrives(
    temporal_env: VirtualTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(effects.LANES, "tell_incident", effects.LANES["tell_incident"]._replace(at_once=1))
    async with on_stage(temporal_env) as stage:
        play = await stage.open(plan="standard", priority="P0", product_area="unreachable")
        await play.seen(lambda ticket: ticket.incident and not ticket.pending_effects)
        before = await _scheduled(play, ports.NOTIFY_INCIDENT.name)
        stage.world.pause[play.id] = timedelta(milliseconds=100)
        stage.world.down[ports.NOTIFY_INCIDENT.name].add(play.id)
        for priority in ("P1", "P0", "P1", "P0"):
            await play.send("prioritise", priority=priority, reason="As it is now.", role="lead")
        assert await _scheduled(play, ports.NOTIFY_INCIDENT.name) == before + 1

        stage.world.heard.clear()
        stage.world.down[ports.NOTIFY_INCIDENT.name].remove(play.id)
        await play.seen(lambda ticket: not ticket.pending_effects)

        heard = [news.priority for news in stage.world.heard if news.ticket == play.id]
        assert heard == ["P1", "P0"]
        await replays(play)


async def _scheduled(play: Play, activity: str) -> int:
    """How many activities of a kind are in the workflow's history."""
    events = [event.activity_task_scheduled_event_attributes for event in await play.history()]
    return sum(event.activity_type.name == activity for event in events)


async def test_updates_that_were_sent_past_every_door_do_not_end_the_ticket(temporal_env: VirtualTime) -> None:
    """Whoever reaches Temporal's address can send what no door of ours takes. The server keeps so many bytes of it for
    one workflow, and refuses the rest. (The SDK sends an Update again for some seconds where it was refused so.)"""
    async with worker_away(temporal_env) as (stage, play):
        too_much = {"by": "ada", "text": "x" * 780_000}
        given = [
            asyncio.create_task(play.handle.execute_update("note", too_much, rpc_timeout=RPC_PATIENCE))
            for _ in range(6)
        ]

        async def one_more_is_refused() -> bool:
            try:
                await sent_once(play, "note", too_much)
            except RPCError as error:
                return "total payload size of in-flight updates" in str(error)
            return False

        await until(one_more_is_refused)
        async with serving(stage.time.client, stage.world):
            ends = await asyncio.gather(*given, return_exceptions=True)
            answered = [end.cause for end in ends if isinstance(end, WorkflowUpdateFailedError)]
            assert {cause.type for cause in answered} == {"too_large"}  # type: ignore[attr-defined]
            assert all(isinstance(end, WorkflowUpdateFailedError | RPCError) for end in ends)
            assert (await play.send("note", text="Goes on."))["did"] == ["noted"]
            await play.journalled("noted")
            await replays(play)


async def sent_once(play: Play, name: str, payload: Any) -> None:
    """Send an Update without a second attempt. Raises RPCError where it is refused, or not answered within 2 s."""
    client = play.stage.client
    request = UpdateWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=play.handle.id),
        request=Request(
            meta=Meta(update_id=uuid4().hex),
            input=Input(name=name, args=Payloads(payloads=await client.data_converter.encode([payload]))),
        ),
    )
    await client.workflow_service.update_workflow_execution(request, retry=False, timeout=timedelta(seconds=2))

"""A command is decided once, by the validator of its Update; a replay, which runs no validator, decides it anew."""

from datetime import datetime
from typing import Any

import pytest
from temporalio import workflow

from domain.aggregate.aggregate import Aggregate, Recording
from tests.support.replaying import replayer
from tests.support.stage import on_stage
from tests.support.timeskipping import VirtualTime


class Decided:
    """The commands that were decided: those of new workflow tasks with their instants, those of replays by name."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.new: list[tuple[str, datetime]] = []
        self.replayed: list[str] = []
        decide = Aggregate.decide

        def noted(aggregate: Aggregate[Any], state: Any, command: Any, now: datetime) -> Recording[Any]:
            if workflow.unsafe.is_replaying():
                self.replayed.append(command.do)
            else:
                self.new.append((command.do, now))
            return decide(aggregate, state, command, now)

        monkeypatch.setattr(Aggregate, "decide", noted)


async def test_a_command_is_decided_once_and_anew_when_its_history_is_replayed(
    temporal_env: VirtualTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided = Decided(monkeypatch)
    async with on_stage(temporal_env) as stage:
        play = await stage.open()
        await play.refused("resolve")
        await play.send("take")
        await play.send("note", text="First.")
        await play.send("note", text="Second.")
        history = await play.handle.fetch_history()
    decided.replayed.clear()

    await replayer().replay_workflow(history)

    assert len(decided.new) == len(set(decided.new)), "of one workflow task, each once"
    assert {do for do, _ in decided.new} == {"resolve", "take", "note"}
    assert decided.replayed == ["take", "note", "note"]

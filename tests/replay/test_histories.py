"""Every recorded history replays through the code as it is now."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from domain.events import Body
from domain.incident_events import IncidentBody
from tests.replay.record import HISTORIES, recorded
from tests.replay.stories import IMPATIENT, STORIES
from workers.worker import WORKFLOWS
from workflows import ticket as ticket_module

RECORDED = sorted(HISTORIES.glob("*.json"))


def load(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text(encoding="utf-8"))


async def replay(history: WorkflowHistory) -> Exception | None:
    replayer = Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter)
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    return result.replay_failure


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
async def test_a_recorded_history_replays(path: Path) -> None:
    failure = await replay(load(path))

    assert failure is None, (
        f"{path.name} does not replay: {failure}\n"
        "An open ticket with such a history would stop. Branch on the ticket's `rules` (domain/) or with "
        "`workflow.patched` (workflows/): CONTRIBUTING.md, 'Changing workflow code safely'."
    )


async def test_a_change_that_open_tickets_would_stop_at_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with another order of commands, the same replay fails."""
    monkeypatch.setattr(ticket_module.RearmableTimer, "arm", lambda *_: None)

    assert isinstance(await replay(load(HISTORIES / "limit_with_package.1.json")), workflow.NondeterminismError)


def test_every_story_has_its_history() -> None:
    missing = [story.__name__ for story in STORIES + IMPATIENT if not recorded(story)]
    assert not missing, f"record them: python -m tests.replay.record ({', '.join(missing)})"


@pytest.mark.parametrize(("body", "activity"), [(Body, "record_events"), (IncidentBody, "record_incident")])
def test_every_kind_of_event_stands_in_some_history(body: Any, activity: str) -> None:
    kinds = {kind.model_fields["type"].default for kind in get_args(get_args(body)[0])}
    told = {name for path in RECORDED for name in _journalled(path, activity)}

    assert kinds - told == set(), "add a story for them in tests/replay/stories.py, and record it"


def test_no_history_tells_of_the_machine_that_recorded_it() -> None:
    for path in RECORDED:
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r'"identity": "([^"]*)"', text)) <= {"test", "history-service"}
        assert not re.search(r"stackTrace|/home|/root|/tmp|\d+@", text)
        assert path.stat().st_size < 250_000, path.name


def _journalled(path: Path, activity: str) -> set[str]:
    """The types of the events that a workflow journalled by an activity in a history."""
    found: set[str] = set()
    for event in load(path).events:
        scheduled = event.activity_task_scheduled_event_attributes
        for payload in scheduled.input.payloads if scheduled.activity_type.name == activity else ():
            content = json.loads(payload.data)
            found |= {entry["body"]["type"] for entry in content.get("events", ())}
    return found

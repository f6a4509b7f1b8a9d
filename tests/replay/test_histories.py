"""Every recorded history replays through the code as it is now."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from temporalio import workflow
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from domain.incident.events import IncidentBody
from domain.incident.state import Effect as IncidentEffect
from domain.ticket.events import Body
from domain.ticket.state import Effect
from tests.replay.record import HISTORIES, recorded
from tests.replay.stories import IMPATIENT, STORIES
from tests.support.replaying import replayer
from workflows import ports
from workflows.incident.workflow import IncidentWorkflow
from workflows.ticket.workflow import TicketWorkflow
from workflows.timer import RearmableTimer

RECORDED = sorted(HISTORIES.glob("*.json"))
EFFECT_KEY = re.compile(r'(?:ticket|incident)-[^":]+:([a-z_]+):[0-9]+')


def load(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text(encoding="utf-8"))


async def replay(history: WorkflowHistory) -> Exception | None:
    result = await replayer().replay_workflow(history, raise_on_replay_failure=False)
    return result.replay_failure


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
async def test_a_recorded_history_replays(path: Path) -> None:
    failure = await replay(load(path))

    assert failure is None, (
        f"{path.name} does not replay: {failure}\n"
        "An open ticket with such a history would stop. Branch on the ticket's `core_version` (domain/) or with "
        "`workflow.patched` (workflows/): CONTRIBUTING.md, 'Changing workflow code safely'."
    )


async def test_a_change_that_open_tickets_would_stop_at_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with another order of commands, the same replay fails."""
    monkeypatch.setattr(RearmableTimer, "arm", lambda *_: None)

    assert isinstance(await replay(load(HISTORIES / "limit_with_package.1.json")), workflow.NondeterminismError)


def test_every_story_has_its_history() -> None:
    missing = [story.__name__ for story in STORIES + IMPATIENT if not recorded(story)]
    assert not missing, f"record them: python -m tests.replay.record ({', '.join(missing)})"


@pytest.mark.parametrize(("body", "activity"), [(Body, "record_events"), (IncidentBody, "record_incident")])
def test_every_kind_of_event_stands_in_some_history(body: Any, activity: str) -> None:
    kinds = {kind.model_fields["type"].default for kind in get_args(get_args(body)[0])}
    told = {name for path in RECORDED for name in _journalled(path, activity)}

    assert kinds - told == set(), "add a story for them in tests/replay/stories.py, and record it"


def test_every_activity_stands_in_some_history() -> None:
    asked = {event.activity_task_scheduled_event_attributes.activity_type.name for event in _events()}

    assert {port.name for port in vars(ports).values() if isinstance(port, ports.Port)} - asked == set()


@pytest.mark.parametrize("effect", [Effect, IncidentEffect], ids=["ticket", "incident"])
def test_every_kind_of_effect_stands_in_some_history(effect: Any) -> None:
    kinds = set(get_args(effect.model_fields["kind"].annotation))
    asked = {name for event in _events() for name in EFFECT_KEY.findall(_asked(event))}

    assert kinds - asked == set(), "add a story for them in tests/replay/stories.py, and record it"


@pytest.mark.parametrize("kind", [TicketWorkflow, IncidentWorkflow])
def test_every_message_stands_in_some_history(kind: type) -> None:
    known = workflow._Definition.must_from_class(kind)
    accepted = [event.workflow_execution_update_accepted_event_attributes for event in _events()]
    given = {update.accepted_request.input.name for update in accepted}
    sent = {event.workflow_execution_signaled_event_attributes.signal_name for event in _events()}

    assert (set(known.updates) - given, set(known.signals) - sent - {None}) == (set(), set())


def test_no_history_tells_of_the_machine_that_recorded_it() -> None:
    for path in RECORDED:
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r'"identity": "([^"]*)"', text)) <= {"test", "history-service"}
        assert not re.search(r"stackTrace|/home|/root|/tmp|\d+@", text)
        assert path.stat().st_size < 250_000, path.name


@cache
def _events() -> list[HistoryEvent]:
    return [event for path in RECORDED for event in load(path).events]


def _asked(event: HistoryEvent) -> str:
    """What an activity was asked for."""
    payloads = event.activity_task_scheduled_event_attributes.input.payloads
    return "".join(payload.data.decode() for payload in payloads)


def _journalled(path: Path, activity: str) -> set[str]:
    """The types of the events that a workflow journalled by an activity in a history."""
    found: set[str] = set()
    for event in load(path).events:
        scheduled = event.activity_task_scheduled_event_attributes
        for payload in scheduled.input.payloads if scheduled.activity_type.name == activity else ():
            content = json.loads(payload.data)
            found |= {entry["body"]["type"] for entry in content.get("events", ())}
    return found

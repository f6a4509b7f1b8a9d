"""Two policies over the same recorded tickets: only what an edit concerns differs, by the first decision that does."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from cli.output import Code
from domain.core.enums import Plan, Priority
from domain.policy.policy import Policy
from integrations.recorded.log import Recorded
from services.backtest import Acts, Case, Outcome, prepare, replay
from services.policy_comparison import Comparison, DifferentTicket, Tally
from services.policy_file.load import DEFAULT, load_policy

START = datetime(2035, 6, 4, tzinfo=UTC)
"""A Monday, in a week without a public holiday."""

WORK, QUEUE, DONE = "Accepted/In Progress", "Queued/Awaiting Assignment", "Completed/Resolved"

Moments = list[tuple[str, str, int, str]]
"""Time of day of a Monday in UTC, state, line, actor. 08:00 is 10:00 in Berlin."""

LOG: dict[str, tuple[str, Moments]] = {
    "taken after 1 h, resolved after 2": ("Medium", [("07:00", QUEUE, 1, "system"), ("08:00", WORK, 1, "ada"),
                                                      ("08:10", DONE, 1, "ada")]),
    "resolved after 5 h": ("Medium", [("07:00", QUEUE, 1, "system"), ("12:00", WORK, 1, "ada"),
                                      ("12:05", DONE, 1, "ada")]),
    "twelve minutes of Tier 1": ("Low", [("08:00", WORK, 1, "ada"), ("08:12", DONE, 1, "ada")]),
    "seventeen minutes of Tier 1": ("Low", [("08:00", WORK, 1, "ada"), ("08:17", DONE, 1, "ada")]),
    "twenty-five minutes of Tier 1, then Tier 2": ("Low", [("08:00", WORK, 1, "ada"), ("08:25", QUEUE, 2, "ada"),
                                                     ("08:40", DONE, 2, "bea")]),
}  # fmt: skip


def recorded(name: str) -> Recorded:
    impact, moments = LOG[name]
    events = [
        {"at": f"2026-01-05T{at}:00Z", "state": state, "tier": line, "team": "G1", "actor": actor}
        for at, state, line, actor in moments
    ]
    line: dict[str, Any] = {
        "id": name, "opened_at": events[0]["at"], "product": "PROD1", "impact": impact, "country": "de",
        "events": events, "closed_at": events[-1]["at"],
    }  # fmt: skip
    return Recorded.model_validate_json(json.dumps(line))


def edited(tmp_path: Path, old: str, new: str) -> Policy:
    text = DEFAULT.read_text()
    assert old in text
    file = tmp_path / "tried.toml"
    file.write_text(text.replace(old, new, 1))
    return load_policy(file)


def cases(policy: Policy, acts: Acts = "kept") -> list[Case]:
    return [prepare(recorded(name), Plan.STANDARD, policy, START, acts=acts) for name in LOG]


def outcomes(policy: Policy) -> list[Outcome]:
    return [replay(*case) for case in cases(policy)]


def compared(tried: Policy) -> tuple[list[str], dict[str, DifferentTicket]]:
    """The names of the promises that differ, and the tickets that do."""
    comparison = Comparison()
    for before, after in zip(outcomes(load_policy()), outcomes(tried), strict=True):
        comparison.add(before, after)
    assert comparison.tickets == len(LOG)
    assert comparison.differ == len(comparison.different)
    return list(comparison.changed), {one.external_id: one for one in comparison.different}


def tally() -> Tally:
    counts = Tally()
    for outcome in outcomes(load_policy()):
        counts.add(outcome)
    return counts


def test_a_policy_against_itself_differs_in_nothing() -> None:
    assert compared(load_policy()) == ([], {})


def test_c1_a_shorter_first_response_changes_only_what_was_answered_too_late_for_it(tmp_path: Path) -> None:
    tried = edited(tmp_path, 'first_response = "8h"', 'first_response = "2h"')

    names, different = compared(tried)

    assert names == ["plan.first_response.budget"]
    late = different["resolved after 5 h"]
    assert late.after is not None
    assert [term.name for term in late.because] == ["plan.first_response.budget"]
    assert "twelve minutes of Tier 1" not in different


def test_a_changed_promise_is_told_as_people_write_it(tmp_path: Path) -> None:
    comparison = Comparison()
    tried = edited(tmp_path, 't1_notes = ["10m", "13m"]', 't1_notes = ["90s", "9m"]')
    comparison.add(outcomes(load_policy())[0], outcomes(tried)[0])
    (notes,) = comparison.changed.values()
    assert (notes.name, notes.before, notes.after) == ("limits.t1_notes", "10 min, 13 min", "1 min 30 s, 9 min")


def test_g2_another_limit_changes_only_what_took_longer_than_the_shorter_of_the_two(tmp_path: Path) -> None:
    tried = edited(tmp_path, 't1_limit = "15m"', 't1_limit = "20m"')

    names, different = compared(tried)

    assert [name for name in names if name.startswith("limits.t1")] == names
    assert {"seventeen minutes of Tier 1", "twenty-five minutes of Tier 1, then Tier 2"} == set(different)
    seventeen = different["seventeen minutes of Tier 1"]
    assert (seventeen.before and seventeen.before.body.type) == "limit_reached"
    assert {term.name for term in seventeen.because} == set(names)


def test_the_counts_are_by_the_priority_that_a_ticket_opened_with() -> None:
    counts = tally().sorted()
    assert {priority: one.tickets for priority, one in counts.items()} == {Priority.P2: 2, Priority.P3: 3}
    assert counts[Priority.P3].t1_overruns == 2


def test_c1_a_clock_is_kept_or_missed_and_what_is_missed_is_owed() -> None:
    counts = tally().sorted()
    assert counts[Priority.P2].kept["contract.first_response"] == 2
    assert counts[Priority.P2].breaches["contract.first_response"] == 0
    assert counts[Priority.P2].credit_percent == 0


def test_people_s_acts_fall_into_hours_of_the_week() -> None:
    load = tally().load
    assert load[0, 12] == sum(
        event.actor.id != "tierline" and (event.at.weekday(), event.at.hour) == (0, 12)
        for outcome in outcomes(load_policy())
        for event in outcome.events
    )
    assert set(load) == {(0, 7), (0, 8), (0, 12)}


def test_g2_a_limit_that_is_enforced_refuses_what_it_forbids() -> None:
    name = "twenty-five minutes of Tier 1, then Tier 2"
    (case,) = [one for one in cases(load_policy(), "refused") if one.script.opening["external_id"] == name]
    assert case.terms.limits.t1_mode == "enforce"
    events = replay(*case).events
    limit = next(event for event in events if event.body.type == "limit_reached")
    assert limit.at - events[0].at == timedelta(minutes=15)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "log.jsonl"
    file.write_text("\n".join(recorded(name).model_dump_json() for name in LOG))
    return file


def test_the_command_compares_two_policies(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edited(tmp_path, 't1_limit = "15m"', 't1_limit = "20m"')
    words = ["backtest", str(log), "--against", str(tmp_path / "tried.toml")]

    assert run(words) == Code.DONE
    said = capsys.readouterr().out
    assert run([*words, "--json"]) == Code.DONE
    told = json.loads(capsys.readouterr().out)

    assert "2 of 5 tickets go another way" in said
    assert "limits.t1_limit" in said
    assert (told["tickets"], len(told["different"])) == (5, 2)
    assert told["policies"] == ["in use", "tried.toml"]
    assert told["load"][0] == told["load"][1] == tally().week()
    monday = next(line for line in said.splitlines() if line.startswith("Mon"))
    assert monday.split()[8:10] == [str(tally().load[0, 7]), str(tally().load[0, 8])]


def test_the_command_counts_under_one_policy_too(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["backtest", str(log), "--by", "plan"]

    assert run(words) == Code.DONE
    said = capsys.readouterr().out
    assert run([*words, "--json"]) == Code.DONE
    told = json.loads(capsys.readouterr().out)

    assert "standard: tickets" in said
    assert "acts of people by hour of the week, in UTC" in said
    assert [one["id"] for one in told["outcomes"]] == list(LOG)
    assert (told["tickets"], told["counted_by"], told["groups"]["standard"]["t1_overruns"]) == (5, "plan", 2)
    assert told["groups"]["standard"]["kept"]["contract.first_response"] == 5
    assert told["load"] == tally().week()


def test_a_policy_that_is_wrong_is_named_with_its_line(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text("nonsense")
    assert run(["backtest", str(log), "--against", str(file)]) == Code.CONFIGURATION
    assert f"{file}:1" in capsys.readouterr().err

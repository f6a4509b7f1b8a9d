"""Recorded incidents: read, told as commands, and replayed through the core (C1, C4-C6, C10, C11, G1, G2, G5, G7).

Here with small made cases; `test_recorded_incidents` has a log of real ones.
"""

import gzip
import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from domain.clocks.terms import Terms
from domain.core.enums import Plan, Status
from domain.ticket.state import Account
from integrations.recorded.adapter import NOT_RECORDED, Script, commands, weeks_until
from integrations.recorded.log import MAX_LINE, LogError, Recorded, read
from services.backtest import Outcome, as_recorded, replay, summary
from services.policy_file.load import load_policy, resolve_terms

Moment = tuple[str, str, int | None, str]
"""Time of day, state, line, actor."""


def incident(*moments: Moment, impact: str = "Medium", closed: str | None = None) -> dict[str, Any]:
    """One line of a log: what happened on 5 January 2026."""
    events = [
        {"at": f"2026-01-05T{at}Z", "state": state, "tier": line, "team": "G1", "actor": actor}
        for at, state, line, actor in moments
    ]
    return {
        "id": "1-1",
        "opened_at": min(str(event["at"]) for event in events),
        "product": "PROD1",
        "impact": impact,
        "country": "se",
        "events": events,
        "closed_at": closed and f"2026-01-05T{closed}Z",
    }


def recorded(*moments: Moment, **facts: Any) -> Recorded:
    return Recorded.model_validate_json(json.dumps(incident(*moments, **facts)))


def told(script: Script) -> list[tuple[str, str]]:
    """The script in short: time of day, command and tier."""
    return [(f"{at:%H:%M}", " ".join([p["do"], *([p["to"]] if "to" in p else [])])) for at, p in script.steps]


@lru_cache
def terms_of(plan: Plan, year: int) -> Terms:
    at = datetime(year, 1, 1, tzinfo=UTC)
    return as_recorded(resolve_terms(load_policy(), Account(id="recorded", plan=plan), at))


def outcome_of(case: Recorded, plan: Plan = Plan.STANDARD) -> Outcome:
    script = commands(case, plan)
    return replay(script, terms_of(plan, script.opened_at.year))


WORK, QUEUE, WAIT, DONE = (
    "Accepted/In Progress", "Queued/Awaiting Assignment", "Accepted/Wait - User", "Completed/Resolved",
)  # fmt: skip


# ---- Reading ----


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_log_is_read_plain_or_gzip_whatever_its_name(tmp_path: Path, packed: bool) -> None:
    line = json.dumps(incident(("09:00:00", WORK, 1, "ada"))) + "\n"
    file = tmp_path / "log"
    file.write_bytes(gzip.compress(line.encode()) if packed else line.encode())

    (case,) = read(file)

    assert case.id == "1-1"
    assert case.events[0].at == datetime(2026, 1, 5, 9, tzinfo=UTC)


def test_events_are_put_in_order_of_time_and_those_of_one_instant_keep_the_order_of_the_file() -> None:
    case = recorded(
        ("09:05:00", WORK, 1, "b"), ("09:05:00", QUEUE, 2, "c"), ("09:00:00", QUEUE, 1, "a"), ("09:05:00", WORK, 2, "d")
    )

    assert [event.actor for event in case.events] == ["a", "b", "c", "d"]


GOOD = json.dumps(incident(("09:00:00", WORK, 1, "ada")))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("not json", "Invalid JSON"),
        ("[" * 10_000, "Invalid JSON"),
        ("[]", "Input should be an object"),
        (GOOD.replace("In Progress", "Dreaming"), "events.0.state: Input should be"),
        (GOOD.replace('"tier": 1', '"tier": 4'), "events.0.tier: Input should be 1, 2 or 3"),
        (GOOD.replace('"Medium"', '"Enormous"'), "impact: Input should be"),
        (GOOD.replace('"ada"', '"\\u001b[2J"'), "events.0.actor: String should match"),
        (GOOD.replace('"ada"', '"' + "a" * 101 + '"'), "events.0.actor: String should have at most 100"),
        (GOOD.replace("T09:00:00Z", "T09:00:00"), "opened_at: Input should have timezone info"),
        (GOOD.replace("2026-01-05T09:00:00Z", "0001-01-01T00:00:00+14:00"), "opened_at: the year must be"),
        (GOOD.replace("2026-01-05", "1666-01-05"), "opened_at: the year must be from 1970 to 2100"),
        (GOOD.replace('"opened_at": "2026-01-05', '"opened_at": "2026-01-06'), "an event before opened_at"),
        (GOOD.replace('"closed_at": null', '"closed_at": "2026-01-04T00:00:00Z"'), "an event after closed_at"),
        (json.dumps(json.loads(GOOD) | {"events": []}), "events: Tuple should have at least 1 item"),
        (json.dumps(json.loads(GOOD) | {"id": "1-1"}), "id 1-1 stands in line 1 already"),
        ('{"id": "' + "x" * MAX_LINE + '"}', "longer than 1024 KiB"),
    ],
)
def test_the_first_line_that_is_wrong_ends_the_reading_with_its_number(tmp_path: Path, line: str, reason: str) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text(f"{GOOD}\n\n{line}\n")
    cases = read(file)
    next(cases)

    with pytest.raises(LogError) as caught:
        next(cases)

    assert caught.value.line == 3
    assert str(caught.value).startswith(f"{file}:3: {reason}")
    assert "\n" not in str(caught.value)


def test_a_log_that_is_cut_off_or_not_there_is_an_error_of_one_line(tmp_path: Path) -> None:
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress((GOOD + "\n").encode())[:-12])

    with pytest.raises(LogError, match="gzip data is damaged or cut off"):
        list(read(cut))
    with pytest.raises(LogError, match="cannot be read: No such file"):
        list(read(tmp_path / "none.gz"))


# ---- Telling ----


def test_line_changes_are_escalations_and_hand_backs_with_their_packages_in_the_same_command() -> None:
    case = recorded(("09:00:00", WORK, 1, "ada"), ("09:10:00", QUEUE, 2, "ada"), ("09:20:00", WORK, 1, "bea"))

    script = commands(case, Plan.STANDARD)

    assert told(script) == [("09:00", "take"), ("09:10", "escalate T2"), ("09:20", "return"), ("09:20", "take")]
    fields = script.steps[1].payload["fields"]
    assert list(fields) == ["steps_taken", "customer_impact", "reproduction_steps", "logs_or_screenshots"]
    assert set(fields.values()) == {NOT_RECORDED}
    assert outcome_of(case).refusals == ()


@pytest.mark.parametrize(
    ("plan", "impact", "ways"),
    [
        (Plan.STANDARD, "Medium", ["escalate T2", "escalate T3"]),
        (Plan.STANDARD, "High", ["escalate T3"]),
        (Plan.ENTERPRISE, "Low", ["escalate T3"]),
        (Plan.FREE, "Major", ["escalate T2", "escalate T3"]),
    ],
)
def test_g5_from_line_1_to_3_directly_where_the_rule_allows_it_and_by_way_of_2_elsewhere(
    plan: Plan, impact: str, ways: list[str]
) -> None:
    case = recorded(("09:00:00", QUEUE, 1, "ada"), ("09:10:00", QUEUE, 3, "ada"), impact=impact)

    assert told(commands(case, plan)) == [("09:10", way) for way in ways]
    assert outcome_of(case, plan).refusals == ()


def test_g7_on_free_a_hand_over_is_a_leads_with_the_reason_not_recorded() -> None:
    case = recorded(("09:00:00", WORK, 1, "ada"), ("09:10:00", QUEUE, 2, "ada"))

    given = commands(case, Plan.FREE).steps[1].payload

    assert (given["role"], given["override"], given["reason"]) == ("lead", True, NOT_RECORDED)
    assert outcome_of(case, Plan.FREE).tier_changes == 1


def test_from_line_3_to_1_are_two_returns_and_a_log_that_begins_above_line_1_goes_up_at_once() -> None:
    case = recorded(("09:00:00", WORK, 3, "eve"), ("09:30:00", QUEUE, 1, "eve"))

    script = commands(case, Plan.ENTERPRISE)

    assert told(script) == [("09:00", "escalate T3"), ("09:00", "take"), ("09:30", "return"), ("09:30", "return")]


def test_a_team_whose_line_is_not_known_keeps_the_tier() -> None:
    case = recorded(("09:00:00", WORK, 2, "ada"), ("09:30:00", WORK, None, "bea"), ("09:40:00", WORK, 2, "bea"))

    assert told(commands(case, Plan.STANDARD)) == [("09:00", "escalate T2"), ("09:00", "take"), ("09:30", "take")]


def test_work_by_somebody_else_takes_it_over_and_the_automatic_account_takes_nothing() -> None:
    case = recorded(
        ("09:00:00", WORK, 1, "ada"), ("09:01:00", WORK, 1, "ada"), ("09:02:00", WORK, 1, "system"),
        ("09:03:00", WORK, 1, "bea"),
    )  # fmt: skip

    given = [step.payload for step in commands(case, Plan.STANDARD).steps]

    assert given == [
        {"do": "take", "by": "ada", "role": "agent"},
        {"do": "take", "by": "bea", "role": "agent", "over": True},
    ]


def test_c6_only_wait_user_pauses_and_leaving_it_is_a_reply_unless_it_was_completed() -> None:
    case = recorded(
        ("09:00:00", WORK, 1, "ada"), ("09:10:00", WAIT, 1, "ada"), ("09:20:00", WAIT, 1, "system"),
        ("09:30:00", "Accepted/Wait - Vendor", 1, "ada"), ("09:40:00", WAIT, 1, "ada"), ("09:50:00", DONE, 1, "ada"),
    )  # fmt: skip

    script = commands(case, Plan.STANDARD)

    assert told(script) == [
        ("09:00", "take"), ("09:10", "wait"), ("09:30", "reply"), ("09:40", "wait"), ("09:50", "resolve"),
    ]  # fmt: skip
    assert script.steps[1].payload["question"] == script.steps[2].payload["text"] == NOT_RECORDED
    assert outcome_of(case).pauses == 2


def test_c6_a_change_of_line_while_waiting_goes_on_waiting() -> None:
    case = recorded(("09:00:00", WAIT, 1, "ada"), ("09:10:00", WAIT, 2, "ada"), ("09:20:00", WAIT, 1, "ada"))

    outcome = outcome_of(case)

    assert told(commands(case, Plan.STANDARD)) == [
        ("09:00", "wait"), ("09:10", "escalate T2"), ("09:10", "wait"), ("09:20", "return"),
    ]  # fmt: skip
    assert (outcome.status, outcome.refusals) == (Status.PENDING, ())


def test_c10_completed_resolves_once_and_what_is_not_completed_after_it_reopens() -> None:
    case = recorded(
        ("09:00:00", WORK, 1, "ada"), ("09:10:00", DONE, 1, "ada"), ("09:20:00", "Completed/Closed", 1, "system"),
        ("09:30:00", QUEUE, 2, "bea"), ("09:40:00", "Completed/In Call", 2, "bea"), closed="09:40:00",
    )  # fmt: skip

    script = commands(case, Plan.STANDARD)

    assert told(script) == [
        ("09:00", "take"), ("09:10", "resolve"), ("09:30", "reopen"), ("09:30", "escalate T2"), ("09:40", "resolve"),
        ("09:40", "close"),
    ]  # fmt: skip
    outcome = outcome_of(case)
    assert (outcome.status, outcome.reopenings, outcome.refusals) == (Status.CLOSED, 1, ())


def test_cancelled_is_wont_fix_and_a_log_that_ends_before_the_incident_leaves_it_open() -> None:
    cancelled = recorded(("09:00:00", "Completed/Cancelled", 1, "ada"), closed="09:00:00")
    unfinished = recorded(("09:00:00", WORK, 1, "ada"))

    assert commands(cancelled, Plan.FREE).steps[0].payload["resolution"] == "wont_fix"
    assert outcome_of(cancelled, Plan.FREE).status is Status.CLOSED
    assert outcome_of(unfinished).status is Status.OPEN


def test_times_are_moved_by_whole_weeks_to_the_first_such_instant_from_now_on() -> None:
    case = recorded(("09:00:00", WORK, 1, "ada"), ("09:10:00", DONE, 1, "ada"), closed="09:30:00")
    now = datetime(2026, 2, 2, 9, 0, 1, tzinfo=UTC)

    script = commands(case, Plan.STANDARD, weeks_until(case.opened_at, now))

    assert script.opened_at == datetime(2026, 2, 9, 9, tzinfo=UTC)
    assert [f"{at:%d %H:%M}" for at, _ in script.steps] == ["09 09:00", "09 09:10", "09 09:30"]
    assert f"{script.until:%d %H:%M}" == "09 09:30"
    assert weeks_until(case.opened_at, case.opened_at) == timedelta(0)


# ---- Replaying ----


def test_g2_overruns_of_the_limit_are_observed_once_a_stay_and_move_nothing() -> None:
    case = recorded(("09:00:00", WORK, 1, "ada"), ("09:15:01", DONE, 1, "ada"), closed="09:15:01")
    punctual = recorded(("09:00:00", WORK, 1, "ada"), ("09:15:00", DONE, 1, "ada"), closed="09:15:00")

    assert (outcome_of(case).t1_overruns, outcome_of(case).tier_changes) == (1, 0)
    assert outcome_of(punctual).t1_overruns == 0


def test_what_is_refused_is_counted_by_command_and_reason_and_the_script_goes_on() -> None:
    case = recorded(("09:00:00", WORK, 1, "ada"), ("09:10:00", QUEUE, 2, "ada"), ("09:20:00", DONE, 2, "ada"))
    script = commands(case, Plan.STANDARD)
    script.steps[1].payload["fields"] = {"steps_taken": "  "}

    outcome = replay(script, terms_of(Plan.STANDARD, 2026))

    assert outcome.refusals == ("escalate: missing_fields",)
    assert outcome.status is Status.RESOLVED
    assert summary([outcome, outcome]).refusals == {"escalate: missing_fields": 2}

"""Recorded incidents: read, told as commands, and replayed through the core (C1, C4-C6, C10, C11, G1, G2, G5, G7).

The last part holds the core against a log of real incidents, where that log is at hand, and against a few lines
here that count the log directly, with nothing of ours in them.
"""

import gzip
import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import pytest

from domain import events as e
from domain.commands import parse
from domain.evolve import evolve
from domain.terms import Terms
from domain.ticket import Account
from domain.words import Plan, Status
from frontdoor.policy import load_policy, resolve_terms
from frontdoor.replay import Outcome, as_recorded, replay, summary
from integrations.recorded.adapter import NOT_RECORDED, Script, commands, weeks_until
from integrations.recorded.log import MAX_LINE, LogError, Recorded, RecordedEvent, State, read

LOG = Path(__file__).parents[2] / "../shared/data/volvo_incidents.jsonl.gz"
NOW = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday

Moment = tuple[str, str, int | None, str]
"""Time of day, state, line, actor."""
Span = tuple[datetime, datetime]


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


# ---- A log of real incidents, counted twice ----


@pytest.fixture(scope="module")
def log() -> list[Recorded]:
    if not LOG.is_file():
        pytest.skip(f"no recorded incidents at {LOG.name}: it is no part of the project")
    return list(read(LOG))


def test_every_command_of_the_log_is_one_that_can_be_read(log: list[Recorded]) -> None:
    for case in log[::10]:
        for step in commands(case, Plan.FREE).steps:
            parse(json.loads(json.dumps(step.payload)))


@pytest.mark.parametrize("plan", list(Plan))
def test_the_core_counts_what_the_log_says(log: list[Recorded], plan: Plan) -> None:
    """Case by case, all of them: a difference has a name in `line_changes`, or is a fault."""
    total: Counter[str] = Counter()

    def outcomes() -> Iterator[Outcome]:
        for number, case in enumerate(log):
            shift = weeks_until(case.opened_at, NOW)
            script = commands(case, plan, shift)
            outcome = replay(script, terms_of(plan, script.opened_at.year))
            expected = counts(case, plan, shift)
            assert counted(outcome) == expected, case.id
            check_warnings_and_breaches(outcome, case, shift)
            if number % 5 == 0:
                check_remaining_times(outcome)
            total.update(expected)
            yield outcome

    result = summary(outcomes())

    assert result.tickets == len(log)
    assert result.refusals == {}
    assert result.by_status.get("closed", 0) == sum(case.closed_at is not None for case in log)
    assert result.tier_changes == total["tier changes"]
    assert result.pauses == total["pauses"]
    assert result.reopenings == total["reopenings"]
    assert result.t1_overruns == total["T1 overruns"]
    assert result.breaches.get("contract.first_response", 0) == total["first response breached"]
    assert result.breaches.get("contract.resolution", 0) == total["resolution breached"]


def counted(outcome: Outcome) -> dict[str, int]:
    return {
        "tier changes": outcome.tier_changes,
        "pauses": outcome.pauses,
        "reopenings": outcome.reopenings,
        "T1 overruns": outcome.t1_overruns,
        "first response breached": outcome.breaches.count("contract.first_response"),
        "resolution breached": outcome.breaches.count("contract.resolution"),
    }


def counts(case: Recorded, plan: Plan, shift: timedelta) -> dict[str, int]:
    """The same from the log alone."""
    events = case.events
    response, resolution = PROMISES[plan]
    opened = case.opened_at + shift
    heard = min((ev.at for ev in events if not ticks(ev.state)), default=events[-1].at) + shift
    return {
        "tier changes": sum(line_changes(case, plan).values()),
        "pauses": sum(ev.state == WAIT and (i == 0 or events[i - 1].state != WAIT) for i, ev in enumerate(events)),
        "reopenings": sum(a.state.completed and not b.state.completed for a, b in pairwise(events)),
        "T1 overruns": sum(over_limit(plan, stay) for stay in stays_on_line_1(case, shift)),
        "first response breached": late(plan, [(opened, heard)], response),
        "resolution breached": late(plan, active_spans(case, shift), resolution),
    }


def ticks(state: State) -> bool:
    """C6, C10: neither waiting on the user nor completed. In both, the customer has heard from somebody (C5)."""
    return state != WAIT and not state.completed


def first_completed(case: Recorded) -> list[RecordedEvent]:
    """The events without those that only say again that it is completed."""
    before = [None, *case.events]
    return [ev for last, ev in zip(before, case.events, strict=False) if not (last and over(last) and over(ev))]


def over(event: RecordedEvent) -> bool:
    return event.state.completed


def line_changes(case: Recorded, plan: Plan) -> dict[str, int]:
    """Changes of line in the log, and by name what makes the ticket's tier changes more or fewer."""
    direct = plan is Plan.ENTERPRISE or (plan is not Plan.FREE and case.impact in ("High", "Major"))
    lines = [ev.tier for ev in first_completed(case)]
    known = [line for line in lines if line]
    recorded_changes = changes([ev.tier for ev in case.events])
    moves = Counter(pairwise([1, *known]))
    return {
        "recorded": recorded_changes,
        "moved while completed": changes(lines) - recorded_changes,
        "line not known": changes(known) - changes(lines),
        "opened above line 1": int(known[:1] > [1]),
        "1 to 3 by way of 2": 0 if direct else moves[1, 3],
        "3 to 1 by way of 2": moves[3, 1],
    }


def changes(lines: Sequence[int | None]) -> int:
    return sum(a != b for a, b in pairwise(lines))


def active_spans(case: Recorded, shift: timedelta) -> list[Span]:
    return [(a.at + shift, b.at + shift) for a, b in pairwise(case.events) if ticks(a.state)]


def stays_on_line_1(case: Recorded, shift: timedelta) -> list[list[Span]]:
    """G1: the spans of each stay on line 1, from its first work on. Who holds it at a reopening works on."""
    stays: list[list[Span]] = [[]]
    line, holder, working, done = 1, "", False, False
    for ev, after in pairwise([*first_completed(case), case.events[-1]]):
        if done and not over(ev):
            stays.append([])
            working = bool(holder)
        if ev.tier not in (None, line):
            stays.append([])
            line, holder, working = ev.tier or line, "", False
        if ev.state == WORK and ev.actor != "system":
            holder, working = ev.actor, True
        if line == 1 and working and ticks(ev.state):
            stays[-1].append((ev.at + shift, after.at + shift))
        done = over(ev)
    return stays


def over_limit(plan: Plan, stay: list[Span]) -> bool:
    """G1: 15 minutes of support hours; on the wall, which is Enterprise's, when taken outside them."""
    clock = plan if stay and is_open(plan, stay[0][0]) else Plan.ENTERPRISE
    return late(clock, stay, 15 * MINUTE)


def late(plan: Plan, spans: list[Span], budget: float) -> bool:
    """C4: whether the budget was used up before the last instant. At closing time means due at closing time."""
    for start, end in spans:
        used = hours(plan, start, end)
        if used > budget or (used == budget and not hours(plan, end - SECOND, end)):
            return True
        budget -= used
    return False


SECOND, MINUTE, HOUR = timedelta(seconds=1), 60.0, 3600.0
PROMISES = {
    Plan.FREE: (float("inf"), float("inf")),
    Plan.STANDARD: (8 * HOUR, 48 * HOUR),
    Plan.PREMIUM: (4 * HOUR, 24 * HOUR),
    Plan.ENTERPRISE: (1 * HOUR, 8 * HOUR),
}
"""Seconds of support hours: first response, resolution."""
OPEN = {Plan.FREE: (9, 17), Plan.STANDARD: (9, 17), Plan.PREMIUM: (6, 22), Plan.ENTERPRISE: None}


@lru_cache
def windows(plan: Plan) -> tuple[list[float], list[float]]:
    """The starts of the support hours of four years in Berlin, and the seconds that were open before each."""
    berlin, closed = ZoneInfo("Europe/Berlin"), holidays.country_holidays("DE", years=range(2026, 2030))
    starts, before, total = [], [], 0.0
    opens, closes = OPEN[plan] or (0, 0)
    for number in range(4 * 365):
        day = date(2026, 1, 1) + timedelta(days=number)
        if day.weekday() < 5 and day not in closed:
            start = datetime.combine(day, time(opens), berlin).timestamp()
            starts.append(start)
            before.append(total)
            total += datetime.combine(day, time(closes), berlin).timestamp() - start
    return starts, before


def hours(plan: Plan, start: datetime, end: datetime) -> float:
    """Seconds of support hours between two instants."""
    if OPEN[plan] is None:
        return (end - start).total_seconds()
    return open_before(plan, end) - open_before(plan, start)


def open_before(plan: Plan, at: datetime) -> float:
    starts, before = windows(plan)
    place = bisect_right(starts, at.timestamp()) - 1
    opens, closes = OPEN[plan] or (0, 0)
    return 0.0 if place < 0 else before[place] + min(at.timestamp() - starts[place], (closes - opens) * HOUR)


def is_open(plan: Plan, at: datetime) -> bool:
    return hours(plan, at, at + SECOND) > 0


def check_warnings_and_breaches(outcome: Outcome, case: Recorded, shift: timedelta) -> None:
    """C11: no warning while paused, or after the end. C1: each breach once."""
    active = active_spans(case, shift)
    for event in outcome.events:
        if isinstance(event.body, e.Warned):
            assert any(start <= event.at <= end for start, end in active), case.id
    assert len(outcome.breaches) == len(set(outcome.breaches)), case.id


def check_remaining_times(outcome: Outcome) -> None:
    """C4: whatever can still lapse has time left, at every event; what does not tick has no due instant."""
    ticket = None
    for event in outcome.events:
        ticket = evolve(ticket, event)
        for clock in ticket.clocks:
            assert not clock.running or (clock.due is not None and clock.due >= event.at)
            assert not (ticket.suspended and clock.metric == "resolution" and clock.met_at is None and clock.due)

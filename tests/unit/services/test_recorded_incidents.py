"""The core against a log of real incidents, where one is at hand (C1, C4-C6, C10, C11, C13, G1, G2, G5).

The log is counted twice: by the core, and by the lines from `counts` on, with no rule of ours in them. Both must
agree case by case; where a ticket's way must differ from the log's, the difference has a name.
"""

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import holidays
import pytest

from domain.clocks.terms import Terms
from domain.core.enums import Plan
from domain.ticket import events as e
from domain.ticket.aggregate import TICKET
from domain.ticket.commands import parse
from domain.ticket.state import Account
from integrations.recorded.adapter import commands, weeks_until
from integrations.recorded.log import Recorded, RecordedEvent, State, read
from services.backtest import Outcome, as_recorded, replay, summary
from services.intake.request import OpenRequest
from services.policy_file.load import load_policy, resolve_terms
from tests.support.root import ROOT
from tests.support.scale import SCALE

LOG = ROOT / "../shared/data/volvo_incidents.jsonl.gz"
NOW = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday

Span = tuple[datetime, datetime]


@lru_cache
def terms_of(plan: Plan, year: int) -> Terms:
    at = datetime(year, 1, 1, tzinfo=UTC)
    return as_recorded(resolve_terms(load_policy(), Account(id="recorded", plan=plan), at))


@pytest.fixture(scope="module")
def log() -> list[Recorded]:
    if not LOG.is_file():
        pytest.skip(f"no recorded incidents at {LOG.name}: it is no part of the project")
    return list(read(LOG))


def test_every_opening_and_every_command_is_one_that_the_service_takes(log: list[Recorded]) -> None:
    for case in log[::10]:
        script = commands(case, Plan.FREE)
        assert OpenRequest.parse(json.loads(json.dumps(script.opening))).external_id == case.id
        for step in script.steps:
            parse(json.loads(json.dumps(step.payload)))


@pytest.mark.parametrize("plan", list(Plan))
def test_the_core_counts_what_the_log_says(log: list[Recorded], plan: Plan) -> None:
    """Case by case: a difference has a name in `line_changes`, or is a fault.

    Each incident runs under one of the plans; at a scale above 1, under every plan.
    """
    if SCALE == 1:
        log = log[list(Plan).index(plan) :: len(Plan)]
    total: Counter[str] = Counter()

    def outcomes() -> Iterator[Outcome]:
        for number, case in enumerate(log):
            shift = weeks_until(case.opened_at, NOW)
            script = commands(case, plan, shift)
            outcome = replay(script, terms_of(plan, script.opened_at.year))
            expected = counts(case, plan, shift)
            actual = counted(outcome)
            assert {name: actual[name] for name in expected} == expected, case.id
            check_warnings_and_breaches(outcome, case, shift)
            if number % 5 == 0:
                check_remaining_times(outcome)
            total.update(expected)
            yield outcome

    result = summary(outcomes())

    assert result.tickets == len(log)
    assert result.refusals == {}
    assert result.by_status.get("closed", 0) == sum(case.closed_at is not None for case in log)
    numbers = {name: getattr(result, name) for name in NUMBERS} | result.breaches
    assert {name: numbers.get(name, 0) for name in total} == dict(total)


NUMBERS = ("tier_changes", "pauses", "reopenings", "t1_overruns")


def counted(outcome: Outcome) -> Counter[str]:
    return Counter(outcome.breaches) + Counter({name: getattr(outcome, name) for name in NUMBERS})


def counts(case: Recorded, plan: Plan, shift: timedelta) -> dict[str, int]:
    """The same from the log alone."""
    events = case.events
    waits = [ev.state is State.WAIT_USER for ev in events]
    opened = case.opened_at + shift
    heard = min((ev.at for ev in events if not ticks(ev.state)), default=events[-1].at) + shift
    spans = {"first_response": [(opened, heard)], "resolution": active_spans(case, shift)}
    return {
        "tier_changes": sum(line_changes(case, plan).values()),
        "pauses": sum(after and not before for before, after in pairwise([False, *waits])),
        "reopenings": sum(a.state.completed and not b.state.completed for a, b in pairwise(events)),
        "t1_overruns": sum(over_limit(plan, stay) for stay in stays_on_line_1(case, shift)),
    } | {name: late(plan, spans[name.split(".")[1]], budget) for name, budget in promises(case, plan).items()}


def ticks(state: State) -> bool:
    """C6, C10: neither waiting on the user nor completed. In both, the customer has heard from somebody (C5)."""
    return state is not State.WAIT_USER and not state.completed


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
        if ev.state is State.IN_PROGRESS and ev.actor != "system":
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
CONTRACTS = {Plan.STANDARD: (8, 48), Plan.PREMIUM: (4, 24), Plan.ENTERPRISE: (1, 8)}
TARGETS = {"Low": (8, 120), "Medium": (4, 48), "High": (1, 8), "Major": (1, 8)}
"""Support hours: first response, resolution. Low's five business days are 120 hours where it never closes."""
OPEN = {Plan.FREE: (9, 17), Plan.STANDARD: (9, 17), Plan.PREMIUM: (6, 22), Plan.ENTERPRISE: None}


def promises(case: Recorded, plan: Plan) -> dict[str, float]:
    """Seconds of support hours by clock. C13: Free has none. C4: five business days are hours on Enterprise only."""
    if plan is Plan.FREE:
        return {}
    (contract_response, contract), (target_response, target) = CONTRACTS[plan], TARGETS[case.impact]
    hours_of = {
        "contract.first_response": contract_response,
        "contract.resolution": contract,
        "target.first_response": target_response,
    }
    if plan is Plan.ENTERPRISE:
        hours_of["target.resolution"] = target
    return {name: number * HOUR for name, number in hours_of.items()}


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
        ticket = TICKET.evolve(ticket, event)
        for clock in ticket.clocks:
            assert not clock.running or (clock.due is not None and clock.due >= event.at)
            assert not (ticket.suspended and clock.metric == "resolution" and clock.met_at is None and clock.due)

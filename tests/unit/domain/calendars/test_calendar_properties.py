"""C3, C4, C6: what must hold for every calendar, zone, pause and budget.

The oracle below shares nothing with the code under test: it asks `zoneinfo` what the wall clock shows, second
by second. Calendars are drawn around the changes of the clock, where mistakes live.
"""

from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from domain.calendars.calendar import WALL, Calendar, StretchKind
from services.policy_file.calendars import build_calendar

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FIRST, LAST = datetime(2001, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca",
    "America/St_Johns", "America/Sao_Paulo", "Asia/Beirut", "Atlantic/Azores", "Antarctica/Troll", "Asia/Kathmandu",
    "Pacific/Chatham", "Asia/Gaza", "America/Caracas",
)  # fmt: skip
CLEAN = timedelta(microseconds=1)

examples = partial(settings, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


class Example(NamedTuple):
    """A calendar, how it was made, and an instant near a change of its clocks."""

    calendar: Calendar
    zone: str
    week: tuple[tuple[tuple[int, int], ...], ...]
    closed: frozenset[date]
    start: datetime

    def open_at(self, at: datetime) -> bool:
        """The oracle: whether the wall clock shows an open time."""
        return _open_minute(self.zone, self.week, self.closed, int(at.timestamp()) // 60)


@cache
def _open_minute(zone, week, closed, minute):
    shown = datetime.fromtimestamp(minute * 60, ZoneInfo(zone))
    of_day = shown.hour * 60 + shown.minute
    return shown.date() not in closed and any(a <= of_day < b for a, b in week[shown.weekday()])


def clock(minute):
    return f"{minute // 60:02}:{minute % 60:02}"


def windows(cuts):
    cuts = sorted(cuts)
    return tuple(zip(cuts[::2], cuts[1::2], strict=False))


EDGES = st.one_of(st.integers(0, 1440), st.sampled_from([0, 60, 120, 150, 180, 540, 1020, 1380, 1440]))
A_DAY = st.one_of(
    st.just(((540, 1020),)),
    st.just(((0, 1440),)),
    st.sets(EDGES, min_size=2, max_size=6).map(windows),
    st.just(()),
)


def an_hour(week):
    """Open for an hour a week at least, so that no budget drawn here lasts beyond the horizon."""
    return sum(b - a for day in week for a, b in day) >= 60


@st.composite
def cases(draw, whole="seconds"):
    zone = draw(st.sampled_from(ZONES))
    week = draw(st.tuples(*[A_DAY] * 7).filter(an_hour))
    bare = _build(zone, ((0, 1440),), *[()] * 6)
    anchors = [offset.since for offset in bare.offsets[1:] if FIRST < offset.since < datetime(2037, 1, 1, tzinfo=UTC)]
    anchor = draw(st.sampled_from([*anchors, datetime(2026, 1, 5, tzinfo=UTC)]))
    closed = frozenset(anchor.date() + timedelta(days=n) for n in draw(st.sets(st.integers(-3, 6), max_size=3)))
    step = {"seconds": 1, "minutes": 60}[whole]
    start = anchor + timedelta(seconds=step * draw(st.integers(-2 * 86_400 // step, 86_400 // step)))
    return Example(_build(zone, *week, closed=closed), zone, week, closed, start)


def _build(zone, *week, closed=frozenset()):
    hours = {day: [[clock(a), clock(b)] for a, b in spans] for day, spans in zip(DAYS, week, strict=True)}
    labels = dict.fromkeys(closed, "closed")
    return build_calendar("any", zone, hours, closed=labels, start=FIRST, horizon=LAST)


@st.composite
def pauses(draw, start, most=3, unit=timedelta(seconds=1)):
    spans = []
    for _ in range(draw(st.integers(0, most))):
        begin = start + unit * draw(st.integers(-20_000, 250_000))
        spans.append((begin, begin + unit * draw(st.integers(0, 150_000))))
    return spans


def paused(at, spans):
    return any(begin <= at < end for begin, end in spans)


def count(case, start, end, spans):
    """The oracle: seconds of [start, end) that are open and not paused."""
    found, at = 0, start
    while at < end:
        if not case.open_at(at):
            at = at + timedelta(seconds=60 - at.second)
            continue
        found += not paused(at, spans)
        at += timedelta(seconds=1)
    return found


def step_until(case, budget, spans, give_up):
    """The oracle: the instant at which `budget` seconds are used up, None if that is not before `give_up`."""
    at, used = case.start, 0
    while at < give_up:
        if not case.open_at(at):
            at = at + timedelta(seconds=60 - at.second)
            continue
        if not paused(at, spans):
            if budget == 0:
                return at
            used += 1
        at += timedelta(seconds=1)
        if used == budget > 0:
            return at
    return None


BUDGETS = st.one_of(st.integers(0, 3600), st.sampled_from([0, 1, 3600, 8 * 3600, 24 * 3600]), st.integers(0, 60_000))


@examples(max_examples=120)
@given(st.data(), cases())
def test_adding_agrees_with_a_second_stepper_that_reads_the_wall_clock(data, case):
    spans = data.draw(pauses(case.start))
    budget = data.draw(BUDGETS)
    expected = step_until(case, budget, spans, case.start + timedelta(days=5))
    due = case.calendar.add(case.start, timedelta(seconds=budget), spans)
    if expected is None:
        assert due > case.start + timedelta(days=5) - timedelta(seconds=60)
    else:
        assert due == expected


@examples(max_examples=60)
@given(st.data(), cases())
def test_measuring_and_explaining_agree_with_a_second_counter_that_reads_the_wall_clock(data, case):
    spans = data.draw(pauses(case.start))
    end = case.start + timedelta(seconds=data.draw(st.integers(0, 3 * 86_400)))
    expected = timedelta(seconds=count(case, case.start, end, spans))
    assert case.calendar.elapsed(case.start, end, spans) == expected
    stretches = case.calendar.stretches(case.start, end, spans)
    assert sum((stretch.counted for stretch in stretches), timedelta(0)) == expected
    at = case.start
    for stretch in stretches:
        assert stretch.start == at < stretch.end
        at = stretch.end
        assert paused(stretch.start, spans) == (stretch.kind is StretchKind.PAUSE)
        if stretch.kind is not StretchKind.PAUSE:
            assert case.open_at(stretch.start) == (stretch.kind is StretchKind.OPEN)
    assert at == end


@examples(max_examples=100)
@given(cases(), st.integers(-200_000, 200_000))
def test_open_is_what_the_wall_clock_shows(case, seconds):
    at = case.start + timedelta(seconds=seconds)
    assert case.calendar.is_open(at) == case.open_at(at)
    assert case.calendar.local(at).replace(tzinfo=None) == at.astimezone(ZoneInfo(case.zone)).replace(tzinfo=None)


@examples(max_examples=80)
@given(cases("minutes"), st.integers(0, 4))
def test_business_days_agree_with_a_minute_stepper_that_reads_the_wall_clock(case, days):
    zone, minute = ZoneInfo(case.zone), timedelta(minutes=1)

    def shown(at):
        return at.astimezone(zone)

    at = first = step_until(case, 0, [], case.start + timedelta(days=20))
    assume(first is not None)
    open_dates = []  # after the first
    while len(open_dates) < days and at < first + timedelta(days=40):
        at += minute
        if case.open_at(at) and shown(at).date() not in (shown(first).date(), *open_dates):
            open_dates.append(shown(at).date())
    assume(len(open_dates) == days)
    due = case.calendar.add_days(case.start, days)
    if days == 0:
        assert due == first
        return
    date_wanted, time_wanted = open_dates[-1], shown(first).time()
    minutes = [at - timedelta(days=2) + minute * n for n in range(4 * 1440)]
    minutes = [one for one in minutes if shown(one).date() == date_wanted]
    wanted = next((one for one in minutes if shown(one).time() >= time_wanted), minutes[-1] + minute)
    open_minutes = [one for one in minutes if case.open_at(one)]
    reached = [edge for one in open_minutes for edge in (one, one + minute) if edge <= wanted]
    assert due == (max(reached) if reached else open_minutes[0])


MICROS = st.integers(0, 400 * 3600 * 10**6).map(lambda n: timedelta(microseconds=n))


@examples(max_examples=250)
@given(st.data(), cases(), MICROS)
def test_adding_then_measuring_gives_the_budget_back_and_not_a_microsecond_earlier(data, case, budget):
    spans = data.draw(pauses(case.start, unit=timedelta(seconds=17, microseconds=3)))
    due = case.calendar.add(case.start, budget, spans)
    assert case.calendar.elapsed(case.start, due, spans) == budget
    if budget:
        assert case.calendar.elapsed(case.start, due - CLEAN, spans) == budget - CLEAN
    else:
        assert case.calendar.is_open(due)
        assert not paused(due, spans)


@examples(max_examples=150)
@given(st.data(), cases(), MICROS, MICROS)
def test_a_larger_budget_is_never_due_earlier(data, case, one, other):
    spans = data.draw(pauses(case.start))
    smaller, larger = sorted((one, one + other))
    assert (case.calendar.add(case.start, smaller, spans) < case.calendar.add(case.start, larger, spans)) == (
        smaller < larger
    )


@examples(max_examples=150)
@given(st.data(), cases(), MICROS.filter(bool))
def test_c6_a_pause_moves_the_due_instant_by_exactly_the_support_time_that_it_covers(data, case, budget):
    calendar, start = case.calendar, case.start
    begin = start + timedelta(seconds=data.draw(st.integers(-20_000, 400_000)))
    end = begin + timedelta(seconds=data.draw(st.integers(0, 400_000)))
    plain = calendar.add(start, budget)
    covered = calendar.elapsed(max(begin, start), max(end, start)) if begin < plain else timedelta(0)
    assert calendar.add(start, budget, [(begin, end)]) == calendar.add(start, budget + covered)


@examples(max_examples=150)
@given(st.data(), cases(), st.integers(0, 6))
def test_c6_a_pause_moves_business_days_by_exactly_the_support_time_that_it_covers(data, case, days):
    calendar = case.calendar
    first, plain = calendar.add(case.start, timedelta(0)), calendar.add_days(case.start, days)
    begin = first + timedelta(seconds=data.draw(st.integers(-20_000, 400_000)))
    end = begin + timedelta(seconds=data.draw(st.integers(0, 400_000)))
    due = calendar.add_days(case.start, days, [(begin, end)])
    if begin >= plain:
        assert due == plain
    else:
        covered = calendar.elapsed(max(begin, first), max(end, first))
        assert calendar.elapsed(first, due) == calendar.elapsed(first, plain) + covered
        assert due == plain if covered == timedelta(0) else due >= end


@examples(max_examples=100)
@given(st.data(), cases(), MICROS)
def test_splitting_a_window_or_a_pause_changes_nothing(data, case, budget):
    cut = data.draw(st.integers(1, 1439))
    split = tuple(
        tuple(part for a, b in day for part in (((a, cut), (cut, b)) if a < cut < b else ((a, b),)))
        for day in case.week
    )
    other = case.calendar.model_copy(update={"week": split})
    spans = data.draw(pauses(case.start))
    halves = [half for a, b in spans for half in ((a, a + (b - a) / 2), (a + (b - a) / 2, b))]
    assert other.add(case.start, budget, halves[::-1]) == case.calendar.add(case.start, budget, spans)
    assert other.add_days(case.start, 3, halves) == case.calendar.add_days(case.start, 3, spans)
    end = case.start + timedelta(days=4)
    assert other.stretches(case.start, end, halves) == case.calendar.stretches(case.start, end, spans)


@examples(max_examples=50)
@given(st.data(), st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)), MICROS)
def test_c3_on_the_wall_time_is_time(data, start, budget):
    assert WALL.add(start, budget) == start + budget
    assert WALL.elapsed(start, start + budget) == budget


@examples(max_examples=50)
@given(cases())
def test_a_calendar_survives_the_journey_through_json(case):
    back = Calendar.model_validate_json(case.calendar.model_dump_json())
    assert back == case.calendar
    assert back.add(case.start, timedelta(hours=9)) == case.calendar.add(case.start, timedelta(hours=9))

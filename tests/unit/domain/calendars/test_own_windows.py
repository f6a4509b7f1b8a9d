"""C15: windows of single dates beat holidays and weekdays, counted minute by minute against the wall clock."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from domain.calendars.calendar import Calendar, CalendarError, ClosedDay, OwnDay, StretchKind
from services.policy_file.calendars import build_calendar

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEK = {day: [["09:00", "12:00"], ["13:00", "17:00"]] for day in DAYS[:5]}
MINUTE, QUARTER = timedelta(minutes=1), timedelta(minutes=15)
CHANGES = {  # a date near which each zone turns its clocks, or skips a day
    "Europe/Berlin": date(2026, 3, 29),
    "America/New_York": date(2026, 11, 1),
    "Australia/Lord_Howe": date(2026, 4, 5),
    "Africa/Cairo": date(2026, 10, 29),
    "America/St_Johns": date(2026, 3, 8),
    "Asia/Kolkata": date(2026, 6, 10),
}
START, HORIZON = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
EDGES = st.one_of(st.integers(0, 1440), st.sampled_from([0, 60, 120, 180, 540, 720, 1020, 1440]))
WINDOWS = st.sets(EDGES, max_size=4).map(lambda cuts: tuple(zip(sorted(cuts)[::2], sorted(cuts)[1::2], strict=False)))


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@st.composite
def cases(draw):
    """A calendar with single dates around a change of the clocks, how it was made, and an instant there."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    middle = CHANGES[zone]
    near = st.integers(-4, 7).map(lambda days: middle + timedelta(days=days))
    holidays = frozenset(draw(st.sets(near, max_size=3)))
    yearly = draw(st.dictionaries(near, WINDOWS, max_size=2))
    own = draw(st.dictionaries(near, WINDOWS, max_size=4))
    hours = WEEK | {
        day.strftime(written): [[clock(opens), clock(closes)] for opens, closes in windows]
        for written, dates in (("%m-%d", yearly), ("%Y-%m-%d", own))
        for day, windows in dates.items()
    }
    calendar = build_calendar(
        "any", zone, hours, closed=dict.fromkeys(holidays, "holiday"), start=START, horizon=HORIZON
    )
    start = datetime(middle.year, middle.month, middle.day, tzinfo=UTC) + MINUTE * draw(
        st.integers(-4 * 1440, 3 * 1440)
    )
    return calendar, ZoneInfo(zone), holidays, yearly | own, start


def open_at(zone, holidays, own, at):
    """The oracle: whether the wall clock shows an open time."""
    shown = at.astimezone(zone)
    date, minute = shown.date(), shown.hour * 60 + shown.minute
    windows = own.get(date)
    if windows is None:
        if date in holidays or date.weekday() > 4:
            return False
        windows = ((540, 720), (780, 1020))
    return any(opens <= minute < closes for opens, closes in windows)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(), st.integers(0, 1500), st.integers(0, 2000), st.integers(0, 1500))
def test_c15_adding_and_measuring_agree_with_a_count_of_minutes(case, budget, away, pause):
    calendar, zone, holidays, own, start = case
    begin = start + away * MINUTE
    paused = (begin, begin + pause * MINUTE)
    at, used = start, 0
    while used < budget:
        used += open_at(zone, holidays, own, at) and not paused[0] <= at < paused[1]
        at += MINUTE
        assume(at < start + timedelta(days=25))
    if budget:
        assert calendar.add(start, budget * MINUTE, [paused]) == at
    assert calendar.elapsed(start, at, [paused]) == budget * MINUTE
    stretches = calendar.stretches(start, at, [paused])
    assert sum((one.counted for one in stretches), timedelta(0)) == budget * MINUTE
    for one in stretches:
        if one.kind is not StretchKind.PAUSE:
            assert (one.kind is StretchKind.OPEN) == open_at(zone, holidays, own, one.start)
        if one.kind is StretchKind.OWN_HOURS:
            assert one.start.astimezone(zone).date() in own


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(), st.integers(1, 4))
def test_c15_business_days_are_the_dates_that_have_an_open_minute(case, days):
    calendar, zone, holidays, own, start = case
    at, found = start, []
    while len(found) <= days:  # the first is the date on which it begins
        shown = at.astimezone(zone).date()
        if shown in found:
            at += QUARTER - timedelta(minutes=at.minute % 15)  # no date begins within a quarter of an hour
            continue
        if open_at(zone, holidays, own, at):
            found.append(shown)
        at += MINUTE
    assert calendar.local(calendar.add_days(start, days) - timedelta(microseconds=1)).date() == found[-1]


def calendar(**more) -> Calendar:
    return build_calendar("business", "Europe/Berlin", WEEK | more, country="DE", start=START, horizon=HORIZON)


def test_c15_a_date_of_one_year_beats_the_same_date_of_every_year():
    found = calendar(**{"12-24": [], "2027-12-24": [["10:00", "11:00"]]})
    assert not found.is_open(datetime(2026, 12, 24, 9, 30, tzinfo=UTC))
    assert found.is_open(datetime(2027, 12, 24, 9, 30, tzinfo=UTC))


def test_c15_the_last_day_of_february_comes_every_leap_year():
    leap = build_calendar("x", "UTC", WEEK | {"02-29": []}, start=START, horizon=datetime(2033, 1, 1, tzinfo=UTC))
    assert [one.day for one in leap.closed] == [date(2028, 2, 29)]  # in 2032 it is a Sunday


def test_c15_a_calendar_that_was_recorded_before_dates_had_windows_is_read_as_it_was():
    old = calendar().model_dump(mode="json", exclude={"own", "holidays", "time_zones"})
    assert Calendar.model_validate(old).own == ()
    assert Calendar.model_validate(old).offsets == calendar().offsets


def test_c15_a_calendar_with_windows_of_dates_survives_json():
    made = calendar(**{"12-24": [["09:00", "12:00"]], "2026-12-26": [["09:00", "17:00"]]})
    assert Calendar.model_validate_json(made.model_dump_json()) == made
    assert [one.day for one in made.own] == [
        date(2025, 12, 24),
        date(2026, 12, 24),
        date(2026, 12, 26),
        date(2027, 12, 24),
    ]


@pytest.mark.parametrize(
    ("own", "fault"),
    [
        (((540, 1020), (600, 720)), "2026-12-24: 10:00-12:00 overlaps 09:00-17:00"),
        (((540, 500),), "2026-12-24: 09:00-08:20 does not end after it begins"),
    ],
)
def test_c15_windows_of_a_date_are_checked_as_those_of_a_weekday(own, fault):
    with pytest.raises(ValueError, match=fault):
        calendar().model_copy(update={"own": (OwnDay(day=date(2026, 12, 24), windows=own),)})


def test_c15_a_date_is_closed_or_has_windows_and_never_both():
    day = date(2026, 12, 25)
    with pytest.raises(ValueError, match="2026-12-25 is closed, and has own windows"):
        calendar().model_copy(
            update={"closed": (ClosedDay(day=day),), "own": (OwnDay(day=day, windows=((540, 600),)),)}
        )


@pytest.mark.parametrize("key", ["2026-02-30", "13-01", "24.12.", "monday", "1999-12-24"])
def test_c15_what_is_no_date_is_refused(key):
    with pytest.raises(CalendarError, match=r'unknown day .* a date such as "2026-12-24", or "12-24" for every year'):
        calendar(**{key: []})

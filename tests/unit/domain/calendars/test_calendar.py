"""C3, C4, C6: support hours by example. Every instant is written out; local times are those of the zone
named.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.calendars.calendar import WALL, BeyondHorizon, CalendarError, ClosedDay, StretchKind
from services.policy_file.calendars import build_calendar
from tests.support.durations import HOUR, MINUTE, SECOND

WORK = ("mon", "tue", "wed", "thu", "fri")
ALL = (*WORK, "sat", "sun")
MICROSECOND = timedelta(microseconds=1)


def calendar(zone="Europe/Berlin", hours=None, closed=None):
    """Monday to Friday 09:00-17:00 unless said otherwise, known for 2000 to 2029."""
    hours = {day: [["09:00", "17:00"]] for day in WORK} if hours is None else hours
    start, horizon = datetime(2000, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
    return build_calendar("business", zone, hours, closed=closed, start=start, horizon=horizon)


def local(text, zone="Europe/Berlin", fold=0):
    # In UTC, because Python holds a repeated local time unequal to every instant of another zone (PEP 495).
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


BUSINESS = calendar()
SPLIT = calendar(hours={day: [["09:00", "12:00"], ["13:00", "17:00"]] for day in WORK})
# 2026-01-05 is a Monday.


@pytest.mark.parametrize(
    ("start", "budget", "due"),
    [
        ("2026-01-05 09:00", 8 * HOUR, "2026-01-05 17:00"),
        ("2026-01-05 09:00", 8 * HOUR - SECOND, "2026-01-05 16:59:59"),
        ("2026-01-05 09:00", 8 * HOUR + SECOND, "2026-01-06 09:00:01"),
        ("2026-01-05 09:00", 8 * HOUR + MICROSECOND, "2026-01-06 09:00:00.000001"),
        ("2026-01-09 16:00", 2 * HOUR, "2026-01-12 10:00"),
        ("2026-01-10 12:00", 8 * HOUR, "2026-01-12 17:00"),
        ("2026-01-09 17:00", SECOND, "2026-01-12 09:00:01"),
        ("2026-01-05 03:00", 40 * HOUR, "2026-01-09 17:00"),
    ],
)
def test_c4_a_budget_that_ends_with_the_hours_is_due_at_closing_time(start, budget, due):
    assert BUSINESS.add(local(start), budget) == local(due)


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ("2026-01-05 09:00", "2026-01-05 09:00"),
        ("2026-01-05 16:59:59", "2026-01-05 16:59:59"),
        ("2026-01-05 17:00", "2026-01-06 09:00"),
        ("2026-01-10 12:00", "2026-01-12 09:00"),
    ],
)
def test_c4_no_budget_is_due_at_the_first_open_instant(start, first):
    assert BUSINESS.add(local(start), timedelta(0)) == local(first)


def test_c4_lunch_does_not_count():
    assert SPLIT.add(local("2026-01-05 11:30"), 30 * MINUTE) == local("2026-01-05 12:00")
    assert SPLIT.add(local("2026-01-05 11:30"), 31 * MINUTE) == local("2026-01-05 13:01")
    assert SPLIT.elapsed(local("2026-01-05 11:30"), local("2026-01-05 13:01")) == 31 * MINUTE


def test_c4_closed_dates_do_not_count():
    closed = calendar(closed={date(2026, 1, 6): "Epiphany"})
    assert closed.add(local("2026-01-05 16:00"), 2 * HOUR) == local("2026-01-07 10:00")
    assert not closed.is_open(local("2026-01-06 12:00"))


def test_open_at_opening_and_closed_at_closing_time():
    assert not BUSINESS.is_open(local("2026-01-05 08:59:59.999999"))
    assert BUSINESS.is_open(local("2026-01-05 09:00"))
    assert BUSINESS.is_open(local("2026-01-05 16:59:59.999999"))
    assert not BUSINESS.is_open(local("2026-01-05 17:00"))


def test_a_night_shift_of_two_windows_runs_through_midnight():
    night = calendar(hours={"fri": [["22:00", "24:00"]], "sat": [["00:00", "06:00"]]})
    assert night.add(local("2026-01-09 22:00"), 8 * HOUR) == local("2026-01-10 06:00")
    assert night.add(local("2026-01-09 22:00"), 2 * HOUR) == local("2026-01-10 00:00")
    assert night.is_open(local("2026-01-10 00:00"))
    assert not night.is_open(local("2026-01-10 06:00"))


def test_c3_the_wall_clock_never_stops_and_knows_no_horizon():
    saturday = datetime(2026, 1, 10, 3, 0, tzinfo=UTC)
    assert WALL.add(saturday, 15 * MINUTE) == datetime(2026, 1, 10, 3, 15, tzinfo=UTC)
    assert WALL.add(saturday, timedelta(days=365 * 500)) == saturday + timedelta(days=365 * 500)
    assert WALL.add_days(saturday, 5) == datetime(2026, 1, 15, 3, 0, tzinfo=UTC)
    assert WALL.is_open(datetime(2999, 12, 31, 23, 59, tzinfo=UTC))


# Daylight saving: the windows are read off the wall clock, the counting is done in absolute time.


@pytest.mark.parametrize(
    ("zone", "hours", "day", "expected"),
    [
        ("Europe/Berlin", ["00:00", "24:00"], "2026-03-29", 23 * HOUR),
        ("Europe/Berlin", ["00:00", "24:00"], "2026-10-25", 25 * HOUR),
        ("Europe/Berlin", ["01:00", "04:00"], "2026-03-29", 2 * HOUR),
        ("Europe/Berlin", ["01:00", "04:00"], "2026-10-25", 4 * HOUR),
        # Edges inside the hour that does not exist, or is there twice.
        ("Europe/Berlin", ["02:15", "02:45"], "2026-03-29", 0 * HOUR),
        ("Europe/Berlin", ["02:15", "02:45"], "2026-10-25", 1 * HOUR),
        ("Europe/Berlin", ["02:30", "05:00"], "2026-03-29", 2 * HOUR),
        ("Europe/Berlin", ["01:00", "02:30"], "2026-10-25", 2 * HOUR),
        # Lord Howe Island turns its clocks by half an hour.
        ("Australia/Lord_Howe", ["00:00", "24:00"], "2026-04-05", 24.5 * HOUR),
        ("Australia/Lord_Howe", ["00:00", "24:00"], "2026-10-04", 23.5 * HOUR),
        ("Australia/Lord_Howe", ["01:00", "03:00"], "2026-04-05", 2.5 * HOUR),
        # Beirut skips the first hour of the day; Azores turns back over midnight.
        ("Asia/Beirut", ["00:00", "08:00"], "2026-03-29", 7 * HOUR),
        ("Atlantic/Azores", ["00:00", "24:00"], "2026-10-25", 25 * HOUR),
    ],
)
def test_an_hour_skipped_does_not_exist_and_an_hour_repeated_counts_twice(zone, hours, day, expected):
    sundays = calendar(zone, {"sun": [hours]})
    middle = local(f"{day} 12:00", zone)
    assert sundays.elapsed(middle - timedelta(days=2), middle + timedelta(days=2)) == expected


def test_a_budget_that_crosses_the_change_is_worked_in_absolute_time():
    around_the_clock = calendar(hours={day: [["00:00", "24:00"]] for day in ALL})
    assert around_the_clock.add(local("2026-03-28 12:00"), 24 * HOUR) == local("2026-03-29 13:00")
    assert around_the_clock.add(local("2026-10-24 12:00"), 24 * HOUR) == local("2026-10-25 11:00")


def test_a_local_day_that_the_zone_skipped_has_no_open_time():
    samoa = calendar("Pacific/Apia", {day: [["09:00", "17:00"]] for day in ALL})
    thursday = local("2011-12-29 16:00", "Pacific/Apia")
    assert samoa.add(thursday, 2 * HOUR) == local("2011-12-31 10:00", "Pacific/Apia")
    assert samoa.add_days(thursday, 1) == local("2011-12-31 16:00", "Pacific/Apia")
    assert samoa.local(thursday + 8 * HOUR).date() == date(2011, 12, 31)


# Pauses.


@pytest.mark.parametrize(
    ("pauses", "due"),
    [
        ([], "2026-01-12 10:00"),
        ([("2026-01-09 16:10", "2026-01-09 16:40")], "2026-01-12 10:30"),
        ([("2026-01-09 16:30", "2026-01-12 09:30")], "2026-01-12 11:00"),  # over the weekend: one hour
        ([("2026-01-09 20:00", "2026-01-11 20:00")], "2026-01-12 10:00"),  # all outside the hours: nothing
        ([("2026-01-12 10:00", "2026-01-12 12:00")], "2026-01-12 10:00"),  # begins when it is due
        ([("2026-01-12 09:59:59", "2026-01-12 12:00")], "2026-01-12 12:00:01"),
        ([("2026-01-08 09:00", "2026-01-09 16:15")], "2026-01-12 10:15"),  # began before the start
        ([("2026-01-09 16:30", "2026-01-09 16:50"), ("2026-01-09 16:10", "2026-01-09 16:40")],
         "2026-01-12 10:40"),  # overlap, in any order: once
        ([("2026-01-09 16:05", "2026-01-09 16:10"), ("2026-01-09 16:20", "2026-01-09 16:50"),
          ("2026-01-09 16:30", "2026-01-09 16:40"), ("2026-01-09 16:45", "2026-01-09 16:55")],
         "2026-01-12 10:40"),  # one apart, three that overlap
        ([("2026-01-09 16:30", "2026-01-12 17:00")], "2026-01-13 10:30"),
    ],
)  # fmt: skip
def test_c6_a_pause_costs_exactly_the_support_time_that_it_covers(pauses, due):
    # Friday 16:00 and two hours to go
    spans = [(local(begin), local(end)) for begin, end in pauses]
    assert BUSINESS.add(local("2026-01-09 16:00"), 2 * HOUR, spans) == local(due)
    assert BUSINESS.elapsed(local("2026-01-09 16:00"), local(due), spans) == 2 * HOUR


def test_c6_no_budget_is_due_when_the_pause_ends():
    pause = (local("2026-01-05 10:00"), local("2026-01-05 17:00"))
    assert BUSINESS.add(local("2026-01-05 10:00"), timedelta(0), [pause]) == local("2026-01-06 09:00")
    assert BUSINESS.add(local("2026-01-05 09:59"), timedelta(0), [pause]) == local("2026-01-05 09:59")


# Business days.


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2026-01-05 10:30:15", "2026-01-12 10:30:15"),
        ("2026-01-05 09:00", "2026-01-12 09:00"),
        ("2026-01-09 16:59:59", "2026-01-16 16:59:59"),
        ("2026-01-05 17:00", "2026-01-13 09:00"),  # after hours: from Tuesday's opening
        ("2026-01-10 12:00", "2026-01-19 09:00"),  # a Saturday: from Monday's opening
        ("2026-03-27 10:00", "2026-04-03 10:00"),  # over the change of clocks: the same local time
    ],
)
def test_c4_five_business_days_are_the_same_local_time_five_open_days_on(start, due):
    assert BUSINESS.add_days(local(start), 5) == local(due)


def test_c4_a_closed_date_is_no_business_day():
    closed = calendar(closed={date(2026, 1, 6): "Epiphany", date(2026, 1, 7): "Flood"})
    assert closed.add_days(local("2026-01-05 10:00"), 1) == local("2026-01-08 10:00")


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2026-01-05 08:30", "2026-01-06 10:00"),  # before Tuesday's hours: their opening
        ("2026-01-05 12:30", "2026-01-06 12:00"),  # in its lunch break: the close before it
        ("2026-01-05 16:00", "2026-01-06 15:00"),  # after its hours: their close
        ("2026-01-05 11:00", "2026-01-06 11:00"),
        ("2026-01-05 13:00", "2026-01-06 13:00"),
    ],
)
def test_c4_a_business_day_is_clipped_into_the_hours_of_its_date(start, due):
    uneven = calendar(hours={"mon": [["08:00", "17:00"]], "tue": [["10:00", "12:00"], ["13:00", "15:00"]]})
    assert uneven.add_days(local(start), 1) == local(due)


def test_c4_a_local_time_that_is_skipped_or_repeated_has_its_place():
    nights = calendar(hours={day: [["00:00", "24:00"]] for day in ALL})
    assert nights.add_days(local("2026-03-28 02:30"), 1) == local("2026-03-29 03:00")
    assert nights.add_days(local("2026-10-24 02:30"), 1) == local("2026-10-25 02:30", fold=0)
    assert nights.add_days(local("2026-10-25 02:30", fold=1), 1) == local("2026-10-26 02:30")
    assert nights.add_days(local("2026-10-24 03:00"), 1) == local("2026-10-25 03:00")


def test_c4_a_date_whose_only_window_is_skipped_is_no_business_day():
    hours = {"sat": [["01:00", "05:00"]], "sun": [["02:00", "03:00"]], "mon": [["01:00", "05:00"]]}
    weekend = calendar(hours=hours)
    assert weekend.add_days(local("2026-03-28 02:00"), 1) == local("2026-03-30 02:00")
    assert weekend.add_days(local("2026-03-21 02:00"), 1) == local("2026-03-22 02:00")


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_c4_a_business_day_is_the_date_of_the_zone(zone):
    nights = calendar(zone, {day: [["00:00", "24:00"]] for day in ALL})
    for time in ("00:00", "00:30", "23:30"):
        due = nights.add_days(local(f"2026-01-05 {time}", zone), 1)
        assert due == local(f"2026-01-06 {time}", zone)


@pytest.mark.parametrize(
    ("begin", "end", "due"),
    [
        ("2026-01-06 10:00", "2026-01-06 13:00", "2026-01-12 13:30"),
        ("2026-01-09 16:00", "2026-01-12 10:00", "2026-01-12 12:30"),
        ("2026-01-12 10:29", "2026-01-13 09:00", "2026-01-13 09:01"),
        ("2026-01-10 10:00", "2026-01-11 10:00", "2026-01-12 10:30"),
        ("2026-01-12 10:30", "2026-01-14 10:00", "2026-01-12 10:30"),
    ],
)
def test_c6_a_pause_moves_business_days_by_the_support_time_that_it_covers(begin, end, due):
    assert BUSINESS.add_days(local("2026-01-05 10:30"), 5, [(local(begin), local(end))]) == local(due)


def test_c6_nothing_is_due_inside_a_pause():
    # Due on Monday at the opening, with nothing of Friday's time left: the pause pushes it out, not into itself.
    for end in ("2026-01-12 17:00", "2026-01-13 08:00"):
        pause = (local("2026-01-10 12:00"), local(end))
        assert BUSINESS.add_days(local("2026-01-09 09:00"), 1, [pause]) == local("2026-01-13 09:00")


# Explaining.


def test_stretches_say_why_every_stretch_counted_or_did_not():
    closed = calendar(closed={date(2026, 1, 6): "Epiphany"})
    start, end = local("2026-01-05 16:00"), local("2026-01-08 10:00")
    found = closed.stretches(start, end, [(local("2026-01-07 16:00"), local("2026-01-08 09:30"))])
    lines = [(s.end, s.kind, s.label, s.counted, s.spared) for s in found]
    none = timedelta(0)
    assert lines == [
        (local("2026-01-05 17:00"), StretchKind.OPEN, "", HOUR, none),
        (local("2026-01-06 00:00"), StretchKind.HOURS, "", none, none),
        (local("2026-01-07 00:00"), StretchKind.HOLIDAY, "Epiphany", none, none),
        (local("2026-01-07 09:00"), StretchKind.HOURS, "", none, none),
        (local("2026-01-07 16:00"), StretchKind.OPEN, "", 7 * HOUR, none),
        (local("2026-01-08 09:30"), StretchKind.PAUSE, "", none, 1.5 * HOUR),
        (end, StretchKind.OPEN, "", 0.5 * HOUR, none),
    ]


def test_a_holiday_on_a_day_without_hours_is_not_the_reason():
    closed = calendar().model_copy(update={"closed": (ClosedDay(day=date(2026, 1, 10), label="Fair"),)})
    (weekend,) = closed.stretches(local("2026-01-09 17:00"), local("2026-01-12 09:00"))
    assert weekend.kind is StretchKind.HOURS


# What is not known, and what makes no sense.


def test_nothing_is_known_beyond_the_horizon():
    before = datetime(2029, 12, 31, 15, 0, tzinfo=UTC)  # Monday 16:00, one hour before the last close
    assert BUSINESS.add(before, HOUR) == datetime(2029, 12, 31, 16, 0, tzinfo=UTC)
    assert BUSINESS.elapsed(before, BUSINESS.horizon) == HOUR
    assert BUSINESS.stretches(before, BUSINESS.horizon)[-1].end == BUSINESS.horizon
    assert BUSINESS.add_days(before - timedelta(days=3), 1) == before
    after = datetime(2030, 1, 2, tzinfo=UTC)
    for question in (
        lambda: BUSINESS.add(before, HOUR + MICROSECOND),
        lambda: BUSINESS.add(before, timedelta(days=999_999_999)),
        lambda: BUSINESS.add(before, HOUR, [(before, after)]),
        lambda: BUSINESS.add(after, timedelta(0)),
        lambda: BUSINESS.add_days(before, 1),
        lambda: BUSINESS.add_days(before - HOUR, 0, [(before - 2 * HOUR, after)]),
        lambda: BUSINESS.elapsed(before, after),
        lambda: BUSINESS.stretches(before, after),
        lambda: BUSINESS.is_open(BUSINESS.horizon),
    ):
        with pytest.raises(BeyondHorizon, match="known until 2030-01-01T00:00:00Z"):
            question()


@pytest.mark.parametrize("days", [128 * 160, 128 * 160 + 1])
def test_the_horizon_itself_is_still_known(days):
    # The index works in chunks of 128 days: one horizon lies on the edge of a chunk.
    horizon = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days)
    known = WALL.model_copy(update={"horizon": horizon})
    assert known.add(horizon - HOUR, HOUR) == horizon
    assert known.elapsed(horizon - HOUR, horizon) == HOUR
    assert known.elapsed(horizon, horizon) == timedelta(0)
    assert known.add_days(horizon - timedelta(hours=25), 1) == horizon - HOUR
    with pytest.raises(BeyondHorizon):
        known.add(horizon - HOUR, HOUR + MICROSECOND)
    with pytest.raises(BeyondHorizon):
        known.add_days(horizon - HOUR, 1)


def test_a_date_is_no_business_day_until_it_is_known_to_its_end():
    cut = BUSINESS.model_copy(update={"horizon": local("2026-01-06 23:30")})
    with pytest.raises(BeyondHorizon):
        cut.add_days(local("2026-01-05 10:00"), 1)
    assert cut.add(local("2026-01-05 10:00"), 8 * HOUR) == local("2026-01-06 10:00")


def test_a_budget_beyond_the_horizon_is_found_at_once():
    chunks = len(WALL._index._chunks)
    with pytest.raises(BeyondHorizon):
        WALL.add(datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=10**8))
    assert len(WALL._index._chunks) == chunks


def test_chunks_of_the_index_leave_no_seam():
    edge = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=128 * 160)
    assert WALL.elapsed(edge, edge) == timedelta(0)
    assert WALL.elapsed(edge - HOUR, edge) == WALL.elapsed(edge, edge + HOUR) == HOUR
    assert WALL.add(edge - HOUR, HOUR) == edge
    assert WALL.add(edge - HOUR, HOUR + MICROSECOND) == edge + MICROSECOND
    assert WALL.add(edge, timedelta(0)) == edge
    assert len(WALL.stretches(edge - HOUR, edge + HOUR)) == 1


def test_c4_every_weekend_counts_nothing_and_all_weeks_add_up():
    saturday, total = local("2001-01-06 00:00"), timedelta(0)
    for _ in range(28 * 52):
        monday = BUSINESS.add(saturday, timedelta(0))
        assert BUSINESS.elapsed(saturday + 12 * HOUR, monday) == timedelta(0)
        assert timedelta(hours=56) <= monday - saturday <= timedelta(hours=58)  # 57, but for daylight saving
        total += 40 * HOUR
        saturday = BUSINESS.add(monday, 40 * HOUR) + 7 * HOUR
    assert BUSINESS.elapsed(local("2001-01-06 00:00"), saturday) == total


def test_questions_without_meaning_are_refused():
    monday = local("2026-01-05 10:00")
    with pytest.raises(CalendarError, match="cannot be negative"):
        BUSINESS.add(monday, -SECOND)
    with pytest.raises(CalendarError, match="lies before"):
        BUSINESS.elapsed(monday, monday - SECOND)
    with pytest.raises(CalendarError, match="lies before"):
        BUSINESS.add(monday, HOUR, [(monday, monday - SECOND)])
    with pytest.raises(CalendarError, match="no UTC offset"):
        BUSINESS.is_open(datetime(2026, 1, 5))
    with pytest.raises(CalendarError, match="not -1"):
        BUSINESS.add_days(monday, -1)

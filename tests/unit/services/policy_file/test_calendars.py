"""Calendars are resolved from a zone, hours and public holidays: exactly, or with one line that says what
is wrong.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.calendars.calendar import CalendarError, StretchKind
from services.policy_file.calendars import build_calendar, known_span
from tests.support.durations import SECOND

WORK_WEEK = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)


def build(zone="Europe/Berlin", hours=WORK_WEEK, **more):
    start, horizon = known_span(NOW)
    return build_calendar("business", zone, hours, **({"start": start, "horizon": horizon} | more))


def test_a_calendar_is_known_for_at_least_three_years_and_shared_for_a_whole_one():
    assert known_span(NOW) == (datetime(2026, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
    assert known_span(NOW) == known_span(datetime(2026, 12, 31, 23, 59, tzinfo=UTC))
    assert build(country="DE", region="BE") is build(country="DE", region="BE")


def test_a_calendar_takes_a_few_kilobytes():
    assert len(build(country="DE", region="BE").model_dump_json()) < 4096


def test_public_holidays_of_the_region_are_closed_with_their_names():
    corpus_christi = datetime(2026, 6, 4, 10, 0, tzinfo=UTC)  # a Thursday: in Bavaria, not in Berlin
    assert build(country="DE", region="BE").is_open(corpus_christi)
    bavaria = build(country="DE", region="BY")
    assert not bavaria.is_open(corpus_christi)
    (stretch,) = bavaria.stretches(corpus_christi, corpus_christi + SECOND)
    assert (stretch.kind, stretch.label) == (StretchKind.HOLIDAY, "Corpus Christi")


def test_own_closed_dates_stand_beside_the_public_ones_and_name_them_first():
    own = {date(2026, 12, 24): "Company closes", date(2026, 12, 25): "Company closes"}
    labels = {one.day: one.label for one in build(country="DE", closed=own).closed}
    assert labels[date(2026, 12, 24)] == labels[date(2026, 12, 25)] == "Company closes"
    assert labels[date(2026, 5, 1)] == "Labor Day"
    assert date(2026, 12, 26) not in labels  # a Saturday, on which nothing is open anyway


@pytest.mark.parametrize(
    "zone",
    [
        "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia",
        "Asia/Gaza", "America/Sao_Paulo", "Asia/Pyongyang", "Antarctica/Troll", "Africa/Cairo", "Asia/Kolkata",
    ],
)  # fmt: skip
def test_every_change_of_the_utc_offset_is_found_to_the_second(zone):
    calendar = build(zone, start=datetime(2001, 1, 1, tzinfo=UTC), horizon=datetime(2031, 1, 1, tzinfo=UTC))
    clock = ZoneInfo(zone)
    for change in calendar.offsets[1:]:
        for at in (change.since - SECOND, change.since):
            assert calendar.local(at).replace(tzinfo=None) == at.astimezone(clock).replace(tzinfo=None)
    at, hours = calendar.offsets[0].since, 0
    while at < calendar.horizon:  # and none was missed
        assert calendar.local(at).utcoffset() == at.astimezone(clock).utcoffset()
        at, hours = at + timedelta(hours=7), hours + 1
    assert hours > 37_000


def test_windows_may_be_given_in_any_order_and_to_the_midnight_that_ends_the_day():
    assert build(hours={"mon": [["13:00", "24:00"], ["09:00", "12:00"]]}).week[0] == ((540, 720), (780, 1440))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"zone": "Mars/Olympus"}, "'Mars/Olympus' is not an IANA time zone"),
        ({"zone": "America"}, "'America' is not an IANA time zone"),
        ({"zone": "../../etc/passwd"}, "is not an IANA time zone"),
        ({"zone": "right/Europe/Berlin"}, "is not an IANA time zone"),
        ({"zone": "localtime"}, "is not an IANA time zone"),
        ({"zone": "posixrules"}, "is not an IANA time zone"),
        ({"zone": ""}, "is not an IANA time zone"),
        ({"zone": None}, "must be text"),
        ({"country": ""}, "no holidays are known for the country ''"),
        ({"country": "XX"}, "no holidays are known for the country 'XX'"),
        ({"country": "DE", "region": "QQ"}, "DE has no region 'QQ'"),
        ({"region": "BY"}, "the region 'BY' needs its country"),
        ({"hours": {}}, "never opens"),
        ({"hours": {"mon": []}}, "never opens"),
        ({"hours": {"monday": []}}, "unknown day 'monday'"),
        ({"hours": ["mon"]}, "hours must map days"),
        ({"hours": {"mon": "09:00-17:00"}}, "mon: expected a list of windows"),
        ({"hours": {"mon": ["09:00", "17:00"]}}, "mon: a window is a pair"),
        ({"hours": {"mon": [["09:00"]]}}, "mon: a window is a pair"),
        ({"hours": {"mon": [[9, 17]]}}, "mon: '9' is not a time of day"),
        ({"hours": {"mon": [["09:00", "25:00"]]}}, "mon: '25:00' is not a time of day; write 00:00 to 24:00"),
        ({"hours": {"mon": [["09:00", "24:01"]]}}, "mon: '24:01' is not a time of day"),
        ({"hours": {"mon": [["9:00", "17:00"]]}}, "mon: '9:00' is not a time of day"),
        ({"hours": {"mon": [["22:00", "06:00"]]}}, "Monday: 22:00-06:00 does not end after it begins"),
        ({"hours": {"mon": [["09:00", "12:00"], ["11:59", "17:00"]]}}, "Monday: 11:59-17:00 overlaps 09:00-12:00"),
        ({"start": datetime(2031, 1, 2, tzinfo=UTC)}, "horizon of a calendar must lie after its start"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_calendar_is_refused_in_one_clear_line(wrong, says):
    with pytest.raises(CalendarError) as refused:
        build(**wrong)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)

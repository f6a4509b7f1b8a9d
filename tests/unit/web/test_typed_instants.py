"""Instants as people type them into a form of the desk."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from web.instants import SUGGESTED, instant_of

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2026, 11, 26, 14, 20, tzinfo=VIENNA)
"""A Thursday."""


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("tomorrow 9:00", "2026-11-27T09:00+01:00"),
        ("Tomorrow", "2026-11-27T09:00+01:00"),
        ("today 17:00", "2026-11-26T17:00+01:00"),
        ("fri 14:30", "2026-11-27T14:30+01:00"),
        ("Friday, 2 pm", "2026-11-27T14:00+01:00"),
        ("thu 9", "2026-12-03T09:00+01:00"),
        ("1 dec", "2026-12-01T09:00+01:00"),
        ("Dec 1, 8:15", "2026-12-01T08:15+01:00"),
        ("1. December 12 am", "2026-12-01T00:00+01:00"),
        ("25 nov 9:00", "2027-11-25T09:00+01:00"),
        ("17:30", "2026-11-26T17:30+01:00"),
        ("9:00", "2026-11-27T09:00+01:00"),
        ("in 2 h", "2026-11-26T16:20+01:00"),
        ("30 minutes", "2026-11-26T14:50+01:00"),
        ("in 3 days", "2026-11-29T14:20+01:00"),
        ("1 week", "2026-12-03T14:20+01:00"),
        ("2026-12-01", "2026-12-01T09:00+01:00"),
        ("2026-12-01 10:30", "2026-12-01T10:30+01:00"),
        ("2026-12-01T10:30", "2026-12-01T10:30+01:00"),
        ("2026-12-01T10:30Z", "2026-12-01T10:30+00:00"),
    ],
)
def test_what_is_typed_is_an_instant_in_the_persons_zone(typed: str, meant: str) -> None:
    assert instant_of(typed, NOW) == datetime.fromisoformat(meant)


def test_days_are_counted_on_the_wall_and_hours_on_the_clock() -> None:
    before = datetime(2026, 10, 24, 12, 0, tzinfo=VIENNA)  # the clock goes back in the night
    assert instant_of("in 1 day", before) == datetime.fromisoformat("2026-10-25T12:00+01:00")
    night = datetime(2026, 10, 25, 1, 30, tzinfo=VIENNA)
    assert instant_of("in 2 h", night).astimezone(UTC) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "typed", ["", "soon", "25:00", "13 pm", "31 feb", "fri fri", "1 dec 2026 10", "9:61", "in h", "\u0661\u0662 dec x"]
)
def test_what_cannot_be_read_is_no_instant(typed: str) -> None:
    with pytest.raises(ValueError, match="no day and time"):
        instant_of(typed, NOW)


def test_each_suggestion_is_an_instant_that_is_to_come_at_noon() -> None:
    noon = NOW.replace(hour=12)
    assert all(instant_of(one, noon) > noon for one in SUGGESTED)

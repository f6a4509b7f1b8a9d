"""Instants that pages work out: how much support time is left, and the Sunday night that comes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from web.lab import next_sunday_night
from web.ticket_view import support_time_left

DUE = "2026-11-30T11:00:00Z"
LINES = [
    {"from": "2026-11-27T16:00:00Z", "to": "2026-11-27T17:00:00Z", "counted_s": 3600.0},
    {"from": "2026-11-27T17:00:00Z", "to": "2026-11-30T09:00:00Z", "counted_s": 0.0},
    {"from": "2026-11-30T09:00:00Z", "to": "2026-11-30T11:00:00Z", "counted_s": 7200.0},
]


def clock(**more: Any) -> dict[str, Any]:
    """A clock that began on Friday at 16:00, and is due on Monday at 11:00."""
    return {"due": DUE, "met_at": None, "lines": LINES} | more


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "left"),
    [
        (at(27, 16), 3 * 3600),
        (at(27, 16, 30), 2.5 * 3600),
        (at(28, 12), 2 * 3600),
        (at(30, 10), None),  # all time until then is support time, and the page says already how far it is
        (at(30, 11), None),
    ],
)
def test_support_time_is_what_the_clock_still_counts(now: datetime, left: float | None) -> None:
    assert support_time_left([clock()], DUE, now) == left


def test_no_support_time_is_left_where_no_clock_runs_until_then() -> None:
    now = at(27, 16)
    assert support_time_left([], DUE, now) is None
    assert support_time_left([clock(met_at="2026-11-27T16:00:00Z")], DUE, now) is None
    assert support_time_left([clock(due=None)], DUE, now) is None
    assert support_time_left([clock()], None, now) is None


@pytest.mark.parametrize(
    ("now", "night"),
    [
        (datetime(2026, 11, 29, 2, 59), datetime(2026, 11, 29, 3)),
        (datetime(2026, 11, 29, 3), datetime(2026, 12, 6, 3)),
        (datetime(2026, 11, 30, 3), datetime(2026, 12, 6, 3)),
    ],
)
def test_the_sunday_night_that_comes_is_still_to_come(now: datetime, night: datetime) -> None:
    assert next_sunday_night(now) == night

"""A calendar is plain data that travels with a ticket: checked when it is made, shared where it is equal."""

from copy import deepcopy
from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from domain.calendars.calendar import Calendar, ClosedDay, Offset, OwnDay, SharedCalendar, StretchKind, intern
from domain.core.values import Frozen

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
BUSINESS = Calendar(
    name="business",
    zone="UTC",
    week=(((540, 1020),),) * 5 + ((), ()),
    offsets=(Offset(since=NEW_YEAR, seconds=0),),
    horizon=datetime(2030, 1, 1, tzinfo=UTC),
)


def week(*monday):
    return (tuple(monday), *[()] * 6)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"week": week()}, "the calendar never opens"),
        ({"week": ((),) * 6}, "seven days from Monday, not 6"),
        ({"week": week((540, 1500))}, "Monday: 09:00-25:00 leaves the day"),
        ({"week": week((540, 1441))}, "Monday: 09:00-24:01 leaves the day"),
        ({"week": week((1020, 540))}, "Monday: 17:00-09:00 does not end after it begins; a night shift"),
        ({"week": week((540, 540))}, "does not end after it begins"),
        ({"week": week((540, 720), (700, 800))}, "Monday: 11:40-13:20 overlaps 09:00-12:00"),
        ({"week": week((780, 1020), (540, 720))}, "Monday: 09:00-12:00 must stand before 13:00-17:00"),
        ({"closed": (ClosedDay(day=date(2026, 1, 1)),) * 2}, "2026-01-01 is closed twice"),
        ({"offsets": (Offset(since=NEW_YEAR, seconds=0),) * 2}, "must be in order"),
        ({"offsets": ()}, "at least 1 item"),
        ({"horizon": datetime(2026, 1, 1)}, "timezone"),
    ],
)
def test_a_calendar_that_makes_no_sense_is_refused_by_name(change, says):
    with pytest.raises(ValidationError, match=says):
        BUSINESS.model_copy(update=change)


class Terms(Frozen):
    calendar: SharedCalendar


def test_equal_calendars_read_from_json_are_one_object_with_one_index():
    text = Terms(calendar=BUSINESS).model_dump_json()
    first, second = Terms.model_validate_json(text), Terms.model_validate_json(text)
    assert first.calendar is second.calendar is intern(BUSINESS)
    loose = Calendar.model_validate_json(BUSINESS.model_dump_json())
    assert loose is not intern(BUSINESS)
    assert loose._index is intern(BUSINESS)._index
    assert deepcopy(BUSINESS) is BUSINESS


def test_a_changed_copy_does_not_keep_the_index_of_its_original():
    saturday = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
    assert not BUSINESS.is_open(saturday)
    assert BUSINESS.model_copy(update={"week": (((0, 1440),),) * 7}).is_open(saturday)


def test_touching_windows_are_allowed():
    halves = BUSINESS.model_copy(update={"week": week((0, 720), (720, 1440))})
    (stretch,) = halves.stretches(datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC))
    assert stretch.kind is StretchKind.OPEN


def test_c15_a_date_of_its_own_has_1_to_24_windows_and_a_name():
    minutes = tuple((60 * hour, 60 * hour + 30) for hour in range(24))
    assert OwnDay(day=date(2026, 12, 24), windows=minutes, label="x").label == "x"
    for wrong in ({"windows": ()}, {"windows": (*minutes, (1439, 1440))}, {"windows": minutes, "label": ""}):
        with pytest.raises(ValidationError):
            OwnDay(day=date(2026, 12, 24), **wrong)

"""Where calendars come from: a zone, weekly hours and public holidays become the data of `domain.calendars.calendar`.

The only place that reads the `holidays` package, and with `zones` the time-zone database. What it finds is data from
then on: a ticket keeps the calendar it was opened with, whatever later versions of them say.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import holidays
from pydantic import ValidationError

from domain.calendars.calendar import Calendar, CalendarError, ClosedDay, Offset, OwnDay, Windows, intern
from domain.policy.grammar import is_date
from services.policy_file.zones import canonical_zone, time_zones, zone_info

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DATE = re.compile(r"(?:(\d{4})-)?(\d\d)-(\d\d)")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_MARGIN = timedelta(days=365)
"""How long before its start a calendar is right too: evidence and pauses may be older than the ticket."""
_LABEL = 200
_MAKE_UP = "working day in place of a holiday"


class _Date(NamedTuple):
    """A date with windows of its own; without a year it comes every year (C15)."""

    year: int | None
    month: int
    day: int
    windows: Windows

    @property
    def key(self) -> str:
        return f"{self.year}-{self.month:02}-{self.day:02}" if self.year else f"{self.month:02}-{self.day:02}"

    def days(self, years: Collection[int]) -> list[date]:
        """Return the dates that it stands for; 29 February is in leap years only."""
        wanted = years if self.year is None else [self.year]
        return [date(year, self.month, self.day) for year in wanted if is_date(f"{year}", *self.key.split("-")[-2:])]


def build_calendar(
    name: str,
    zone: str,
    hours: Mapping[str, Any],
    *,
    country: str | None = None,
    region: str | None = None,
    closed: Mapping[date, str] | None = None,
    holidays_of: str | None = None,
    start: datetime,
    horizon: datetime,
) -> Calendar:
    """Return the calendar of a zone and weekly hours, right from a year before `start` until `horizon`.

    `hours` maps `mon` to `sun` to windows of local time, `{"mon": [["09:00", "12:00"], ["13:00", "17:00"]]}`;
    a day that is left out is closed, `24:00` is the midnight that ends the day, a night shift is two windows. It may
    map single dates too, `{"2026-12-24": [["09:00", "12:00"]], "12-31": []}`, the latter in every year: their windows
    beat those of the weekday and a holiday (C15). `country` (ISO 3166, "DE") and `region` ("BY") close on public
    holidays, and open on make-up working days where the holidays package knows them; `closed` closes on dates of one's
    own, with their reasons. `holidays_of` names the place for people, if that is not the country. Equal arguments give
    the same object, at the cost of a look-up; `known_span` chooses `start` and `horizon` so that tickets of a year
    agree on them.

    Raises CalendarError with one line that says what is wrong.
    """
    if not isinstance(zone, str) or not isinstance(name, str):
        raise CalendarError("a calendar's name and time zone must be text")
    if region is not None and country is None:
        raise CalendarError(f"the region {region!r} needs its country")
    own = tuple(sorted((closed or {}).items()))
    week, dates = _read_hours(hours)
    place = holidays_of or ("none" if country is None else f"{country}-{region}" if region else country)
    return _build(name, canonical_zone(zone), week, dates, country, region, own, place, start, horizon)


def known_span(now: datetime) -> tuple[datetime, datetime]:
    """Return the `start` and `horizon` for a ticket that opens at `now`: 1 January of its year and four years on.

    At least three years ahead, and the same for a whole year of tickets, so that they share their calendars.
    """
    year = now.astimezone(UTC).year
    return datetime(year, 1, 1, tzinfo=UTC), datetime(year + 4, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=64)
def _build(
    name: str,
    zone: str,
    week: tuple[Windows, ...],
    windows_of_dates: tuple[_Date, ...],
    country: str | None,
    region: str | None,
    own: tuple[tuple[date, str], ...],
    place: str,
    start: datetime,
    horizon: datetime,
) -> Calendar:
    start -= _MARGIN
    if start >= horizon:
        raise CalendarError("the horizon of a calendar must lie after its start")
    dates, make_up = _public_holidays(country, region, start.year, horizon.year) if country is not None else ({}, ())
    dates.update(own)
    open_dates: dict[date, OwnDay] = {}
    for day in make_up:
        if day not in dates and not week[day.weekday()] and (windows := _windows_before(week, day.weekday())):
            open_dates[day] = OwnDay(day=day, windows=windows, label=_MAKE_UP)
    # C15: what comes every year first, so that a date of one year beats it.
    for one in sorted(windows_of_dates, key=lambda one: one.year is not None):
        label = f"calendars.{name}.hours.{one.key}"[:_LABEL]
        for day in one.days(range(start.year, horizon.year + 1)):
            open_dates.pop(day, None)
            dates.pop(day, None)
            if one.windows:
                open_dates[day] = OwnDay(day=day, windows=one.windows, label=label)
            else:
                dates[day] = label
    # Only what can make a difference: it travels with every ticket.
    closed = [day for day in dates if week[day.weekday()] and start.date() <= day <= horizon.date()]
    try:
        return intern(
            Calendar(
                name=name,
                zone=zone,
                week=week,
                closed=tuple(ClosedDay(day=day, label=dates[day][:_LABEL]) for day in closed),
                offsets=_offsets(zone, start, horizon),
                horizon=horizon,
                own=tuple(one for day, one in open_dates.items() if start.date() <= day <= horizon.date()),
                holidays=place,
                time_zones=time_zones(),
            )
        )
    except ValidationError as error:
        raise CalendarError(_first_fault(error)) from None


def _windows_before(week: tuple[Windows, ...], weekday: int) -> Windows:
    """Return the windows of the last weekday before this one that has any: a make-up Saturday has those of Friday."""
    return next((week[(weekday - back) % 7] for back in range(1, 7) if week[(weekday - back) % 7]), ())


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    if fault["type"] == "value_error":  # raised by the calendar itself: a whole sentence
        return fault["msg"].removeprefix("Value error, ")
    return f"{fault['loc'][0]}: {fault['msg']}"


def _read_hours(hours: Mapping[str, Any]) -> tuple[tuple[Windows, ...], tuple[_Date, ...]]:
    """Return hours in minutes, as they are written: of the week, and of single dates. Whether they overlap is for the
    calendar to say."""
    if not isinstance(hours, Mapping):
        raise CalendarError("hours must map days (mon ... sun) to windows")
    dates: list[_Date] = []
    for key in hours:
        if key in _DAYS:
            continue
        match = _DATE.fullmatch(key) if isinstance(key, str) else None
        if match is None or not is_date(match[1], match[2], match[3]):
            raise CalendarError(
                f"unknown day {str(key)[:20]!r} in hours; days are {', '.join(_DAYS)}, "
                'a date such as "2026-12-24", or "12-24" for every year'
            )
        year = int(match[1]) if match[1] else None
        dates.append(_Date(year, int(match[2]), int(match[3]), _read_windows(key, hours[key])))
    return tuple(_read_windows(day, hours.get(day, ())) for day in _DAYS), tuple(dates)


def _read_windows(day: str, windows: Any) -> Windows:
    if not isinstance(windows, list | tuple):
        raise CalendarError(f'{day}: expected a list of windows such as [["09:00", "17:00"]]')
    for window in windows:
        if not isinstance(window, list | tuple) or len(window) != 2:
            raise CalendarError(f'{day}: a window is a pair such as ["09:00", "17:00"]')
    return tuple(sorted((_minute(day, opens), _minute(day, closes)) for opens, closes in windows))


def _minute(day: str, time: Any) -> int:
    match = _TIME.fullmatch(time) if isinstance(time, str) else None
    if match is None:
        raise CalendarError(f"{day}: {str(time)[:20]!r} is not a time of day; write 00:00 to 24:00")
    hours, minutes = match.groups()
    return 1440 if hours is None else int(hours) * 60 + int(minutes)


def _public_holidays(
    country: str, region: str | None, first: int, last: int
) -> tuple[dict[date, str], Collection[date]]:
    """Return public holidays, with their English names where the package has them, and the days off that are worked
    on in place of one, where the package knows them. Without a region, those of the country as a whole (C16)."""
    if country not in holidays.list_supported_countries():
        raise CalendarError(f"no holidays are known for the country {country[:20]!r}; write its code, as DE")
    try:
        found = holidays.country_holidays(country, subdiv=region, years=range(first, last + 1), language="en_US")
    except NotImplementedError:
        raise CalendarError(f"{country} has no region {str(region)[:20]!r} with own holidays") from None
    return {day: found[day] for day in sorted(found)}, sorted(found.weekend_workdays)


@lru_cache(maxsize=1024)
def _offsets(zone: str, start: datetime, horizon: datetime) -> tuple[Offset, ...]:
    """Return the UTC offset at `start`, and each change until `horizon`, to the second.

    Looks once a day: no zone has ever changed twice within one (the closest two changes since 2000 are a week
    apart).
    """
    info = zone_info(zone)

    def offset_at(second: int) -> int:
        offset = datetime.fromtimestamp(second, info).utcoffset()
        assert offset is not None  # ZoneInfo always knows
        return int(offset.total_seconds())

    first, end = int(start.timestamp()), int(horizon.timestamp())
    found = [(first, offset_at(first))]
    for second in range(first, end, 86_400):
        after = min(second + 86_400, end)
        if offset_at(after) != found[-1][1]:
            found.append((_change(offset_at, second, after), offset_at(after)))
    return tuple(Offset(since=datetime.fromtimestamp(since, UTC), seconds=seconds) for since, seconds in found)


def _change(offset_at: Callable[[int], int], before: int, after: int) -> int:
    """Return the first second of the new offset, which begins in (before, after]."""
    old = offset_at(before)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if offset_at(middle) == old else (before, middle)
    return after

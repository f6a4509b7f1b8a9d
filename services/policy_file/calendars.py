"""Where calendars come from: a zone, weekly hours and public holidays become the data of `domain.calendars.calendar`.

The only place that reads a time-zone database and the `holidays` package. What it finds is data from then on:
a ticket keeps the calendar it was opened with, whatever this machine's databases say later.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
from pydantic import ValidationError

from domain.calendars.calendar import Calendar, CalendarError, ClosedDay, Offset, Windows, intern

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_MARGIN = timedelta(days=365)
"""How long before its start a calendar is right too: evidence and pauses may be older than the ticket."""
_LABEL = 200


def build_calendar(
    name: str,
    zone: str,
    hours: Mapping[str, Any],
    *,
    country: str | None = None,
    region: str | None = None,
    closed: Mapping[date, str] | None = None,
    start: datetime,
    horizon: datetime,
) -> Calendar:
    """The calendar of a zone and weekly hours, right from a year before `start` until `horizon`.

    `hours` maps `mon` to `sun` to windows of local time, `{"mon": [["09:00", "12:00"], ["13:00", "17:00"]]}`;
    a day that is left out is closed, `24:00` is the midnight that ends the day, a night shift is two windows.
    `country` (ISO 3166, "DE") and `region` ("BY") close on public holidays, `closed` on dates of one's own
    with their reasons. Equal arguments give the same object, at the cost of a look-up; `known_span` chooses
    `start` and `horizon` so that tickets of a year agree on them.

    Raises CalendarError with one line that says what is wrong.
    """
    if not isinstance(zone, str) or not isinstance(name, str):
        raise CalendarError("a calendar's name and time zone must be text")
    if region is not None and country is None:
        raise CalendarError(f"the region {region!r} needs its country")
    own = tuple(sorted((closed or {}).items()))
    return _build(name, zone, _read_hours(hours), country, region, own, start, horizon)


def known_span(now: datetime) -> tuple[datetime, datetime]:
    """The `start` and `horizon` for a ticket that opens at `now`: 1 January of its year and four years on.

    At least three years ahead, and the same for a whole year of tickets, so that they share their calendars.
    """
    year = now.astimezone(UTC).year
    return datetime(year, 1, 1, tzinfo=UTC), datetime(year + 4, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=64)
def _build(
    name: str,
    zone: str,
    week: tuple[Windows, ...],
    country: str | None,
    region: str | None,
    own: tuple[tuple[date, str], ...],
    start: datetime,
    horizon: datetime,
) -> Calendar:
    start -= _MARGIN
    if start >= horizon:
        raise CalendarError("the horizon of a calendar must lie after its start")
    dates = _public_holidays(country, region, start.year, horizon.year) if country is not None else {}
    dates.update(own)
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
            )
        )
    except ValidationError as error:
        raise CalendarError(_first_fault(error)) from None


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    if fault["type"] == "value_error":  # raised by the calendar itself: a whole sentence
        return fault["msg"].removeprefix("Value error, ")
    return f"{fault['loc'][0]}: {fault['msg']}"


def _read_hours(hours: Mapping[str, Any]) -> tuple[Windows, ...]:
    """Hours as they are written, as minutes. Whether they overlap is for the calendar to say."""
    if not isinstance(hours, Mapping):
        raise CalendarError("hours must map days (mon ... sun) to windows")
    if unknown := [str(day) for day in hours if day not in _DAYS]:
        raise CalendarError(f"unknown day {unknown[0][:20]!r} in hours; days are {', '.join(_DAYS)}")
    return tuple(_read_windows(day, hours.get(day, ())) for day in _DAYS)


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


def _public_holidays(country: str, region: str | None, first: int, last: int) -> dict[date, str]:
    """Public holidays with their English names where the package has them."""
    if country not in holidays.list_supported_countries():
        raise CalendarError(f"no holidays are known for the country {country[:20]!r}; write its code, as DE")
    try:
        found = holidays.country_holidays(country, subdiv=region, years=range(first, last + 1), language="en_US")
    except NotImplementedError:
        raise CalendarError(f"{country} has no region {str(region)[:20]!r} with own holidays") from None
    return {day: found[day] for day in sorted(found)}


@lru_cache(maxsize=1024)
def _offsets(zone: str, start: datetime, horizon: datetime) -> tuple[Offset, ...]:
    """The UTC offset at `start`, and each change until `horizon`, to the second.

    Looks once a day: no zone has ever changed twice within one (the closest two changes since 2000 are a week
    apart).
    """
    info = _zone(zone)

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
    """The first second of the new offset, which begins in (before, after]."""
    old = offset_at(before)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if offset_at(middle) == old else (before, middle)
    return after


def _zone(name: str) -> ZoneInfo:
    """An IANA zone. `localtime` and `posixrules` are another one on each machine; `right/` counts leap seconds."""
    try:
        if name in ("localtime", "posixrules", "Factory") or name.startswith(("right/", "posix/")):
            raise ValueError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CalendarError(f"{name[:60]!r} is not an IANA time zone, as Europe/Berlin is") from None

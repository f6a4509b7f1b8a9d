"""The small grammar of the policy file: how a time, a working week and a local time are written.

Every function takes what the file says and returns a value, or raises a fault whose text tells a support lead
what to write instead.
"""

import re
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from pydantic_core import PydanticCustomError

from domain.clocks.terms import LONGEST

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Minute = int
"""A minute of the local day, 0 to 1440."""
Week = tuple[tuple[tuple[Minute, Minute], ...], ...]
"""Seven days from Monday, each the windows `[opens, closes)` in which support is open."""


class DateWindows(NamedTuple):
    """The windows of a single date, which beat its weekday's and a holiday's (C15). Without a window it is closed."""

    key: str
    """As it is written: `2026-12-24`, or `12-24` for that date of every year."""
    windows: tuple[tuple[Minute, Minute], ...]


class Hours(NamedTuple):
    """When support is open: the windows of the week, and those of single dates."""

    week: Week
    dates: tuple[DateWindows, ...] = ()


ALWAYS_OPEN = Hours((((0, 1440),),) * 7)
MOST_DATES = 100
"""Dates of one calendar. They travel with every ticket."""

_DURATION = re.compile(r"(\d{1,6})([smhd])")
_BUSINESS_DAYS = re.compile(r"(\d{1,3}) business days?")
_WINDOW = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")
_DATE = re.compile(r"(?:(\d{4})-)?(\d\d)-(\d\d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class BusinessDays(NamedTuple):
    """A budget of the calendar's own working days (C4)."""

    days: int


Budget = timedelta | BusinessDays


def fault(reason: str, *path: str) -> PydanticCustomError:
    """Return an error of the policy. `path` leads from the value at hand to the key that is wrong."""
    return PydanticCustomError("policy", "{reason}", {"reason": reason, "path": path})


def shortened(value: Any) -> str:
    """Return what the file says, short enough for an error of one line."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def duration(value: Any) -> timedelta:
    """Read a duration such as `"15m"` or `"3d"`: a whole number and one unit. A day is 24 hours here."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise fault(f'{shortened(value)} is no time: write a whole number and a unit, as "90s", "15m", "4h" or "3d"')
    length = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if not timedelta(0) < length <= LONGEST:
        raise fault(f"{shortened(value)} is out of range: more than nothing, and at most {LONGEST.days} days")
    return length


def budget(value: Any) -> Budget:
    """Read the time that a cell of a plan or a priority gives: `"4h"` or `"5 business days"`."""
    if isinstance(value, str) and (match := _BUSINESS_DAYS.fullmatch(value)):
        if not 1 <= int(match[1]) <= LONGEST.days:
            raise fault(f"{shortened(value)} is out of range: 1 to {LONGEST.days} business days")
        return BusinessDays(int(match[1]))
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise fault(f'{shortened(value)} is no time: write "15m", "4h" or "5 business days"')
    if value.endswith("d"):
        raise fault(f'{shortened(value)} is unclear here: write hours, or "{value[:-1]} business days"')
    return duration(value)


def local_time(value: Any) -> Minute:
    """Read a time of day such as `"08:00"`, as a minute of the day."""
    match = re.fullmatch(r"(\d\d):(\d\d)", value) if isinstance(value, str) else None
    if match is None or (minute := _minute(match[1], match[2])) is None or minute == 1440:
        raise fault(f'{shortened(value)} is no time of day: write "00:00" to "23:59"')
    return minute


def clock(minute: Minute) -> str:
    """Return a minute of the day as the clock shows it: `"08:00"`."""
    return f"{minute // 60:02}:{minute % 60:02}"


def hours(value: Any) -> Hours:
    """Read support hours: `{ mon-fri = ["09:00-17:00"], "2026-12-24" = ["09:00-12:00"], "12-31" = [] }`. These are the
    windows of the week, in which days that are not named are closed, and those of single dates (C15)."""
    if not isinstance(value, dict):
        raise fault(f'{shortened(value)} is no week: write {{ mon-fri = ["09:00-17:00"] }}')
    days: dict[int, tuple[tuple[Minute, Minute], ...]] = {}
    dates: list[DateWindows] = []
    for key, windows in value.items():
        parsed = _windows(key, windows)
        if any(letter.isdigit() for letter in key):
            dates.append(DateWindows(_date(key), parsed))
            continue
        for day in _day_range(key):
            if day in days:
                raise fault(f"{DAYS[day]} is given twice", key)
            days[day] = parsed
    if not any(days.values()):
        raise fault("the calendar never opens: no day of the week has a window")
    if len(dates) > MOST_DATES:
        raise fault(f"at most {MOST_DATES} dates, and there are {len(dates)}: leave out those that have passed")
    return Hours(tuple(days.get(day, ()) for day in range(7)), tuple(sorted(dates)))


def _date(key: str) -> str:
    """Return a date as it is to be written. Raises a fault that proposes what may be meant."""
    match = _DATE.fullmatch(key)
    if match and is_date(match[1], match[2], match[3]):
        return key
    meant = _date_meant(key)
    hint = f": did you mean {meant}?" if meant else ': write "2026-12-24", or "12-24" for every year'
    raise fault(f"{shortened(key)} is no date{hint}", key)


def _date_meant(key: str) -> str | None:
    """Return a date that is written in another way, where there is one way only to read it."""
    for pattern, order in (
        (r"(\d{4})[-./ ]?(\d\d?)[-./ ]?(\d\d?)", (1, 2, 3)),
        (r"(\d\d?)\. ?(\d\d?)\.? ?(\d{4})", (3, 2, 1)),
        (r"(\d\d?)\. ?(\d\d?)\.?", (None, 2, 1)),
        (r"(\d\d?)-(\d\d?)", (None, 1, 2)),
        (r"(\d\d?)-(\d\d?)", (None, 2, 1)),
    ):
        if match := re.fullmatch(pattern, key.strip()):
            year, month, day = (match[place] if place else None for place in order)
            if is_date(year, month, day):
                parts = ([year] if year else []) + [f"{int(month or 0):02}", f"{int(day or 0):02}"]
                return "-".join(parts)
    return None


def is_date(year: str | None, month: str | None, day: str | None) -> bool:
    """Return whether there is such a date; without a year, in any year (29 February is one)."""
    try:
        date(int(year or 2024), int(month or 0), int(day or 0))
    except ValueError:
        return False
    return year is None or 2000 <= int(year) <= 2199


def _day_range(key: str) -> range:
    first, _, last = key.partition("-")
    if first not in DAYS or (last or first) not in DAYS or key.endswith("-"):
        reason = f"{shortened(key)} is no day: write mon ... sun, or a range such as mon-fri"
        raise fault(f"{reason}{_days_meant(key)}", key)
    begin, end = DAYS.index(first), DAYS.index(last or first)
    if end < begin:
        raise fault(f"{shortened(key)} runs backwards: a week goes from mon to sun; name the days singly", key)
    return range(begin, end + 1)


def _days_meant(key: str) -> str:
    """Return the days that a misspelt range means: `Monday - Friday` is mon-fri."""
    words = [word.strip().lower()[:3] for word in re.split(r"-|to", key, maxsplit=1)]
    return f": did you mean {'-'.join(words)}?" if all(word in DAYS for word in words) else ""


def _windows(key: str, value: Any) -> tuple[tuple[Minute, Minute], ...]:
    if not isinstance(value, list):
        raise fault(f'{shortened(value)} is no list of windows: write ["09:00-17:00"]', key)
    windows = sorted(_window(key, text) for text in value)
    for (_, closes), (opens, _) in pairwise(windows):
        if opens < closes:
            raise fault(f"two windows overlap at {clock(opens)}", key)
    return tuple(windows)


def _window(key: str, value: Any) -> tuple[Minute, Minute]:
    match = _WINDOW.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise fault(f'{shortened(value)} is no window: write "09:00-17:00"', key)
    opens, closes = _minute(match[1], match[2]), _minute(match[3], match[4])
    if opens is None or closes is None:
        raise fault(f"{shortened(value)} holds a time that no day has: 00:00 to 24:00", key)
    if closes <= opens:
        hint = "a night shift is two windows, one to 24:00 and one from 00:00"
        raise fault(f"{shortened(value)} ends before it starts: {hint}", key)
    return opens, closes


def _minute(hours: str, minutes: str) -> Minute | None:
    """Return the minute of the day, or None if the clock never shows it. 24:00 is the midnight that ends it."""
    minute = int(hours) * 60 + int(minutes)
    return minute if int(minutes) < 60 and minute <= 1440 else None

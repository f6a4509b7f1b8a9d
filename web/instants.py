"""Instants as people type them: "tomorrow 9:00", "fri 14:30", "1 dec", "in 2 h", or an ISO date and time.

Everything is in the zone of whoever types. A day without a time means nine in the morning.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

SUGGESTED = ("in 2 h", "today 17:00", "tomorrow 9:00", "mon 9:00", "in 1 week")
"""What a form suggests."""
HELP = "Such as tomorrow 9:00, fri 14:30, 1 dec, in 2 h; in your time zone."
MORNING = time(9)

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_IN = re.compile(r"(?:in )?(\d{1,3}) ?(?:(min)(?:utes?)?|(h)(?:ours?)?|(d)(?:ays?)?|(w)(?:eeks?)?)")
_TIME = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?( ?[ap]m)?")
_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def instant_of(text: str, now: datetime) -> datetime:
    """Return the instant that somebody means, who types `text` at `now` in the zone of `now`.

    A weekday is the next one after today, a day of a month the next such day, and a time alone the next such time.
    Raises ValueError for what cannot be read.
    """
    typed = " ".join(text.lower().replace(",", " ").split())
    if after := _IN.fullmatch(typed):
        unit = next(filter(None, after.groups()[1:]))
        return _later(now, int(after[1]) * _UNITS[unit])
    try:
        if not _ISO_DAY.fullmatch(typed):
            given = datetime.fromisoformat(text.strip())
            return given if given.tzinfo else given.replace(tzinfo=now.tzinfo)
    except ValueError:
        pass
    words = typed.split()
    for count in range(len(words), -1, -1) if words else ():
        day, at = _day(words[:count], now.date()), _time(" ".join(words[count:]))
        if at is None or (count and day is None):
            continue
        found = datetime.combine(day or now.date(), at, now.tzinfo)
        return found if day or found > now else datetime.combine(now.date() + timedelta(days=1), at, now.tzinfo)
    raise ValueError(f"no day and time: {text[:40]!r}")


def _later(now: datetime, distance: timedelta) -> datetime:
    """Return the instant after a time on the wall for days and weeks, and on the clock for hours and minutes."""
    if distance < timedelta(days=1):
        return datetime.fromtimestamp(now.timestamp() + distance.total_seconds(), now.tzinfo)
    return (now.replace(tzinfo=None) + distance).replace(tzinfo=now.tzinfo)


def _time(text: str) -> time | None:
    """Return a time of the day; the morning for none; None for what is no time."""
    if not text:
        return MORNING
    found = _TIME.fullmatch(text)
    if not found:
        return None
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").strip()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _day(words: Sequence[str], today: date) -> date | None:
    match words:
        case ["today"]:
            return today
        case ["tomorrow"]:
            return today + timedelta(days=1)
        case [word] if word[:3] in _DAYS and word.isalpha():
            return today + timedelta(days=(_DAYS.index(word[:3]) - today.weekday() - 1) % 7 + 1)
        case [word] if _ISO_DAY.fullmatch(word):
            return date.fromisoformat(word)
        case [first, second]:
            return _of_month(first, second, today) or _of_month(second, first, today)
    return None


def _of_month(number: str, month: str, today: date) -> date | None:
    number = number.rstrip(".")
    if month[:3] not in _MONTHS or not month.isalpha() or not (number.isdecimal() and len(number) < 3):
        return None
    for year in (today.year, today.year + 1):
        try:
            found = date(year, _MONTHS.index(month[:3]) + 1, int(number))
        except ValueError:  # no such day in that year, such as 29 February
            continue
        if found >= today:
            return found
    return None

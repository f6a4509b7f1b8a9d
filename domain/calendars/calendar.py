"""The business calendar: when support is open, as plain data, and the arithmetic of support hours.

A calendar is resolved once, at intake, from an IANA zone and a list of public holidays
(`services.policy_file.calendars`), and travels inside the ticket's terms: weekly windows, closed dates, dates with
windows of their own (C15) and UTC-offset transitions up to a horizon. So a deadline depends on nothing but recorded
data; no time-zone database is read where a workflow replays.

How to read the windows: they are stretches of the wall clock, `[opens, closes)`. An hour that daylight saving
skips does not exist, an hour that it repeats counts twice where a window covers it, and a date that the zone
left out has no open time. Everything is exact to the microsecond; nothing is rounded.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from functools import cached_property
from itertools import groupby, pairwise
from typing import Annotated, Any, NamedTuple, Self
from weakref import WeakValueDictionary

from pydantic import AfterValidator, Field, field_validator, model_validator

from domain.calendars.calendar_index import MINUTE, BeyondHorizon, CalendarError, CalendarIndex, Pause, Piece
from domain.calendars.own_day import Minute, OwnDay, Windows
from domain.core.values import Frozen, Instant

__all__ = [
    "FOREVER",
    "WALL",
    "BeyondHorizon",
    "Calendar",
    "CalendarError",
    "ClosedDay",
    "Offset",
    "OwnDay",
    "SharedCalendar",
    "Stretch",
    "StretchKind",
    "Windows",
    "intern",
]

FOREVER = datetime(9999, 12, 1, tzinfo=UTC)
"""The horizon of a calendar that needs no knowledge of the future."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.toordinal()
_MICROSECOND = timedelta(microseconds=1)
_MIDNIGHT = 1440
_MAX_DAYS = 36_525
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Pauses = Iterable[tuple[datetime, datetime]]
"""Stretches that do not count, `[from, to)`, in any order; where they overlap they count once."""


class ClosedDay(Frozen):
    """A local date on which support stays closed, and why ("New Year's Day")."""

    day: date
    label: str = Field(default="closed", min_length=1, max_length=200)


class Offset(Frozen):
    """From `since` on, local time is UTC plus `seconds`."""

    since: Instant
    seconds: int = Field(gt=-86_400, lt=86_400)


class StretchKind(StrEnum):
    """Why a stretch of time counted, or did not."""

    OPEN = "open"
    HOURS = "hours"
    """Closed, because it is outside the weekly windows."""
    HOLIDAY = "holiday"
    """Closed, because the date is; the week's windows would have been open on it."""
    OWN_HOURS = "own_hours"
    """Closed, because it is outside the windows that the date has of its own (C15)."""
    PAUSE = "pause"


class Stretch(Frozen):
    """A stretch of time that is all of one kind, to explain a deadline line by line."""

    start: Instant
    end: Instant
    kind: StretchKind
    label: str = ""
    """The name of the holiday, or where the date's own windows are said."""
    counted: timedelta
    """What it added to the clock: its length if it is open, else nothing."""
    spared: timedelta = timedelta(0)
    """The open time that a pause kept from counting."""


class Calendar(Frozen):
    """When support is open.

    Every instant that is passed in must carry its UTC offset; every instant that comes out is in UTC. Raises
    CalendarError for a question without meaning, and BeyondHorizon where the answer lies after `horizon`: the
    caller then needs a calendar that is known for longer (`replace_terms`).
    """

    name: str = Field(min_length=1, max_length=100)
    zone: str = Field(min_length=1, max_length=100)
    """The IANA name, for people. What counts is `offsets`."""
    week: tuple[Windows, ...]
    """Seven days from Monday; windows in local minutes of the day, 1440 is the midnight that ends it. A night
    shift is two windows, one before midnight and one after."""
    closed: tuple[ClosedDay, ...] = Field(default=(), max_length=40_000)
    offsets: tuple[Offset, ...] = Field(min_length=1, max_length=2_000)
    """In order. The first holds from the beginning of time, whatever its `since`."""
    horizon: Instant
    """Nothing is known after it."""
    own: tuple[OwnDay, ...] = Field(default=(), max_length=40_000)
    """Dates whose windows are not those of their weekday, and which no holiday closes (C15)."""
    holidays: str = Field(default="", max_length=200)
    """Whose public holidays are closed, for people: `DE`, `DE-BY`, `none`; empty if that was not noted."""
    time_zones: str = Field(default="", max_length=200)
    """The version of the time-zone database that the offsets are from, for people; empty if that was not noted."""

    # Open time. Rules C3, C4 and C6 come down to these.

    def add(self, start: datetime, budget: timedelta, pauses: Pauses = ()) -> datetime:
        """Return the first instant at which `budget` of open time since `start` is used up, without pauses (C4).

        A budget that ends exactly with the hours is due at closing time, not at the next opening. A budget of
        nothing gives the first open instant, at or after `start`, that no pause covers.
        """
        need = budget // _MICROSECOND
        if need < 0:
            raise CalendarError("a budget cannot be negative")
        return _instant(self._index.due(_micros(start), need, _merged(pauses)))

    def add_days(self, start: datetime, days: int, pauses: Pauses = ()) -> datetime:
        """Return the same local time `days` open dates later, moved into the hours of that date (C4).

        Outside the hours the count begins at the next open instant. On the last day a time before the hours
        becomes their opening, and a closed time after that the close before it (lunch, evening). A local time
        that daylight saving repeats is the first of the two, one that it skips the end of the gap. Pauses
        move the result by exactly the open time that they cover (C6).
        """
        if not 0 <= days <= _MAX_DAYS:
            raise CalendarError(f"business days must be 0 to {_MAX_DAYS}, not {days}")
        return _instant(self._index.due_days(_micros(start), days, _merged(pauses)))

    def elapsed(self, start: datetime, end: datetime, pauses: Pauses = ()) -> timedelta:
        """Return the open time between two instants, without the time that pauses cover (C6)."""
        begin, until = _ordered(start, end)
        return timedelta(microseconds=self._index.elapsed(begin, until, _merged(pauses)))

    def is_open(self, at: datetime) -> bool:
        """Return whether support is open at an instant. It is at opening time, and is not at closing time."""
        return self._index.is_open(_micros(at))

    def stretches(self, start: datetime, end: datetime, pauses: Pauses = ()) -> list[Stretch]:
        """Return every stretch of [start, end), in order and without a gap, and why it counted or did not.

        What they counted adds up to `elapsed` of the same arguments.
        """
        begin, until = _ordered(start, end)
        pieces = _cut(self._index.pieces(begin, until), _merged(pauses))
        return [_stretch(list(alike)) for _, alike in groupby(pieces, key=lambda piece: piece[:2])]

    # The wall clock.

    def local(self, at: datetime) -> datetime:
        """Return an instant as local time in the zone. The last known offset holds after the horizon."""
        offset = self._index.offset_at(_micros(at))
        return at.astimezone(timezone(timedelta(microseconds=offset)))

    # Inside.

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a changed copy, validated; the index of the original must not come along."""
        return type(self).model_validate({**dict(self), **(update or {})})

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self  # nothing in it changes

    @cached_property
    def _index(self) -> CalendarIndex:
        """Return the index, shared by all calendars of this process that are equal."""
        shared = intern(self)
        if shared is not self:
            return shared._index
        return CalendarIndex(
            week=[[(opens * MINUTE, closes * MINUTE) for opens, closes in windows] for windows in self.week],
            closed={closed.day.toordinal() - _EPOCH_DAY: closed.label for closed in self.closed},
            own={
                own.day.toordinal() - _EPOCH_DAY: (
                    own.label,
                    [(opens * MINUTE, closes * MINUTE) for opens, closes in own.windows],
                )
                for own in self.own
            },
            offsets=[(_micros(offset.since), offset.seconds * 1_000_000) for offset in self.offsets],
            horizon=_micros(self.horizon),
        )

    @field_validator("week")
    @classmethod
    def _check_week(cls, week: tuple[Windows, ...]) -> tuple[Windows, ...]:
        if len(week) != 7:
            raise CalendarError(f"a week has seven days from Monday, not {len(week)}")
        if not any(week):
            raise CalendarError("the calendar never opens: no day has a window")
        for name, windows in zip(_WEEKDAYS, week, strict=True):
            _check_windows(name, windows)
        return week

    @field_validator("closed")
    @classmethod
    def _check_closed(cls, closed: tuple[ClosedDay, ...]) -> tuple[ClosedDay, ...]:
        """Sort closed dates, so that equal calendars are equal however they were written."""
        ordered = tuple(sorted(closed, key=lambda one: one.day))
        for one, other in pairwise(ordered):
            if one.day == other.day:
                raise CalendarError(f"{one.day} is closed twice: {one.label!r} and {other.label!r}")
        return ordered

    @field_validator("own")
    @classmethod
    def _check_own(cls, own: tuple[OwnDay, ...]) -> tuple[OwnDay, ...]:
        """Sort the dates with windows of their own, as closed dates are."""
        ordered = tuple(sorted(own, key=lambda one: one.day))
        for one, other in pairwise(ordered):
            if one.day == other.day:
                raise CalendarError(f"{one.day} has own windows twice: {one.label!r} and {other.label!r}")
        for one in ordered:
            _check_windows(str(one.day), one.windows)
        return ordered

    @model_validator(mode="after")
    def _check_dates(self) -> Self:
        if self.own and (both := {one.day for one in self.own} & {one.day for one in self.closed}):
            raise CalendarError(f"{min(both)} is closed, and has own windows")
        return self

    @field_validator("offsets")
    @classmethod
    def _check_offsets(cls, offsets: tuple[Offset, ...]) -> tuple[Offset, ...]:
        for one, other in pairwise(offsets):
            if one.since >= other.since:
                raise CalendarError(f"UTC offsets must be in order: {other.since} stands after {one.since}")
        return offsets


def intern(calendar: Calendar) -> Calendar:
    """Return the one calendar of this process that equals `calendar`, for as long as anybody holds it.

    Thousands of tickets in a worker carry equal calendars; this way they share one object and one index. It
    depends on nothing but its argument, so it is safe in code that replays, and in threads.
    """
    return _interned.setdefault(tuple(getattr(calendar, field) for field in Calendar.model_fields), calendar)


_interned: WeakValueDictionary[tuple[Any, ...], Calendar] = WeakValueDictionary()

SharedCalendar = Annotated[Calendar, AfterValidator(intern)]
"""The type of a field that holds a calendar: what is read from JSON becomes the shared object."""


def _check_windows(day: str, windows: Windows) -> None:
    for opens, closes in windows:
        if not (0 <= opens <= _MIDNIGHT and 0 <= closes <= _MIDNIGHT):
            raise CalendarError(f"{day}: {_clock(opens)}-{_clock(closes)} leaves the day (00:00-24:00)")
        if closes <= opens:
            raise CalendarError(
                f"{day}: {_clock(opens)}-{_clock(closes)} does not end after it begins; "
                "a night shift is two windows, until 24:00 and from 00:00 on the next day"
            )
    for one, other in pairwise(windows):
        if other[0] < one[1]:
            how = "overlaps" if one[0] < other[1] else "must stand before"
            raise CalendarError(f"{day}: {_clock(other[0])}-{_clock(other[1])} {how} {_clock(one[0])}-{_clock(one[1])}")


def _clock(minute: Minute) -> str:
    hours, minutes = divmod(minute, 60)
    return f"{hours:02}:{minutes:02}"


def _micros(at: datetime) -> int:
    """Return an instant as microseconds. Raises CalendarError without a UTC offset: a guess would be a wrong
    deadline."""
    try:
        return (at - _EPOCH) // _MICROSECOND
    except TypeError:
        raise CalendarError(f"{at.isoformat()} has no UTC offset") from None


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _ordered(start: datetime, end: datetime) -> tuple[int, int]:
    begin, until = _micros(start), _micros(end)
    if until < begin:
        raise CalendarError(f"{end.isoformat()} lies before {start.isoformat()}")
    return begin, until


def _merged(pauses: Pauses) -> list[Pause]:
    """Return pauses in order, those that overlap or touch as one, empty ones left out."""
    merged: list[Pause] = []
    for begin, end in sorted(_ordered(begin, end) for begin, end in pauses):
        if begin == end:
            continue
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


class _Cut(NamedTuple):
    """A piece of a stretch: of one kind, and either open throughout or closed throughout."""

    kind: StretchKind
    label: str
    begin: int
    end: int
    open: bool


def _cut(pieces: Iterable[Piece], pauses: list[Pause]) -> Iterator[_Cut]:
    """Yield the pieces, cut where pauses begin and end."""
    waiting = deque(pauses)
    for begin, end, is_open, holiday, own in pieces:
        label = holiday or own or ""
        while begin < end:
            while waiting and waiting[0][1] <= begin:
                waiting.popleft()
            pause = waiting[0] if waiting else (end, end)
            if pause[0] <= begin:
                stop = min(pause[1], end)
                yield _Cut(StretchKind.PAUSE, "", begin, stop, is_open)
            else:
                stop = min(pause[0], end)
                yield _Cut(_kind(is_open, holiday, own), label, begin, stop, is_open)
            begin = stop


def _kind(is_open: bool, holiday: str | None, own: str | None) -> StretchKind:
    """Return why a piece that no pause covers counts, or does not."""
    if is_open:
        return StretchKind.OPEN
    if holiday is not None:
        return StretchKind.HOLIDAY
    return StretchKind.HOURS if own is None else StretchKind.OWN_HOURS


def _stretch(alike: list[_Cut]) -> Stretch:
    """Return one stretch of pieces that follow each other and are alike."""
    kind, label = alike[0].kind, alike[0].label
    open_time = timedelta(microseconds=sum(cut.end - cut.begin for cut in alike if cut.open))
    paused = kind is StretchKind.PAUSE
    return Stretch(
        start=_instant(alike[0].begin),
        end=_instant(alike[-1].end),
        kind=kind,
        label=label,
        counted=timedelta(0) if paused else open_time,
        spared=open_time if paused else timedelta(0),
    )


WALL = intern(
    Calendar(
        name="24/7",
        zone="UTC",
        week=(((0, _MIDNIGHT),),) * 7,
        offsets=(Offset(since=_EPOCH, seconds=0),),
        horizon=FOREVER,
    )
)
"""C3: the wall clock. Always open, and never beyond its horizon."""

"""The arithmetic of a business calendar, in whole microseconds of absolute time.

One definition carries everything: **an instant is open if the wall clock then shows a time inside a window of
a date that is not closed**; the windows of a date are its own, if it has some, else its weekday's. Windows are thus
stretches of the wall clock, and what daylight saving does to it needs no rule of its own: an hour that is skipped does
not exist and counts nothing, an hour that is repeated counts twice where a window covers it, and a date that the zone
skipped has no open time.

From that the open stretches are worked out as sorted arrays with running totals, 128 days at a time and only
where somebody asks, and every question becomes a bisection. Instants are integers here (microseconds since
1970, UTC), local days are numbered from 1970-01-01; `domain.calendars.calendar` speaks datetimes.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

MINUTE = 60_000_000
DAY = 1440 * MINUTE
_CHUNK = 128 * DAY
_ALWAYS = -(10**20)
"""Before every instant: since when the first known UTC offset holds."""

Pause = tuple[int, int]
"""[begin, end). Lists of them are in order and do not touch."""


class CalendarError(ValueError):
    """A calendar, or a question to it, that has no meaning. The text says what is wrong."""


class BeyondHorizon(CalendarError):
    """The answer lies past the instant up to which the calendar is known."""

    def __init__(self, horizon: int) -> None:
        known = datetime.fromtimestamp(horizon // 1_000_000, UTC)
        super().__init__(f"the calendar is known until {known:%Y-%m-%dT%H:%M:%SZ}; the answer is later")


class _Chunk(NamedTuple):
    """The open stretches of 128 days."""

    starts: "array[int]"
    ends: "array[int]"
    before: "array[int]"
    """Open time of the chunk before each stretch."""
    total: int

    def worked(self, at: int) -> int:
        """Open time from the chunk's beginning until `at`."""
        i = bisect_right(self.starts, at) - 1
        return 0 if i < 0 else self.before[i] + min(at, self.ends[i]) - self.starts[i]

    def used_up(self, need: int) -> int:
        """Return the first instant at which `need` of the chunk's open time has gone; 0 < need <= total.

        Bisecting to the left makes it the end of a stretch rather than the start of the next (C4).
        """
        i = bisect_left(self.before, need) - 1
        return self.starts[i] + need - self.before[i]


class Piece(NamedTuple):
    """A stretch of one local date that is open throughout, or closed throughout."""

    begin: int
    end: int
    open: bool
    holiday: str | None
    """The label of the closed date, where it is the date and not the hours that keeps it closed."""
    own: str | None
    """The label of the date, where it has windows of its own (C15)."""


MOST_KNOWN = 4_096
"""Answers about business days that an index remembers: a ticket asks the same again with each of its events."""


class CalendarIndex:
    """Open time of one calendar. Grows as it is asked; safe to share between threads, since a chunk depends
    on nothing but its number."""

    def __init__(
        self,
        week: Sequence[Sequence[tuple[int, int]]],
        closed: Mapping[int, str],
        own: Mapping[int, tuple[str, Sequence[tuple[int, int]]]],
        offsets: Sequence[tuple[int, int]],
        horizon: int,
    ) -> None:
        """`week`: seven days from Monday, windows in microseconds of the day. `closed`: day number -> label. `own`: day
        number -> label and windows. `offsets`: (since, UTC offset), the first of which holds from the beginning."""
        self._week = week
        self._closed = closed
        self._own = own
        self._since = [_ALWAYS, *(since for since, _ in offsets[1:])]
        self._offsets = [offset for _, offset in offsets]
        self._horizon = horizon
        self._chunks: dict[int, _Chunk] = {}
        self._open_dates: dict[int, bool] = {}
        self._days_due: dict[tuple[int, int, tuple[Pause, ...]], int] = {}

    # Questions about open time.

    def is_open(self, at: int) -> bool:
        """Return whether the wall clock shows an open time at `at`."""
        if at >= self._horizon:
            raise BeyondHorizon(self._horizon)
        chunk = self._chunk(at // _CHUNK)
        i = bisect_right(chunk.starts, at) - 1
        return i >= 0 and at < chunk.ends[i]

    def first_open(self, at: int) -> int:
        """Return the first open instant at or after `at`."""
        number = at // _CHUNK
        while True:
            chunk = self._chunk(number)
            i = bisect_right(chunk.ends, at)
            if i < len(chunk.ends):
                return max(at, chunk.starts[i])
            number += 1

    def elapsed(self, begin: int, end: int, pauses: Sequence[Pause] = ()) -> int:
        """Return the open time between two instants, without the time that pauses cover."""
        if end > self._horizon:
            raise BeyondHorizon(self._horizon)
        time = self._worked(begin, end)
        for pause in pauses:
            time -= self._worked(max(pause[0], begin), min(pause[1], end))
        return time

    def due(self, start: int, need: int, pauses: Sequence[Pause] = ()) -> int:
        """Return the first instant at which `need` of open time since `start` has gone, pauses not counting
        (C6); for no need at all, the first open instant outside the pauses (C4)."""
        at = start
        for begin, end in pauses:
            if end <= at:
                continue
            begin = min(max(begin, at), self._horizon)
            if need:
                left = self._worked(at, begin)
                if need <= left:
                    break
                need -= left
            elif self.first_open(at) < begin:
                break
            at = end
        return self._advance(at, need) if need else self.first_open(at)

    def due_days(self, start: int, days: int, pauses: Sequence[Pause] = ()) -> int:
        """Return the same local time `days` open dates after the first open instant from `start`, clipped into
        the hours of that date, then moved by the open time that each pause covers before it comes (C6) (C4)."""
        key = (start, days, tuple(pauses))
        if (known := self._days_due.get(key)) is not None:
            return known
        first = self.first_open(start)
        due = self._same_time(first, days)
        for begin, end in pauses:
            if begin >= due:
                break
            cost = self.elapsed(max(begin, first), end) if end > first else 0
            if cost:
                due = self._advance(due, cost)
                # Only where nothing was left at the pause's begin: it is not due in the pause, but after it.
                due = due if due > end else self.first_open(end)
        if len(self._days_due) >= MOST_KNOWN:
            self._days_due.clear()
        self._days_due[key] = due
        return due

    # Questions about the wall clock.

    def offset_at(self, at: int) -> int:
        """Return the UTC offset at an instant. The last known offset holds after the horizon."""
        return self._offsets[bisect_right(self._since, at) - 1]

    def pieces(self, begin: int, end: int) -> Iterator[Piece]:
        """Yield the open and closed stretches that make up [begin, end), in order and without a gap."""
        if end > self._horizon:
            raise BeyondHorizon(self._horizon)
        for day, start, stop, offset in self._days(begin, end):
            holiday = self._closed.get(day) if self._windows(day) else None
            own = self._own[day][0] if day in self._own else None
            for opens, closes in self._open(day, start, stop, offset):
                if start < opens:
                    yield Piece(start, opens, False, holiday, own)
                yield Piece(opens, closes, True, None, own)
                start = closes
            if start < stop:
                yield Piece(start, stop, False, holiday, own)

    # Inside.

    def _worked(self, begin: int, end: int) -> int:
        """Open time in [begin, end), which lies before the horizon; nothing if it is empty."""
        if begin >= end:
            return 0
        first, last = begin // _CHUNK, (end - 1) // _CHUNK
        time = self._chunk(last).worked(end) - self._chunk(first).worked(begin)
        for number in range(first, last):
            time += self._chunk(number).total
        return time

    def _advance(self, at: int, need: int) -> int:
        """Return the first instant at which `need` > 0 of open time since `at` has gone."""
        if at + need > self._horizon:  # open time is never longer than time: found at once, however large
            raise BeyondHorizon(self._horizon)
        number = at // _CHUNK
        chunk = self._chunk(number)
        need += chunk.worked(at)
        while need > chunk.total:
            need -= chunk.total
            number += 1
            chunk = self._chunk(number)
        return chunk.used_up(need)

    def _same_time(self, at: int, days: int) -> int:
        """Return the wall-clock time of the open instant `at`, `days` open dates later.

        It is the first instant of that date at which the wall clock shows the time or a later one: the first
        of two where it is repeated, the end of the gap where it is skipped. If that is closed, the close
        before it; before the day's first opening, that opening.
        """
        if days == 0:
            return at
        day, time = divmod(at + self.offset_at(at), DAY)
        while days:
            day += 1
            days -= self._opens(day)
        wanted = None
        for _, begin, end, offset in self._dates(day):
            wanted = max(begin, day * DAY + time - offset)
            if wanted < end:
                break
        assert wanted is not None  # an open date has at least one stretch
        windows = [window for span in self._dates(day) for window in self._open(*span)]
        reached = [min(wanted, closes) for opens, closes in windows if opens <= wanted]
        return reached[-1] if reached else windows[0][0]

    def _opens(self, day: int) -> bool:
        """Return whether a local date, which must be known to its end, has any open time."""
        if (day + 1) * DAY - min(self._offsets) > self._horizon:
            raise BeyondHorizon(self._horizon)
        known = self._open_dates.get(day)
        if known is None:
            closed = day in self._closed or not self._windows(day)
            known = not closed and any(True for span in self._dates(day) for _ in self._open(*span))
            self._open_dates[day] = known
        return known

    def _dates(self, day: int) -> Iterator[tuple[int, int, int, int]]:
        """Return the stretches of one local date: one as a rule, none if the zone skipped it, two if it turned the
        clock back over midnight."""
        begin, end = day * DAY - max(self._offsets), (day + 1) * DAY - min(self._offsets)
        return (span for span in self._days(begin, end) if span[0] == day)

    def _days(self, begin: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield [begin, end) cut where the local date or the UTC offset changes: (day, begin, end, offset)."""
        i = bisect_right(self._since, begin) - 1
        while begin < end:
            until = min(end, self._since[i + 1]) if i + 1 < len(self._since) else end
            offset = self._offsets[i]
            while begin < until:
                day = (begin + offset) // DAY
                stop = min((day + 1) * DAY - offset, until)
                yield day, begin, stop, offset
                begin = stop
            i += 1

    def _windows(self, day: int) -> Sequence[tuple[int, int]]:
        """Return the windows of a local date: its own if it has some (C15), else those of its weekday."""
        if day in self._own:
            return self._own[day][1]
        return self._week[(day + 3) % 7]  # 1970-01-01 was a Thursday

    def _open(self, day: int, begin: int, end: int, offset: int) -> Iterator[tuple[int, int]]:
        """Yield the open stretches within a stretch of one local date under one offset."""
        if day in self._closed:
            return
        midnight = day * DAY - offset
        for opens, closes in self._windows(day):
            start, stop = max(midnight + opens, begin), min(midnight + closes, end)
            if start < stop:
                yield start, stop

    def _chunk(self, number: int) -> _Chunk:
        chunk = self._chunks.get(number)
        if chunk is None:
            chunk = self._chunks[number] = self._build(number * _CHUNK)
        return chunk

    def _build(self, begin: int) -> _Chunk:
        if begin >= self._horizon:
            raise BeyondHorizon(self._horizon)
        starts, ends, before = array("q"), array("q"), array("q")
        total = 0
        for span in self._days(begin, min(begin + _CHUNK, self._horizon)):
            for opens, closes in self._open(*span):
                if ends and ends[-1] == opens:  # windows that touch, midnights, transitions: one stretch
                    ends[-1] = closes
                else:
                    starts.append(opens)
                    ends.append(closes)
                    before.append(total)
                total += closes - opens
        return _Chunk(starts, ends, before, total)

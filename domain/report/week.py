"""F3: the report of a week: what came and went, what was kept and missed, what repeats, and whether hands are missing.

A week is an ISO week, from Monday to Sunday. What happened is counted in the week in which it happened: a breach in
that in which its due instant fell, whenever the ticket was resolved. A clock that was kept counts when it was met. What
is undone later changes the report of its week: a waived or withdrawn breach is counted as such, and a ticket that was
reopened was never resolved, so a resolution in time is no kept clock until it is resolved again. Figures stand beside
the four weeks before. Of few tickets no percentage is given, and a difference that chance makes is no trend. No person
is named or ranked.
"""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from math import sqrt
from typing import Literal

from pydantic import computed_field

from domain.core.refusal import Refused
from domain.core.values import Frozen

FEW = 5
"""Of fewer than these, no percentage is given."""
BEFORE = 4
"""The weeks before that figures stand beside."""
_NAME = re.compile(r"(\d{4})-?W(\d{1,2})")
_QUARTER = re.compile(r"(\d{4})-?Q([1-4])")
_MONTH = re.compile(r"(\d{4})-(\d{2})")


class Span(Frozen):
    """Whole days, under the name that people give them: a week, a month, a quarter."""

    name: str
    first: date
    until: date
    """The day after the last one."""

    @property
    def days(self) -> int:
        """Return how many days it has."""
        return (self.until - self.first).days


def week_named(name: str) -> Span:
    """Return the week of a name as in `2026-W47`. Raises Refused (`malformed`)."""
    if found := _NAME.fullmatch(name.strip().upper()):
        try:
            return week_of(date.fromisocalendar(int(found[1]), int(found[2]), 1))
        except ValueError:
            pass
    raise Refused("malformed", f"{name[:40]!r} is no week: write it as 2026-W47")


def week_of(day: date) -> Span:
    """Return the week that a day lies in."""
    year, week, weekday = day.isocalendar()
    monday = day - timedelta(days=weekday - 1)
    return Span(name=f"{year}-W{week:02}", first=monday, until=monday + timedelta(days=7))


def span_named(name: str) -> Span:
    """Return the time of a name as in `2026-W47`, `2026-11` or `2026-Q4`. Raises Refused (`malformed`)."""
    typed = name.strip().upper()
    if _NAME.fullmatch(typed):
        return week_named(typed)
    try:
        if found := _QUARTER.fullmatch(typed):
            year, quarter = int(found[1]), int(found[2])
            after = date(year + quarter // 4, quarter * 3 % 12 + 1, 1)
            return Span(name=f"{year}-Q{quarter}", first=date(year, quarter * 3 - 2, 1), until=after)
        if found := _MONTH.fullmatch(typed):
            first = date(int(found[1]), int(found[2]), 1)
            after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
            return Span(name=f"{first:%Y-%m}", first=first, until=after)
    except ValueError:
        pass
    raise Refused("malformed", f"{name[:40]!r} is no time: write it as 2026-Q1, 2026-11 or 2026-W47")


def weeks_up_to(week: Span, before: int) -> list[Span]:
    """Return so many weeks before a week, and itself, the earliest first."""
    return [week_of(week.first - timedelta(weeks=back)) for back in range(before, -1, -1)]


class Share(Frozen):
    """So many of so many."""

    count: int
    of: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def percent(self) -> float | None:
        """Return the share in percent; None of fewer than five."""
        return None if self.of < FEW else 100 * self.count / self.of

    def __str__(self) -> str:
        if not self.of:
            return "none"
        percent = self.percent
        return f"{self.count} of {self.of}" + ("" if percent is None else f" ({percent:.0f} %)")


Direction = Literal["more", "fewer", "as usual", "new"]


class Trend(Frozen):
    """A figure of the week, beside the same of the four weeks before."""

    name: str
    now: int
    before: tuple[int, ...]
    """Week by week, the earliest first."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def usual(self) -> float:
        """Return the mean of the weeks before."""
        return sum(self.before) / len(self.before) if self.before else 0.0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def direction(self) -> Direction:
        """Return whether it differs from the usual by more than chance makes: twice the square root of the usual."""
        usual = self.usual
        if not any(self.before) and self.now >= FEW:
            return "new"
        if abs(self.now - usual) <= 2 * sqrt(max(usual, 1.0)):
            return "as usual"
        return "more" if self.now > usual else "fewer"


def trends(found: dict[str, list[int]], most: int) -> tuple[list[Trend], int]:
    """Return the trends of names, each with its figures week by week, the last of them the week's own; those with most
    tickets first, so many at most, and how many names are left out."""
    listed = [Trend(name=name, now=weeks[-1], before=tuple(weeks[-1 - BEFORE : -1])) for name, weeks in found.items()]
    listed = [one for one in listed if one.now or any(one.before)]
    listed.sort(key=lambda one: (-one.now, -one.usual, one.name))
    return listed[:most], max(0, len(listed) - most)


def streak(weeks: Sequence[bool | None]) -> int:
    """Return for how many weeks in a row, up to the last, something was so. One of which nothing is known ends it."""
    count = 0
    for one in reversed(weeks):
        if not one:
            break
        count += 1
    return count

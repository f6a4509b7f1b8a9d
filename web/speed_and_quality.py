"""Speed against quality as plots (F3): a dot for each category, by how fast customers were answered and how it ended.

Guidance for a team, and no ranking of people: a category whose answers are faster and no better has found its pace.
"""

from collections.abc import Sequence
from math import log
from typing import NamedTuple

from domain.report.week import FEW, Share
from services.reports.figures import Quality
from services.reports.text import span

TICKS = ((60, "1 min"), (600, "10 min"), (3_600, "1 h"), (28_800, "8 h"), (86_400, "1 d"), (604_800, "7 d"))
"""Seconds where the axis of speed may begin, end, and has a line. It is logarithmic."""

LABEL_WIDTH, LABEL_HEIGHT = 0.25, 0.1
"""What a name takes, as parts of the plot."""


class Dot(NamedTuple):
    """A category."""

    name: str
    x: float
    """From 0, the fastest of the axis, to 1."""
    y: float
    """From 0, none of the tickets, to 1, all of them."""
    label: float
    """Where its name stands, as `y`: beside it, or as near as no other name is in the way."""
    said: str


class Scatter(NamedTuple):
    """A plot of all categories of which enough is known."""

    name: str
    title: str
    description: str
    dots: tuple[Dot, ...]
    ticks: tuple[tuple[float, str], ...]
    """Where a line crosses the axis of speed, from 0 to 1, and its label."""


def scatters(quality: Sequence[Quality]) -> list[Scatter]:
    """Return the plots that there is enough for: satisfaction, and tickets that came back, each against the median of
    the first response. A category counts with at least `FEW` tickets of the kind; one dot alone shows nothing."""
    found = (
        _scatter("satisfied", "Satisfied, by first response", [(one, one.satisfied) for one in quality]),
        _scatter("reopened", "Came back, by first response", [(one, one.reopened) for one in quality]),
    )
    return [one for one in found if len(one.dots) > 1]


def _scatter(name: str, title: str, shares: Sequence[tuple[Quality, Share]]) -> Scatter:
    known = [
        (one.category, one.first_response, share.count / share.of)
        for one, share in shares if one.first_response is not None and share.of >= FEW
    ]  # fmt: skip
    ticks = _ticks([seconds for _, seconds, _ in known])
    first, last = ticks[0][0], ticks[-1][0]

    def place(seconds: float) -> float:
        return log(min(max(seconds, first), last) / first) / log(last / first)

    dots: list[Dot] = []
    for category, seconds, part in sorted(known, key=lambda one: one[1]):
        label = _label(place(seconds), part, dots)
        dots.append(Dot(category, place(seconds), part, label, f"{category}: {span(seconds)}, {100 * part:.0f} %"))
    said = f"Median time to the first response, and percent of tickets. {'; '.join(one.said for one in dots)}."
    return Scatter(name, title, said, tuple(dots), tuple((place(seconds), label) for seconds, label in ticks))


def _label(x: float, y: float, others: Sequence[Dot]) -> float:
    """Return where the name of a dot stands: away from the nearer end, until it is in nobody's way."""
    near = [one.label for one in others if abs(one.x - x) < LABEL_WIDTH]
    step = LABEL_HEIGHT if y < 0.5 else -LABEL_HEIGHT
    while any(abs(one - y) < LABEL_HEIGHT for one in near):
        y += step
    return y


def _ticks(times: Sequence[float]) -> Sequence[tuple[int, str]]:
    """Return the ticks of an axis on which all times are, as far as there are ticks for them: two at least."""
    if not times:
        return TICKS
    first = max((place for place, (seconds, _) in enumerate(TICKS) if seconds <= min(times)), default=0)
    last = next((place for place, (seconds, _) in enumerate(TICKS) if seconds >= max(times)), len(TICKS) - 1)
    first = min(first, len(TICKS) - 2)
    return TICKS[first : max(last, first + 1) + 1]

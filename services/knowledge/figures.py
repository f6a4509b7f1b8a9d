"""How well the knowledge base answers: five figures with their targets, and what is behind them.

A visit counts as deflected where somebody said that an article helped, and no ticket came of it. One that ended without
a word is counted apart: silence is no success. All times are those at which visits began.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from store import help_figures as rows
from store.database import Database
from store.help_figures import Counts, InVain, OfArticle

SHOWN = 25


class Figure(NamedTuple):
    """One figure."""

    name: str
    value: float | None
    """A share from 0 to 1, seconds, or a number; None: there was nothing to count."""
    unit: str
    """`share`, `seconds` or `number`."""
    target: float | None
    kept: bool | None
    """The target is reached; None: there is none, or nothing was counted."""
    of: int
    """How many were counted."""


class Answered(NamedTuple):
    """What came of the visits of a time."""

    since: datetime
    until: datetime
    counts: Counts
    silent: int
    """Visits that ended without a word, and without a ticket."""
    figures: Sequence[Figure]
    in_vain: Sequence[InVain]
    articles: Sequence[OfArticle]


def answered(db: Database, since: datetime, until: datetime, *, limit: int = SHOWN) -> Answered:
    """Return the five figures of a time, its end not included, and what is behind them. Raises DatabaseDown."""
    with db.session() as session:
        counts = rows.counts(session, since, until)
        in_vain = rows.in_vain(session, since, until, limit=limit)
        articles = rows.of_articles(session, since, until, limit=limit)
    silent = counts.sessions - counts.solved - counts.tickets
    return Answered(since, until, counts, silent, figures_of(counts), in_vain, articles)


def figures_of(counts: Counts) -> list[Figure]:
    """Return the five figures. A share is above its target, the time below it."""
    seconds = counts.median_seconds
    return [
        _share("self-serve rate", counts.solved, counts.sessions, 0.40),
        _share("helpful", counts.helped, counts.votes, 0.80),
        _share("search success", counts.opened, counts.searches, 0.70),
        Figure("time to answer", seconds, "seconds", 180, None if seconds is None else seconds < 180, counts.solved),
        Figure("searches without a result", counts.in_vain, "number", None, None, counts.searches),
    ]


def _share(name: str, some: int, of: int, target: float) -> Figure:
    share = some / of if of else None
    return Figure(name, share, "share", target, None if share is None else share > target, of)


def lines(found: Sequence[Figure]) -> list[str]:
    """Write figures in words, a line each."""
    return [_in_words(one) for one in found]


def _in_words(one: Figure) -> str:
    target = {"share": "more than {:.0%}", "seconds": "less than {:.0f} s"}.get(one.unit, "")
    value = {"share": "{:.0%}", "seconds": "{:.0f} s", "number": "{:.0f}"}[one.unit]
    said = "nothing to count" if one.value is None else value.format(one.value)
    wanted = f" (target: {target.format(one.target)})" if one.target is not None else ""
    return f"{one.name}: {said}, of {one.of}{wanted}"

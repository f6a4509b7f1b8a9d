"""How varied the work of each person was, so that nobody has the same all week. For them and for leads: no ranking."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from domain.core.values import Frozen
from domain.report.week import Share


class Worked(NamedTuple):
    """A ticket that a person worked at."""

    person: str
    ticket: str
    area: str
    """"" where none is known."""
    category: str


class Variety(Frozen):
    """In how much that differs the tickets lay that a person worked at."""

    person: str
    tickets: int
    areas: int
    categories: int
    largest_area: str
    """"" for the tickets without one."""
    in_area: Share
    """Of the tickets, those of the largest area."""
    largest_category: str
    in_category: Share


def varieties(found: Iterable[Worked]) -> tuple[Variety, ...]:
    """Return how varied the work of each person was, in the order of their names. A ticket counts once for a person."""
    of: dict[str, set[Worked]] = defaultdict(set)
    for one in found:
        of[one.person].add(one)
    return tuple(_variety(person, of[person]) for person in sorted(of, key=lambda name: (name.casefold(), name)))


def _variety(person: str, worked: set[Worked]) -> Variety:
    areas, categories = Counter(one.area for one in worked), Counter(one.category for one in worked)
    (area, in_area), (category, in_category) = _largest(areas), _largest(categories)
    return Variety(
        person=person, tickets=len(worked), areas=len(areas), categories=len(categories),
        largest_area=area, in_area=Share(count=in_area, of=len(worked)),
        largest_category=category, in_category=Share(count=in_category, of=len(worked)),
    )  # fmt: skip


def _largest(counts: Counter[str]) -> tuple[str, int]:
    """Return the name with the most, of several the first by name."""
    return min(counts.items(), key=lambda one: (-one[1], one[0]))

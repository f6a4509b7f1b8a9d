"""What the rules make of a simple recorded incident, in plain arithmetic: a second opinion that knows nothing of ours.

For incidents that are taken once, wait on the user at most once, are handed up at most once and resolved once, of a
customer whose support hours are always. Times are seconds since the opening.
"""

from typing import Any, NamedTuple

HOUR = 3600.0


class Promised(NamedTuple):
    """The numbers of a policy that such an incident meets."""

    first_response: float = HOUR
    """The contract's."""
    resolution: float = 8 * HOUR
    target_response: dict[str, float] = {"High": HOUR, "Medium": 4 * HOUR, "Low": 8 * HOUR}
    target_resolution: dict[str, float] = {"High": 8 * HOUR, "Medium": 48 * HOUR, "Low": 120 * HOUR}
    t1_limit: float = 900.0
    warnings: tuple[int, ...] = (50, 75, 90)


class Simple(NamedTuple):
    """One incident: when it was taken, waited on the user, was handed up, and was resolved."""

    id: str
    impact: str
    taken: float
    waited: tuple[float, float] | None
    handed_up: float | None
    resolved: float

    @property
    def answered(self) -> float:
        """When the user first heard of a person: by the question, or by the resolution."""
        return self.waited[0] if self.waited else self.resolved

    def worked(self, begin: float, end: float) -> float:
        """Seconds between two instants, without the waiting."""
        if self.waited is None:
            return end - begin
        covered = min(end, self.waited[1]) - max(begin, self.waited[0])
        return end - begin - max(covered, 0.0)

    def when(self, begin: float, seconds: float) -> float:
        """When so many seconds since `begin` are used up, the waiting not counted."""
        end = begin + seconds
        if self.waited and self.waited[0] < end:
            return end + self.waited[1] - max(self.waited[0], begin)
        return end


def expected(one: Simple, promised: Promised) -> set[tuple[Any, ...]]:
    """Everything that lapses: misses, warnings and the Tier 1 limit, each with its instant."""
    found: set[tuple[Any, ...]] = set()
    response = {"contract": promised.first_response, "target": promised.target_response[one.impact]}
    found |= _clock("first_response", response, promised.warnings, one.answered, lambda seconds: seconds)
    resolution = {"contract": promised.resolution, "target": promised.target_resolution[one.impact]}
    active = one.worked(0.0, one.resolved)
    found |= _clock("resolution", resolution, promised.warnings, active, lambda seconds: one.when(0.0, seconds))
    left = one.resolved if one.handed_up is None else one.handed_up
    if one.worked(one.taken, left) > promised.t1_limit:
        found.add(("limit", round(one.when(one.taken, promised.t1_limit))))
    return found


def _clock(
    metric: str, budgets: dict[str, float], warnings: tuple[int, ...], met: float, instant: Any
) -> set[tuple[Any, ...]]:
    """Misses and warnings of one metric, on the axis of the time that counts. `met` is when it was met there."""
    found: set[tuple[Any, ...]] = set()
    since = 0.0
    for side in sorted(budgets, key=lambda side: (budgets[side], side)):
        budget = budgets[side]
        for share in warnings:
            at = budget * share / 100
            if since < at < min(met, budget):
                found.add(("warned", metric, share, round(instant(at))))
        if budget < met:
            found.add(("missed", side, metric, round(instant(budget))))
        since = budget
    return found

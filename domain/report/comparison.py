"""Two times side by side (F3): figures with what they are made of, and what the policy promised otherwise in between.

What changed between two times changed beside the policy, not because of it: the figures stand beside the changes, and
say nothing of causes.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Literal

from pydantic import computed_field

from domain.core.values import Frozen
from domain.report.week import FEW, Span, span_named

Unit = Literal["number", "percent", "seconds", "money"]

PROMISED = ("plan", "priorities", "critical", "limits", "gates", "trusted", "teams")
"""The parts of a ticket's terms that a policy decides; beside them, the hours of its week."""


class Figure(Frozen):
    """One figure of both times."""

    name: str
    unit: Unit
    before: float | None
    """None: too few, or not known."""
    after: float | None
    made_of: tuple[int, int]
    """How many tickets, ratings or contacts each is made of."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def change(self) -> float | None:
        """Return by how many percent it changed; of shares, by how many percentage points. None where that says
        nothing."""
        if self.before is None or self.after is None:
            return None
        if self.unit == "percent":
            return self.after - self.before
        return 100 * (self.after - self.before) / self.before if self.before else None


def figure(name: str, unit: Unit, before: float | None, after: float | None, made_of: tuple[int, int]) -> Figure:
    """Return a figure; of fewer than five there is none."""
    return Figure(
        name=name, unit=unit, before=before if made_of[0] >= FEW else None, after=after if made_of[1] >= FEW else None,
        made_of=made_of,
    )  # fmt: skip


class PolicyChange(Frozen):
    """One value of what a plan promises that another version of the policy has otherwise."""

    plan: str
    key: str
    """As in `plan.first_response.budget`."""
    before: str
    """Empty: there was none."""
    after: str


def changes(plan: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[PolicyChange]:
    """Return what the terms of a plan say otherwise under another version of the policy, by key."""
    old, new = dict(_leaves(_promised(before))), dict(_leaves(_promised(after)))
    return [
        PolicyChange(plan=plan, key=key, before=old.get(key, ""), after=new.get(key, ""))
        for key in sorted({*old, *new})
        if old.get(key, "") != new.get(key, "")
    ]


def _promised(terms: Mapping[str, Any]) -> dict[str, Any]:
    return {name: terms.get(name) for name in PROMISED} | {"hours": terms.get("calendar", {}).get("week")}


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield what is not a table, by its way there. A list is one value."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else str(name))
    elif value is not None and value != [] and not path.endswith(".source"):
        yield path, str(value)


def last_quarters(day: date) -> tuple[Span, Span]:
    """Return the two quarters before the one that a day lies in."""
    begins = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
    found = []
    for _ in range(2):
        inside = begins - timedelta(days=1)
        found.append(span_named(f"{inside.year}-Q{(inside.month - 1) // 3 + 1}"))
        begins = found[-1].first
    return found[1], found[0]

"""Which ticket to take next for somebody who asks for something else than what they have had: the order of the queue
(G10) decides what can wait, and only among what can wait the person's own work does."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from domain.core.enums import Priority, SlaState, WaitsOn


class Waiting(NamedTuple):
    """A ticket that waits for somebody to take it."""

    ticket: str
    area: str
    """The area of the product; "" where none is known."""
    priority: Priority
    state: SlaState
    waits_on: WaitsOn
    incident: bool
    """It is part of an incident."""


class Picked(NamedTuple):
    """The ticket to take, and why this one."""

    ticket: str
    why: str
    """In one line."""


def pick(waiting: Sequence[Waiting], had: Mapping[str, int]) -> Picked | None:
    """Return which of the waiting tickets, in the order of the queue, somebody takes who has `had` so many of each area
    lately; None where nothing waits.

    It is the one of the area that they had least. It comes before no ticket that cannot wait, and before none of a
    higher priority that precedes it in the queue. Of several the first in the queue is taken.
    """
    if not waiting:
        return None
    first = waiting[0]
    if reason := cannot_wait(first):
        return Picked(first.ticket, f"nothing else now: the next ticket cannot wait, {reason}")
    least = min(_may_come_first(waiting), key=lambda one: had.get(one.area, 0))  # of several, the first
    of_area, of_first = had.get(least.area, 0), had.get(first.area, 0)
    if least is first:
        return Picked(first.ticket, f"it is the next ticket anyway: you had {of_area} of {_named(first.area)} lately, "
                                    "and of nothing that may come before it fewer")  # fmt: skip
    return Picked(least.ticket, f"you had {of_area} of {_named(least.area)} lately, and {of_first} of "
                                f"{_named(first.area)}; what it comes before can wait")  # fmt: skip


def cannot_wait(one: Waiting) -> str:
    """Return why no other ticket may be taken before this one; "" where one may."""
    if one.incident:
        return "it is part of an incident"
    match one.state:
        case SlaState.BREACHED:
            return "its contract is breached"
        case SlaState.TARGET_MISSED:
            return "its target is missed"
        case SlaState.WARNED:
            return "it is at risk"
    return "it is past the Tier 1 limit" if one.waits_on is WaitsOn.ESCALATION else ""


def _may_come_first(waiting: Sequence[Waiting]) -> list[Waiting]:
    """Return the tickets that may be taken before all that precede them."""
    found: list[Waiting] = []
    highest = waiting[0].priority
    for one in waiting:
        if cannot_wait(one):
            break
        highest = min(highest, one.priority)
        if one.priority == highest:  # P0 is the highest, and the first by name
            found.append(one)
    return found


def _named(area: str) -> str:
    return area or "no area"

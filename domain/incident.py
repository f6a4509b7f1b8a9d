"""An incident: one problem, its page, and the tickets that are part of it. The seam that incident response fills."""

from typing import Literal

from domain.base import Frozen, Instant
from domain.words import Priority

IncidentState = Literal["declared", "acknowledged", "mitigated", "resolved", "cancelled"]

FOLLOWS: dict[str, tuple[str, ...]] = {
    "acknowledge": ("declared",),
    "mitigate": ("declared", "acknowledged"),
    "resolve": ("declared", "acknowledged", "mitigated"),
    "cancel": ("declared", "acknowledged", "mitigated"),
}
"""Command -> the states that it fits."""

LEADS_TO: dict[str, IncidentState] = {
    "acknowledge": "acknowledged",
    "mitigate": "mitigated",
    "resolve": "resolved",
    "cancel": "cancelled",
}


class Joined(Frozen):
    """A ticket that is part of the incident, by the effect that joined it."""

    ticket: str
    effect_key: str
    at: Instant


class Incident(Frozen):
    """One incident at one moment. Add-only."""

    number: int
    product_area: str = ""
    priority: Priority = Priority.P0
    state: IncidentState = "declared"
    version: int = 1
    """Counts the changes that tickets are told of: what is older is dropped there."""
    declared_at: Instant | None = None
    state_since: Instant | None = None
    tickets: tuple[Joined, ...] = ()
    paged: bool = False
    told: int = 0
    """The latest version that every ticket was told."""
    comment: str = ""

    @property
    def over(self) -> bool:
        return self.state in ("resolved", "cancelled")


def workflow_id(number: int) -> str:
    """The Temporal workflow id of an incident, which is the page's key as well."""
    return f"incident-{number}"

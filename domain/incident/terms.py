"""The terms of an incident: how it is paged, led, announced and reviewed, resolved once, when it is declared.

A change of the policy reaches incidents that are declared after it: a ladder never changes under who climbs it.
"""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from domain.calendars.calendar import WALL, BeyondHorizon, SharedCalendar
from domain.clocks.terms import Cell, Lasting
from domain.core.enums import Priority
from domain.core.values import Frozen, stored_as

CORE_VERSION = 2
"""The version of the core that new incidents begin under. 2: who acknowledges here is the commander (G6)."""

Severity = Literal[Priority.P0, Priority.P1]


class SeverityTerms(Frozen):
    """What a severity asks of its responders."""

    acknowledge: Lasting
    """How long a page waits for somebody before the next step of the ladder is paged."""
    first_update: Lasting
    """From the declaration to the first update."""
    updates: Lasting
    """From each update to the next."""
    review: Cell
    """From the resolution to the review, on the calendar of the terms."""


class LadderStep(Frozen):
    """One step of the paging ladder."""

    audience: str
    """The id of who is on it."""
    level: int = 1
    """1 is the on-call of the area; each further audience is one more."""


class IncidentTerms(Frozen):
    """All that was decided about an incident of this area when it was declared."""

    core_version: Annotated[int, stored_as("rules")] = 1
    """The version of the core under which the incident began. Its default never moves: recorded terms leave it out."""
    policy: str
    """The policy's version, for provenance."""
    severities: dict[Priority, SeverityTerms]
    """P0 and P1."""
    ladder: tuple[LadderStep, ...]
    """Whom it pages, in order, until somebody acknowledges."""
    commander: str
    """Who leads until it is handed over: the on-call of the area."""
    manager: str
    """Who is notified when nobody acts."""
    second_channel: Lasting = timedelta(seconds=45)
    """How long the pager may take for a page before the second channel does it."""
    update_grace: Lasting = timedelta(minutes=10)
    """How long after the commander was reminded of an update the manager is notified of it."""
    guess: timedelta = timedelta(minutes=5)
    """G6: how long after its declaration it ends by itself if all its tickets are lowered, and nobody has it yet."""
    effect_alert: Lasting = timedelta(minutes=10)
    """F5: how long an effect may be pending before ops are notified."""
    notices: dict[str, tuple[str, ...]] = {}
    """F5: event -> audiences."""
    calendar: SharedCalendar
    """On which the days until the review are counted."""

    def of(self, severity: Priority) -> SeverityTerms:
        return self.severities[severity]


def business_days(terms: IncidentTerms, start: datetime, days: int) -> datetime:
    """Count `days` working days on from `start`; past what the calendar knows, days are days."""
    try:
        return terms.calendar.add_days(start, days)
    except BeyondHorizon:
        return WALL.add_days(start, days)

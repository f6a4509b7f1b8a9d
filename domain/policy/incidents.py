"""The policy's table of incidents: whom they page, how soon somebody must answer, how often updates are due."""

from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, PlainValidator, model_validator

from domain.calendars.calendar import Calendar
from domain.clocks.terms import Cell
from domain.core.enums import Priority
from domain.core.values import Row
from domain.incident.terms import IncidentTerms, LadderStep, SeverityTerms
from domain.policy.grammar import Budget, BusinessDays, duration, fault, shortened
from domain.policy.grammar import budget as read_budget

Duration = Annotated[timedelta, PlainValidator(duration)]
Name = Annotated[str, Field(max_length=60, pattern=r"^[A-Za-z0-9._-]+$")]
Area = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]

ON_CALL = "on-call"
"""The word of the ladder that stands for whoever is on call for the area."""


class SeverityRow(Row):
    """What a severity asks of its responders."""

    acknowledge: Duration
    first_update: Duration
    updates: Duration
    review: Annotated[Budget, PlainValidator(read_budget)]

    def terms(self, severity: Priority) -> SeverityTerms:
        """Return the row as the core knows it."""
        source = f"incidents.severities.{severity}.review"
        if isinstance(self.review, BusinessDays):
            review = Cell(source=source, days=self.review.days)
        else:
            review = Cell(source=source, budget=self.review, clock="wall")
        return SeverityTerms(
            acknowledge=self.acknowledge, first_update=self.first_update, updates=self.updates, review=review
        )

    def at_speed(self, factor: int) -> Self:
        """Return the row `factor` times as fast; a business day is 24 hours then."""
        review = timedelta(days=self.review.days) if isinstance(self.review, BusinessDays) else self.review
        times = {name: getattr(self, name) / factor for name in ("acknowledge", "first_update", "updates")}
        return self.model_copy(update=times | {"review": review / factor})


_SEVERITIES = {
    Priority.P0: {"acknowledge": "5m", "first_update": "15m", "updates": "30m", "review": "3 business days"},
    Priority.P1: {"acknowledge": "15m", "first_update": "30m", "updates": "1h", "review": "5 business days"},
}


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _plain(area: str) -> str:
    return " ".join(area.split()).casefold()


class IncidentsRow(Row):
    """The whole table."""

    calendar: Annotated[str, Field(max_length=60)] = "business"
    """On which the days until a review are counted."""
    ladder: Annotated[tuple[Name, ...], BeforeValidator(_listed), Field(min_length=1, max_length=20)] = (
        ON_CALL, ON_CALL, "on-call-second", "manager",
    )  # fmt: skip
    """Whom a page reaches, in order, as long as nobody acknowledges."""
    on_call: dict[Area, Name] = {}
    """Product area -> who is on call for it, and leads; "*" is every other area."""
    areas: Annotated[tuple[Area, ...], BeforeValidator(_listed), Field(max_length=500)] = ()
    """The product areas that have incidents of their own; empty: any. All others share that of the service."""
    opened_by_one: Annotated[int, Field(strict=True, ge=0, le=1000)] = 3
    """How many incidents one person or source may open within `opened_within`; 0: any number."""
    opened_within: Duration = timedelta(minutes=10)
    manager: Name = "manager"
    """Who is notified of updates that are late."""
    second_channel: Duration = timedelta(seconds=45)
    update_grace: Duration = timedelta(minutes=10)
    severities: dict[Priority, SeverityRow] = {
        severity: SeverityRow.model_validate(row) for severity, row in _SEVERITIES.items()
    }

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Check that P0 and P1, and only they, have a row, and that the second channel is tried before the next
        step."""
        for severity in (Priority.P0, Priority.P1):
            if severity not in self.severities:
                raise fault(f"severities.{severity} is missing", "severities")
        for severity, row in self.severities.items():
            if severity not in _SEVERITIES:
                raise fault("only P0 and P1 become incidents", "severities", severity)
            if row.acknowledge <= self.second_channel:
                raise fault("the second channel must be tried before the next page", "severities", severity)
        levels = list(dict.fromkeys(self.ladder))
        if len(levels) > 9:
            raise fault("at most nine levels can be paged", "ladder")
        if len({_plain(area) for area in self.areas}) < len(self.areas):
            raise fault("write each area once: capitals make no difference", "areas")
        for area in self.on_call:
            if area != "*" and self.place(area) != area:
                raise fault(f"incidents.areas has no {shortened(area)}", "on_call", area)
        return self

    def place(self, area: str) -> str:
        """Return the product area whose incident a problem in `area` belongs to: as the list writes it, or "", the
        service as a whole, where the list does not have it (G6)."""
        if not self.areas:
            return area
        return next((known for known in self.areas if _plain(known) == _plain(area)), "")

    def terms(self, area: str, calendar: Calendar, **shared: Any) -> IncidentTerms:
        """Return what an incident in `area` is declared under. `shared` are the terms that come from other tables."""
        on_call = self.on_call.get(area) or self.on_call.get("*") or ON_CALL
        levels = list(dict.fromkeys(self.ladder))
        return IncidentTerms(
            severities={severity: row.terms(severity) for severity, row in self.severities.items()},
            ladder=tuple(
                LadderStep(audience=on_call if name == ON_CALL else name, level=levels.index(name) + 1)
                for name in self.ladder
            ),
            commander=on_call,
            manager=self.manager,
            second_channel=self.second_channel,
            update_grace=self.update_grace,
            calendar=calendar,
            **shared,
        )

    def at_speed(self, factor: int) -> Self:
        """Return the same table, `factor` times as fast. A real pager takes no less time for it."""
        return self.model_copy(
            update={
                "second_channel": max(self.second_channel / factor, min(self.second_channel, timedelta(seconds=3))),
                "update_grace": self.update_grace / factor,
                "opened_within": self.opened_within / factor,
                "severities": {severity: row.at_speed(factor) for severity, row in self.severities.items()},
            }
        )

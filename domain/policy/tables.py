"""The policy's tables of plans, priorities and calendars: what is promised, and which clock counts it (C1-C4)."""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, PlainValidator, StrictBool, model_validator

from domain.clocks.terms import Cell, PlanTerms, PriorityTerms
from domain.core.enums import Channel, Plan, Priority
from domain.core.values import Row
from domain.policy.grammar import Budget, BusinessDays, Hours, fault, hours, shortened
from domain.policy.grammar import budget as read_budget

Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Zone = Annotated[str, Field(min_length=1, max_length=60)]
"""An IANA name. Whether there is such a zone is known to the services, not to `domain`."""


class TargetCell(Row):
    """A time, and the clock that counts it (C3)."""

    time: Annotated[Budget, PlainValidator(read_budget)]
    clock: Literal["plan", "wall"] = "plan"

    @model_validator(mode="after")
    def _days_have_a_calendar(self) -> Self:
        if self.clock == "wall" and isinstance(self.time, BusinessDays):
            raise fault("business days are counted on the plan's calendar, never on the wall", "clock")
        return self

    def cell(self, source: str) -> Cell:
        """Return this cell as the core knows it, with the place that it came from."""
        if isinstance(self.time, BusinessDays):
            return Cell(source=source, days=self.time.days)
        return Cell(source=source, budget=self.time, clock=self.clock)

    def at_speed(self, factor: int) -> Self:
        """Return this cell `factor` times as fast; a business day is 24 hours then."""
        time = timedelta(days=self.time.days) if isinstance(self.time, BusinessDays) else self.time
        return self.model_copy(update={"time": time / factor})


class ContractCell(TargetCell):
    """A cell of a plan: it may be best effort (C13)."""

    best_effort: StrictBool = False

    def cell(self, source: str) -> Cell:
        return super().cell(source).model_copy(update={"binding": not self.best_effort})


def _cell(value: Any) -> Any:
    """Return the short forms of a cell: `"4h"`, and `"none"` for a promise of nothing."""
    if isinstance(value, str):
        return None if value == "none" else {"time": value}
    if isinstance(value, dict):
        return value
    raise fault(f'{shortened(value)} is no cell: write "4h", "5 business days" or "none", or a table with `time`')


Target = Annotated[TargetCell | None, BeforeValidator(_cell)]
Contract = Annotated[ContractCell | None, BeforeValidator(_cell)]


Uplift = Annotated[Decimal, Field(ge=0, le=1000, allow_inf_nan=False)]


def as_pair(value: Any) -> Any:
    """Return a list of the file as the core has it."""
    return tuple(value) if isinstance(value, list) else value


class PlanRow(Row):
    """What a customer bought. A promise of nothing is said, as "none": a cell that is left out is an error."""

    paid: StrictBool
    cost: Text
    calendar: Text
    """The name of the calendar that is the plan's support hours."""
    channels: tuple[Literal["email", "chat", "phone", "in-app", "slack", "teams", "kb"], ...]
    """`kb` is the knowledge base: help, but no channel that a ticket comes through."""
    csm: Literal["none", "shared", "named"]
    path: Literal["community", "standard", "priority", "engineering"]
    first_response: Contract
    critical_response: Contract
    resolution: Contract
    next_response: Contract = None
    """C14: from a customer's message to the next of a person. Off, if it is not said."""
    credit_percent: Annotated[Decimal, Field(ge=0, le=100, allow_inf_nan=False)]
    uplift: Annotated[tuple[Uplift, Uplift] | None, BeforeValidator(as_pair)] = None
    """Percent that the plan adds to what a customer pays, from and to: what its support is paid with (F3)."""

    @model_validator(mode="after")
    def _in_order(self) -> "PlanRow":
        if self.uplift and self.uplift[0] > self.uplift[1]:
            raise fault("write the lower one first", "uplift")
        return self

    def terms(self, plan: Plan, shared_csm: str | None = None) -> PlanTerms:
        """Return the row as the core knows it. `shared_csm`: who is the CSM of accounts that share one (F1)."""
        cells = ("first_response", "critical_response", "resolution", "next_response")
        return PlanTerms(
            plan=plan,
            paid=self.paid,
            path=self.path,
            channels=tuple(Channel(channel) for channel in self.channels if channel != "kb"),
            csm=self.csm,
            shared_csm=shared_csm if self.csm == "shared" else None,
            credit_percent=self.credit_percent,
            **{name: _sourced(getattr(self, name), f"plans.{plan}.{name}") for name in cells},
        )


class PriorityRow(Row):
    """What we aim for inside."""

    meaning: Text
    response: Target
    resolution: Target

    def terms(self, priority: Priority) -> PriorityTerms:
        """Return the row as the core knows it."""
        return PriorityTerms(
            response=_sourced(self.response, f"priorities.{priority}.response"),
            resolution=_sourced(self.resolution, f"priorities.{priority}.resolution"),
        )


def _sourced(cell: TargetCell | None, source: str) -> Cell | None:
    return cell.cell(source) if cell else None


class CalendarRow(Row):
    """Support hours, before they are resolved for a zone and a stretch of years."""

    zone: Zone
    holidays: Annotated[str, Field(min_length=1, max_length=20)]
    """A country as in "DE", a region of it as in "DE-BY", or "none"; the services know which there are."""
    hours: Annotated[Hours, PlainValidator(hours)]

    def takes_over_a_year(self, time: Budget) -> bool:
        """Return whether a budget outlasts 52 weeks of these hours, and so might outlast what a calendar knows."""
        if isinstance(time, BusinessDays):
            return time.days > 52 * sum(1 for windows in self.hours.week if windows)
        minutes = sum(closes - opens for windows in self.hours.week for opens, closes in windows)
        return time > 52 * timedelta(minutes=minutes)


_AnyRow = TypeVar("_AnyRow", PlanRow, PriorityRow)


def row_at_speed(row: _AnyRow, factor: int) -> _AnyRow:
    """Return the row with every cell `factor` times as fast."""
    cells = {name: cell.at_speed(factor) for name, cell in row if isinstance(cell, TargetCell)}
    return row.model_copy(update=cells)

"""The policy: everything that a company promises and decides about support, as one validated value.

It is the model of `policy.toml`, whose comments explain each table. Unlike the values that stand in histories
it is strict: an unknown key is an error, since a misspelt promise would otherwise be dropped without a word.
`Policy.terms` is what the rest of the core sees of it.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BeforeValidator,
    Field,
    PlainValidator,
    StrictBool,
    model_validator,
)

from domain.base import Row
from domain.calendar import Calendar
from domain.churn import ChurnRule
from domain.classify import Rules
from domain.incident_terms import IncidentTerms
from domain.policy_incidents import IncidentsRow
from domain.policy_jira import JiraRow
from domain.policy_routing import Routing
from domain.policy_words import (
    ALWAYS_OPEN,
    Budget,
    BusinessDays,
    Minute,
    Week,
    duration,
    fault,
    local_time,
    shown,
    week,
)
from domain.policy_words import budget as read_budget
from domain.terms import Cell, Gates, Limits, PlanTerms, PriorityTerms, Terms
from domain.words import Category, Channel, Plan, Priority

Duration = Annotated[timedelta, PlainValidator(duration)]
Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Name = Annotated[str, Field(max_length=60, pattern=r"^[A-Za-z0-9._-]+$")]
Zone = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$", max_length=60)]
"""An IANA name. Whether there is such a zone is known to the front door, not to `domain`."""

GateField = Literal[
    "steps_taken",
    "customer_impact",
    "reproduction_steps",
    "logs_or_screenshots",
    "bug_report",
    "business_impact",
    "workaround_status",
    "communication_plan",
]  # fmt: skip
Audience = Literal[
    "assignee", "lead", "duty", "ops", "csm", "customer", "commander", "communications", "manager"
]  # fmt: skip


NO_SHIFTS: Mapping[str, Calendar] = {}


class Notice(StrEnum):
    """What people are told of (F5)."""

    WARNING = "warning"
    TARGET_MISSED = "target_missed"
    CONTRACT_BREACH = "contract_breach"
    T1_NOTE = "t1_note"
    T1_LIMIT = "t1_limit"
    T1_REMINDER = "t1_reminder"
    GUESSED_P0 = "guessed_p0"
    DEBT_OVERDUE = "debt_overdue"
    EFFECT_FAILING = "effect_failing"
    INTEGRATION_FAILING = "integration_failing"
    CHURN = "churn"
    ENGINEERING_ANSWERED = "engineering_answered"
    SURVEY = "survey"
    FIX_SHIPPED = "fix_shipped"
    INCIDENT_UPDATE_DUE = "incident_update_due"
    INCIDENT_UPDATE_LATE = "incident_update_late"
    INCIDENT_UNANSWERED = "incident_unanswered"
    INCIDENT_REVIEW_DUE = "incident_review_due"


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
        """This cell as the core knows it, with the place that it came from."""
        if isinstance(self.time, BusinessDays):
            return Cell(source=source, days=self.time.days)
        return Cell(source=source, budget=self.time, clock=self.clock)

    def at_speed(self, factor: int) -> Self:
        """This cell `factor` times as fast; a business day is 24 hours then."""
        time = timedelta(days=self.time.days) if isinstance(self.time, BusinessDays) else self.time
        return self.model_copy(update={"time": time / factor})


class ContractCell(TargetCell):
    """A cell of a plan: it may be best effort (C13)."""

    best_effort: StrictBool = False

    def cell(self, source: str) -> Cell:
        return super().cell(source).model_copy(update={"binding": not self.best_effort})


def _cell(value: Any) -> Any:
    """The short forms of a cell: `"4h"`, and `"none"` for a promise of nothing."""
    if isinstance(value, str):
        return None if value == "none" else {"time": value}
    if isinstance(value, dict):
        return value
    raise fault(f'{shown(value)} is no cell: write "4h", "5 business days" or "none", or a table with `time`')


Target = Annotated[TargetCell | None, BeforeValidator(_cell)]
Contract = Annotated[ContractCell | None, BeforeValidator(_cell)]


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

    def terms(self, plan: Plan) -> PlanTerms:
        """The row as the core knows it."""
        cells = ("first_response", "critical_response", "resolution", "next_response")
        return PlanTerms(
            plan=plan,
            paid=self.paid,
            path=self.path,
            channels=tuple(Channel(channel) for channel in self.channels if channel != "kb"),
            csm=self.csm,
            credit_percent=self.credit_percent,
            **{name: _sourced(getattr(self, name), f"plans.{plan}.{name}") for name in cells},
        )


class PriorityRow(Row):
    """What we aim for inside."""

    meaning: Text
    response: Target
    resolution: Target

    def terms(self, priority: Priority) -> PriorityTerms:
        """The row as the core knows it."""
        return PriorityTerms(
            response=_sourced(self.response, f"priorities.{priority}.response"),
            resolution=_sourced(self.resolution, f"priorities.{priority}.resolution"),
        )


def _sourced(cell: TargetCell | None, source: str) -> Cell | None:
    return cell.cell(source) if cell else None


class CalendarRow(Row):
    """Support hours, before they are resolved for a zone and a stretch of years."""

    zone: Zone
    holidays: Annotated[str, Field(pattern=r"^(none|[A-Z]{2}(-[A-Z0-9]{1,5})?)$")]
    """A country as in "DE", a region of it as in "DE-BY", or "none"."""
    hours: Annotated[Week, PlainValidator(week)]

    def takes_over_a_year(self, time: Budget) -> bool:
        """Whether a budget outlasts 52 weeks of these hours, and so might outlast what a calendar knows."""
        if isinstance(time, BusinessDays):
            return time.days > 52 * sum(1 for windows in self.hours if windows)
        minutes = sum(closes - opens for windows in self.hours for opens, closes in windows)
        return time > 52 * timedelta(minutes=minutes)


class LimitsRow(Row):
    """Times that are neither contract nor target. The names are those of `domain.terms.Limits`."""

    t1_limit: Duration
    t1_mode: Literal["enforce", "observe"]
    t1_notes: tuple[Duration, ...]
    t1_grace: Duration
    debt: Duration
    guess: Duration
    quiet: Duration
    effect_alert: Duration
    evidence: Duration
    renewal: Duration
    warnings: Annotated[tuple[Annotated[int, Field(strict=True, ge=1, le=99)], ...], Field(max_length=10)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if any(note >= self.t1_limit for note in self.t1_notes):
            raise fault("a note comes before the T1 limit, not at it or after it", "t1_notes")
        for name in ("t1_notes", "warnings"):
            steps = getattr(self, name)
            if list(steps) != sorted(set(steps)):
                raise fault("write them in ascending order, each once", name)
        return self

    def at_speed(self, factor: int) -> Self:
        """The same limits, `factor` times as fast."""
        return self.model_copy(update={name: _faster(value, factor) for name, value in self})


def _faster(value: Any, factor: int) -> Any:
    """A time, or several, divided; anything else as it is."""
    if isinstance(value, tuple):
        return tuple(_faster(item, factor) for item in value)
    return value / factor if isinstance(value, timedelta) else value


class GatesRow(Row):
    """What a hand-off must bring (G3, G4)."""

    t2: tuple[GateField, ...]
    t3: tuple[GateField, ...]
    identity_check: tuple[Category, ...]
    identity_tags: tuple[Text, ...] = ()
    not_applicable: dict[GateField, tuple[Category, ...]]

    @model_validator(mode="after")
    def _each_field_once(self) -> Self:
        seen: set[str] = set()
        for gate, fields in (("t2", self.t2), ("t3", self.t3)):
            for field in fields:
                if field in seen:
                    raise fault(f"{field} is asked for twice", gate)
                seen.add(field)
        return self


class QuietHours(Row):
    """When notices that can wait do wait, in local time. `from` and `to` may span midnight."""

    since: Annotated[Minute, PlainValidator(local_time)] = Field(alias="from")
    until: Annotated[Minute, PlainValidator(local_time)] = Field(alias="to")
    zone: Zone


class NoticeRow(Row):
    """Who is told, through what, and whether it waits for the end of the quiet hours."""

    to: dict[Audience, Literal["chat", "email"]]
    quiet_hours: Literal["send", "hold"]


class Churn(Row):
    """When customer success hears of an account (F1)."""

    tickets: Annotated[int, Field(strict=True, ge=1, le=1000)]
    priorities: tuple[Priority, ...]
    within: Duration
    arr_over: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]


class Policy(Row):
    """The whole file."""

    version: Name
    critical: tuple[Priority, ...]
    trusted: tuple[Text, ...]
    plans: dict[Plan, PlanRow]
    priorities: dict[Priority, PriorityRow]
    calendars: dict[Name, CalendarRow]
    limits: LimitsRow
    gates: GatesRow
    quiet_hours: QuietHours | None = None
    notices: dict[Notice, NoticeRow]
    churn: Churn
    classification: Rules = Rules()
    routing: Routing = Routing()
    jira: JiraRow = JiraRow()
    incidents: IncidentsRow = IncidentsRow()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Every plan, priority and notice has its row, and every plan a calendar that exists."""
        for table, rows, words in (
            ("plans", self.plans, Plan),
            ("priorities", self.priorities, Priority),
            ("notices", self.notices, Notice),
        ):
            for word in words:
                if word not in rows:
                    raise fault(f"{table}.{word} is missing", table)
        for plan, row in self.plans.items():
            if row.calendar not in self.calendars:
                reason = f"there is no calendar {shown(row.calendar)}, only {', '.join(self.calendars) or 'none'}"
                raise fault(reason, "plans", plan, "calendar")
            self._check_cells(plan, row)
        if self.incidents.calendar not in self.calendars:
            raise fault(f"there is no calendar {shown(self.incidents.calendar)}", "incidents", "calendar")
        for name, team in self.routing.teams.items():
            if team.shift and team.shift not in self.calendars:
                raise fault(f"there is no calendar {shown(team.shift)}", "routing", "teams", name, "shift")
        return self

    def _check_cells(self, plan: Plan, row: PlanRow) -> None:
        """A cell that falls due in another decade is a slip, and a calendar is known for three years only."""
        cells: list[tuple[tuple[str, str], Row]] = [(("plans", plan), row)]
        if row.paid:
            cells += [(("priorities", priority), target) for priority, target in self.priorities.items()]
        for path, table in cells:
            for name, cell in table:
                if (
                    isinstance(cell, TargetCell)
                    and cell.clock == "plan"
                    and self.calendars[row.calendar].takes_over_a_year(cell.time)
                ):
                    reason = f"takes over a year of {row.calendar} hours, which are those of plans.{plan}"
                    raise fault(reason, *path, name)

    def __hash__(self) -> int:
        """Cheap, so that a policy can be part of a cache key; equality compares everything."""
        return hash(self.version)

    def terms(self, plan: Plan, calendar: Calendar, shifts: Mapping[str, Calendar] = NO_SHIFTS) -> Terms:
        """What a ticket of `plan` is promised, its support hours being `calendar`, and those of teams `shifts`.

        C13: a plan that nobody pays for has no target clocks.
        """
        paid = self.plans[plan].paid
        return Terms(
            policy=self.version,
            plan=self.plans[plan].terms(plan),
            priorities={
                priority: row.terms(priority) if paid else PriorityTerms() for priority, row in self.priorities.items()
            },
            critical=self.critical,
            limits=Limits(**dict(self.limits)),
            gates=Gates(**dict(self.gates)),
            calendar=calendar,
            trusted=self.trusted,
            notices={notice.value: tuple(row.to) for notice, row in self.notices.items()},
            resolutions=self.jira.terms(),
            teams=self.routing.terms(),
            shifts=dict(shifts),
        )

    def incident_terms(self, area: str, calendar: Calendar) -> IncidentTerms:
        """What an incident in `area` is declared under, the days until its review counted on `calendar`."""
        return self.incidents.terms(
            area,
            calendar,
            policy=self.version,
            guess=self.limits.guess,
            effect_alert=self.limits.effect_alert,
            notices={notice.value: tuple(row.to) for notice, row in self.notices.items()},
        )

    def churn_rule(self) -> ChurnRule:
        """F1, as the journal applies it."""
        return ChurnRule.model_validate(self.churn.model_dump())

    def at_speed(self, factor: int) -> Self:
        """The policy of demonstrations: `factor` times as fast, open around the clock, without quiet hours.

        At 60, a minute takes a second.
        """
        faster: dict[str, Any] = {
            "version": f"{self.version}-x{factor}",
            "plans": {plan: _row_at_speed(row, factor) for plan, row in self.plans.items()},
            "priorities": {priority: _row_at_speed(row, factor) for priority, row in self.priorities.items()},
            "calendars": {
                name: row.model_copy(update={"holidays": "none", "hours": ALWAYS_OPEN})
                for name, row in self.calendars.items()
            },
            "limits": self.limits.at_speed(factor),
            "incidents": self.incidents.at_speed(factor),
            "quiet_hours": None,
            "churn": self.churn.model_copy(update={"within": self.churn.within / factor}),
        }
        return self.model_copy(update=faster)


_AnyRow = TypeVar("_AnyRow", PlanRow, PriorityRow)


def _row_at_speed(row: _AnyRow, factor: int) -> _AnyRow:
    cells = {name: cell.at_speed(factor) for name, cell in row if isinstance(cell, TargetCell)}
    return row.model_copy(update=cells)

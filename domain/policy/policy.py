"""The policy: everything that a company promises and decides about support, as one validated value.

It is the model of `policy.toml`, whose comments explain each table. Unlike the values that stand in histories
it is strict: an unknown key is an error, since a misspelt promise would otherwise be dropped without a word.
`Policy.terms` is what the rest of the core sees of it.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    StrictBool,
    field_validator,
    model_validator,
)

from domain.calendars.calendar import Calendar
from domain.clocks.terms import CORE_VERSION, Gates, Limits, PriorityTerms, Terms
from domain.core.enums import Category, Plan, Priority
from domain.core.values import Row
from domain.incident.terms import CORE_VERSION as INCIDENT_CORE_VERSION
from domain.incident.terms import IncidentTerms
from domain.policy.customer_success import CustomerSuccessRow
from domain.policy.digest import DigestRow
from domain.policy.grammar import ALWAYS_OPEN, Minute, duration, fault, local_time, shortened
from domain.policy.incidents import IncidentsRow
from domain.policy.money import CreditsRow, RefundsRow
from domain.policy.reports import ReportRow
from domain.policy.routing import Routing
from domain.policy.tables import CalendarRow, PlanRow, PriorityRow, TargetCell, Text, Zone, row_at_speed
from domain.policy.tracker import TrackerRow
from domain.report.targets import TARGETS
from domain.ticket.rules.automatic import AutomaticTable
from domain.ticket.rules.churn import ChurnRule
from domain.ticket.rules.classification import Rules
from domain.ticket.rules.identity import KNOWN_TO_ANYONE

Duration = Annotated[timedelta, PlainValidator(duration)]
Name = Annotated[str, Field(max_length=60, pattern=r"^[A-Za-z0-9._-]+$")]
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
    "assignee", "lead", "duty", "ops", "csm", "customer", "commander", "communications", "manager", "asked", "asker",
    "promiser",
]  # fmt: skip


NO_SHIFTS: Mapping[str, Calendar] = {}


class Notice(StrEnum):
    """What people are notified of (F5)."""

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
    QUESTION_ASKED = "question_asked"
    QUESTION_ANSWERED = "question_answered"
    QUESTION_OVERDUE = "question_overdue"
    PROMISE_DUE = "promise_due"
    PROMISE_BROKEN = "promise_broken"
    PROMISE_AT_RISK = "promise_at_risk"
    ATTENTION_ASKED = "attention_asked"
    ATTENTION_OVERDUE = "attention_overdue"
    SURVEY_REMINDER = "survey_reminder"
    WEEK_REPORT = "week_report"
    LOW_SCORE = "low_score"
    REFUND_REQUESTED = "refund_requested"
    REFUND_DECIDED = "refund_decided"
    CANCELLATION = "cancellation"


class LimitsRow(Row):
    """Times that are neither contract nor target. The names are those of `domain.clocks.terms.Limits`."""

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
    consult: Duration = Limits().consult
    promise_reminder: Duration = Limits().promise_reminder
    attention: Duration = Limits().attention
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
        """Return the same limits, `factor` times as fast."""
        return self.model_copy(update={name: _faster(value, factor) for name, value in self})


def _faster(value: Any, factor: int) -> Any:
    """Return a time, or several, divided; anything else as it is."""
    if isinstance(value, tuple):
        return tuple(_faster(item, factor) for item in value)
    return value / factor if isinstance(value, timedelta) else value


class IdentityRow(Row):
    """How the customer's identity is checked (G19)."""

    needed: Annotated[int, Field(strict=True, ge=0, le=100)] = 0
    ways: dict[Name, Annotated[int, Field(strict=True, ge=1, le=100)]] = {}

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if known := sorted(set(self.ways) & set(KNOWN_TO_ANYONE)):
            raise fault(f"{known[0]} is what anyone can know: it proves nothing (G19)", "ways", known[0])
        if self.needed > sum(self.ways.values()):
            raise fault(f"all ways together have {sum(self.ways.values())} points", "needed")
        return self


class WorkRow(Row):
    """How much a person may hold (G17)."""

    active_tickets: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 0
    """0: any number."""


LATEST_REMINDER = timedelta(days=6)
"""The reminder comes before this: it is looked for while the survey's own notice is on record, 7 days at least."""


class SurveyRow(Row):
    """The survey after closing (F7)."""

    link_valid: Duration = timedelta(days=30)
    """For how long after the closing its link works."""
    remind_after: Duration | None = timedelta(days=3)
    """How long after the closing the customer is reminded, once; `"never"`: they are not."""
    effort_question: StrictBool = False
    """Whether the page asks how easy it was, too."""

    @field_validator("remind_after", mode="before")
    @classmethod
    def _or_never(cls, value: Any) -> Any:
        return None if value == "never" else value

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.remind_after is not None and not self.remind_after < min(self.link_valid, LATEST_REMINDER):
            days = LATEST_REMINDER.days
            raise fault(f"the reminder comes within {days} days, and before the link ends", "remind_after")
        return self

    def at_speed(self, factor: int) -> Self:
        """Return the same times, `factor` times as fast; a link stays as long as it is, for whoever looks at it."""
        after = self.remind_after and self.remind_after / factor
        return self.model_copy(update={"remind_after": after})


class GatesRow(Row):
    """What a hand-off must bring (G3, G4)."""

    t2: tuple[GateField, ...]
    t3: tuple[GateField, ...]
    identity_check: tuple[Category, ...]
    identity_tags: tuple[Text, ...] = ()
    not_applicable: dict[GateField, tuple[Category, ...]]
    identity: IdentityRow = IdentityRow()

    def terms(self) -> Gates:
        """Return what a ticket is promised of the gates."""
        gates = {name: value for name, value in self if name != "identity"}
        ways = self.identity.ways if self.identity.needed else {}
        return Gates(**gates, identity_needed=self.identity.needed, identity_points=ways)

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


Channel = Literal["chat", "email", "webhook"]


def _each_once(value: Any) -> Any:
    """Read one channel, or a list of several."""
    if not isinstance(value, list | tuple):
        return (value,)
    if len(set(map(str, value))) < len(value) or not value:
        raise fault("name each channel once, one at least")
    return value


class NoticeRow(Row):
    """Who is notified, through what, and whether it waits for the end of the quiet hours."""

    to: dict[Audience, Annotated[tuple[Channel, ...], BeforeValidator(_each_once)]]
    """Whom, each through one channel or several."""
    quiet_hours: Literal["send", "hold"]


def _to(quiet_hours: Literal["send", "hold"], *audiences: Audience, through: Channel = "chat") -> NoticeRow:
    return NoticeRow(to=dict.fromkeys(audiences, (through,)), quiet_hours=quiet_hours)


ADDED_LATER: Mapping[Notice, NoticeRow] = {
    Notice.WEEK_REPORT: _to("hold", "lead"),
    Notice.QUESTION_ASKED: _to("send", "asked"),
    Notice.QUESTION_ANSWERED: _to("send", "asker"),
    Notice.QUESTION_OVERDUE: _to("send", "asked", "lead"),
    Notice.PROMISE_DUE: _to("send", "promiser"),
    Notice.PROMISE_BROKEN: _to("send", "promiser", "lead"),
    Notice.PROMISE_AT_RISK: _to("send", "promiser", "lead"),
    Notice.ATTENTION_ASKED: _to("send", "lead"),
    Notice.ATTENTION_OVERDUE: _to("send", "lead", "manager"),
    Notice.SURVEY_REMINDER: _to("hold", "customer", through="email"),
    Notice.LOW_SCORE: _to("send", "lead"),
    Notice.REFUND_REQUESTED: _to("send", "lead"),
    Notice.REFUND_DECIDED: _to("send", "asker"),
    Notice.CANCELLATION: NoticeRow(to={"csm": ("email",), "lead": ("chat",)}, quiet_hours="send"),
}
"""The rows of notices that an older policy file does not have."""


class Churn(Row):
    """When customer success is alerted to an account (F1)."""

    tickets: Annotated[int, Field(strict=True, ge=1, le=1000)]
    priorities: tuple[Priority, ...]
    within: Duration
    arr_over: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
    cancellations: StrictBool = True
    """Whether one cancellation is enough for an alert (F11)."""


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
    digest: DigestRow | None = None
    work: WorkRow = WorkRow()
    survey: SurveyRow = SurveyRow()
    credits: CreditsRow = CreditsRow()
    refunds: RefundsRow = RefundsRow()
    notices: Annotated[dict[Notice, NoticeRow], AfterValidator(lambda rows: {**ADDED_LATER, **rows})]
    churn: Churn
    classification: Rules = Rules()
    automatic: AutomaticTable = AutomaticTable()
    routing: Routing = Routing()
    jira: TrackerRow = TrackerRow()
    incidents: IncidentsRow = IncidentsRow()
    report: ReportRow = ReportRow()
    targets: dict[str, Annotated[int, Field(strict=True, ge=0, le=100)]] = {}
    """F3: name -> percent that is aimed at."""
    customer_success: CustomerSuccessRow = CustomerSuccessRow()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Check that each plan, priority and notice has its row, and each plan a calendar that exists."""
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
                reason = f"there is no calendar {shortened(row.calendar)}, only {', '.join(self.calendars) or 'none'}"
                raise fault(reason, "plans", plan, "calendar")
            self._check_cells(plan, row)
        if self.incidents.calendar not in self.calendars:
            raise fault(f"there is no calendar {shortened(self.incidents.calendar)}", "incidents", "calendar")
        for name in self.targets:
            if name not in TARGETS:
                raise fault(f"there is no such target: write one of {', '.join(TARGETS)}", "targets", name)
        for name, team in self.routing.teams.items():
            if team.shift and team.shift not in self.calendars:
                raise fault(f"there is no calendar {shortened(team.shift)}", "routing", "teams", name, "shift")
        if self.digest is not None:
            told = {notice.value: tuple(row.to) for notice, row in self.notices.items()}
            urgent = [notice.value for notice, row in self.notices.items() if row.quiet_hours == "send"]
            self.digest.check(told, urgent)
        return self

    def _check_cells(self, plan: Plan, row: PlanRow) -> None:
        """Check that no cell falls due in another decade, which is a slip: a calendar is known for three years only."""
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
        """Return a cheap hash, so that a policy can be part of a cache key; equality compares everything."""
        return hash(self.version)

    def terms(self, plan: Plan, calendar: Calendar, shifts: Mapping[str, Calendar] = NO_SHIFTS) -> Terms:
        """Return what a ticket of `plan` is promised, its support hours being `calendar`, and those of teams `shifts`.

        C13: a plan that nobody pays for has no target clocks.
        """
        paid = self.plans[plan].paid
        return Terms(
            core_version=CORE_VERSION,
            policy=self.version,
            plan=self.plans[plan].terms(plan, self.customer_success.shared),
            priorities={
                priority: row.terms(priority) if paid else PriorityTerms() for priority, row in self.priorities.items()
            },
            critical=self.critical,
            limits=Limits(**dict(self.limits)),
            gates=self.gates.terms(),
            calendar=calendar,
            trusted=self.trusted,
            notices={
                notice.value: tuple(row.to) for notice, row in self.notices.items() if notice is not Notice.WEEK_REPORT
            },
            resolutions=self.jira.terms(),
            teams=self.routing.terms(),
            shifts=dict(shifts),
            refunds=self.refunds.terms(),
            targets=self.targets,
        )

    def incident_terms(self, area: str, calendar: Calendar) -> IncidentTerms:
        """Return what an incident in `area` is declared under, the days until its review counted on `calendar`."""
        return self.incidents.terms(
            area,
            calendar,
            core_version=INCIDENT_CORE_VERSION,
            policy=self.version,
            guess=self.limits.guess,
            effect_alert=self.limits.effect_alert,
            notices={notice.value: tuple(row.to) for notice, row in self.notices.items()},
        )

    def channels_of(self, name: str, audience: str) -> tuple[Channel, ...]:
        """Return the channels of a notice to an audience (F5); the chat, where the table says nothing of it."""
        row = next((row for notice, row in self.notices.items() if notice == name), None)
        found = next((channels for to, channels in row.to.items() if to == audience), ()) if row else ()
        return found or ("chat",)

    def shared_plans(self) -> tuple[Plan, ...]:
        """Return the plans whose accounts share a CSM, where the policy says who that is (F1)."""
        if self.customer_success.shared is None:
            return ()
        return tuple(plan for plan, row in self.plans.items() if row.csm == "shared")

    def churn_rule(self) -> ChurnRule:
        """Return the rule of churn (F1), as the journal applies it."""
        return ChurnRule.model_validate(self.churn.model_dump())

    def at_speed(self, factor: int) -> Self:
        """Return the policy of demonstrations: `factor` times as fast, always open, without quiet hours and digest.

        At 60, a minute takes a second.
        """
        faster: dict[str, Any] = {
            "version": f"{self.version}-x{factor}",
            "plans": {plan: row_at_speed(row, factor) for plan, row in self.plans.items()},
            "priorities": {priority: row_at_speed(row, factor) for priority, row in self.priorities.items()},
            "calendars": {
                name: row.model_copy(update={"holidays": "none", "hours": ALWAYS_OPEN})
                for name, row in self.calendars.items()
            },
            "limits": self.limits.at_speed(factor),
            "survey": self.survey.at_speed(factor),
            "incidents": self.incidents.at_speed(factor),
            "quiet_hours": None,
            "digest": None,
            "churn": self.churn.model_copy(update={"within": self.churn.within / factor}),
        }
        return self.model_copy(update=faster)

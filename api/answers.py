"""What is read of a ticket, as the API describes it (OpenAPI), so that a generated client has every field.

The objects are made by `services.reading`; nothing is made or checked from these models when a request is answered.
`tests/unit/api/test_answers.py` compares both. A key may be added, never renamed.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.problems import ALWAYS, documented
from domain.core.enums import (
    Category,
    Channel,
    Health,
    Metric,
    Plan,
    Priority,
    Resolution,
    Role,
    Side,
    Status,
    Tier,
    WaitsOn,
)
from domain.core.values import Instant
from domain.ticket.state import IncidentLink, Reason, Route
from store.kept_texts import KeptText
from store.refunds import RefundState

Key = Annotated[str, Field(description="As in Jira.")]


class Answered(BaseModel):
    """Part of an answer. Every key is always there; more keys may come with a later version."""

    model_config = ConfigDict(frozen=True)


class TicketAccount(Answered):
    """The account as it counts for the ticket."""

    id: str
    plan: Plan
    health: Health
    arr: Annotated[str | None, Field(description="Annual recurring revenue, a decimal number; null is unknown.")]
    fee: Annotated[str | None, Field(description="A month's fee, a decimal number; null is unknown.")]
    csm: str | None
    zone: str | None
    region: str | None


class PendingActivity(Answered):
    """A call to another system that has failed and is tried again."""

    activity: str
    attempt: int
    next_try: Annotated[Instant | None, Field(description="null: an attempt is under way.")]
    reason: str


class Sla(Answered):
    """Where the ticket stands as a whole."""

    state: str
    deadline: Instant | None
    policy: str


class Missed(Answered):
    """A due instant that passed."""

    due: Instant
    detected: Instant
    status: str


class ClockState(Answered):
    """One clock (C1)."""

    state: str
    due: Instant | None
    met_at: Instant | None
    missed: Missed | None
    cell: Annotated[str, Field(description="The cell of the policy that it comes from.")]
    counted: str
    binding: bool
    effective: bool


class Tier1Limit(Answered):
    """The stay in Tier 1 (G1)."""

    stay: int
    since: Instant
    due: Instant | None
    reached: Instant | None
    over: str | None
    counted: str


class Waits(Answered):
    """What the ticket waits on."""

    on: WaitsOn
    since: Instant | None


class MissingFields(Answered):
    """What the next tier needs and does not have (G3, G4)."""

    to: Tier
    names: list[str]


class PackageField(Answered):
    """A field of a hand-off package."""

    text: str
    absent: str | None


class Owed(Answered):
    """The packages that a P0 owes (G6)."""

    due: Instant
    paid: Instant | None
    overdue: bool
    names: list[str]


class NextDeadline(Answered):
    """What happens next by itself."""

    at: Instant
    what: str


class IssueOfTicket(Answered):
    """The issue in Jira, and what engineering says of it. More keys say how the issue stands there."""

    model_config = ConfigDict(frozen=True, extra="allow")
    key: Key
    url: str
    kind: Literal["bug", "request"]
    category: str
    status: str
    assignee_name: str
    said: Annotated[str, Field(description="The latest comment for support.")]
    proposed: Annotated[Resolution | None, Field(description="How the end of the issue would resolve the ticket.")]


class Links(Answered):
    """What the ticket is linked to."""

    jira: IssueOfTicket | None
    incident: IncidentLink | None
    parent: str | None
    workflow: str


class SimilarIssue(Answered):
    """An open issue that may carry the same problem (F4)."""

    key: Key
    url: str
    tickets: int


class PendingEffect(Answered):
    """Something that the outside world must do, and has not yet."""

    key: str
    seq: int
    since: Instant
    alerted: bool
    failed: Annotated[bool, Field(description="Refused for good: a person must act, then `retry`.")]
    kind: str
    issue: str


class RefusedDelivery(Answered):
    """A delivery about the ticket that was refused after its sender was told that it is taken."""

    at: Instant
    source: str
    code: str
    missing: list[str]


class ResolutionOfTicket(Answered):
    """How the ticket ended."""

    type: Resolution
    resolved_at: Instant | None
    closed_at: Instant | None
    kb_article: str | None
    csat: int | None
    effort: int | None
    """How easy the customer found it, 1 to 7 (F7)."""


class PromiseOfTicket(Answered):
    """What is promised to the customer, and not kept yet (G16)."""

    number: int
    by: str
    since: Instant
    due: Instant
    kind: Literal["promise", "follow_up", "snooze"]
    reminded: bool
    broken: bool
    fix: Annotated[bool, Field(description="It promises the fix of the ticket's issue.")]
    at_risk: Annotated[bool, Field(description="Engineering plans the fix for later, or no longer for a date (F10).")]


class RefundOfTicket(Answered):
    """Money that the customer is to get back (F6)."""

    number: int
    state: RefundState
    amount: Annotated[str, Field(description="With all digits of its currency.")]
    currency: str
    reason: str
    requested_by: str
    requested_at: Instant
    decided_by: str | None
    decided_at: Instant | None
    billing_id: Annotated[str | None, Field(description="Under which billing gets it, once it is approved.")]
    applied_by: str | None
    applied_at: Instant | None


class TicketAnswer(Answered):
    """A ticket, without its timeline."""

    id: str
    live: Annotated[bool, Field(description="Its workflow runs.")]
    note: Annotated[str, Field(description="What hinders it, for a person.")]
    workflow_status: str
    pending_activities: list[PendingActivity]
    seq: Annotated[int, Field(description="The number of its newest event.")]
    as_of: Instant
    opened_at: Instant
    source: str
    external_id: str
    channel: Channel
    account: TicketAccount
    category: Category
    priority: Priority
    priority_guessed: bool
    product_area: str
    language: str | None
    tags: list[str]
    reasons: list[Reason]
    account_unknown: bool
    taken_as_unknown: list[str]
    automatic: str | None
    channel_outside_plan: bool
    route: Route | None
    subject: str
    description: str
    quoted: str
    status: Status
    tier: Tier
    assignee: str | None
    sla: Sla
    clocks: Annotated[dict[Metric, dict[Side, ClockState | None]], Field(description="By metric, then by side.")]
    tier_1_limit: Tier1Limit | None
    waits: Waits
    missing: MissingFields | None
    package: dict[str, PackageField]
    owed: Owed | None
    next: NextDeadline | None
    allowed_commands: Annotated[list[str], Field(description="The commands that are allowed now.")]
    would_fit: Annotated[list[str], Field(deprecated=True, description="The old name of `allowed_commands`.")]
    links: Links
    similar: list[SimilarIssue]
    refused_deliveries: list[RefusedDelivery]
    pending_effects: Annotated[list[PendingEffect], Field(description="The effects that are not done yet.")]
    outstanding: Annotated[list[PendingEffect], Field(deprecated=True, description="Now `pending_effects`.")]
    promises: list[PromiseOfTicket]
    bounces: int
    reopenings: int
    resolution: ResolutionOfTicket | None
    refunds: list[RefundOfTicket]


class TimelineEntry(Answered):
    """One event, or a delivery that was refused after it was taken (`delivery_refused`). Due, occurred, received and
    detected are kept apart."""

    seq: Annotated[int, Field(description="Of the event; of a refused delivery, that of the event before it.")]
    type: str
    summary: Annotated[str, Field(description="What happened, in words.")]
    told: Annotated[str, Field(deprecated=True, description="The old name of `summary`.")]
    at: Instant
    due: Instant | None
    occurred: Instant | None
    received: Instant | None
    detected: Instant
    by: str
    role: Role
    source: str | None
    command_id: str | None
    texts: dict[str, str]
    erased: Annotated[list[str], Field(description="The texts that were erased since.")]


class TicketTimeline(Answered):
    """Part of what happened to a ticket."""

    entries: list[TimelineEntry]
    next: Annotated[int | None, Field(description="What to give as `after` for the next page; null: this is the last.")]


class SupportHours(Answered):
    """Where the ticket's support hours come from."""

    calendar: str
    zone: str
    holidays: str | None
    unclear: str | None
    time_zones: str | None
    known_until: Instant | None


class ClockLine(Answered):
    """One period of a clock."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)
    start: Annotated[Instant, Field(alias="from")]
    to: Instant | None
    kind: str
    label: str
    counted_s: float
    total_s: float


class ExplainedClock(Answered):
    """One clock, period by period. Spans are seconds."""

    side: Side
    metric: Metric
    effective: bool
    cell: str
    ticks: str
    policy: str
    start: Instant
    days: int | None
    due: Instant | None
    floor: Instant | None
    met_at: Instant | None
    breach: str | None
    budget_s: float
    used_s: float
    lines: list[ClockLine]


class Clocks(Answered):
    """Why a ticket is due when it is."""

    ticket: str
    support_hours: SupportHours
    clocks: list[ExplainedClock]


class ForeseenNotice(Answered):
    """A notice that would be sent."""

    notice: str
    audience: str
    recipient: str | None


class CreditAtMost(Answered):
    """What a breach of the contract is owed at most (F2)."""

    percent: Annotated[str, Field(description="Of a month's fee; a decimal number.")]
    amount: Annotated[str | None, Field(description="A decimal number; null: neither fee nor revenue is known.")]


class ForeseenEvent(Answered):
    """One event that comes."""

    at: Instant
    type: str
    what: str
    notified: list[ForeseenNotice]
    starts: Annotated[list[str], Field(description="What is asked of other systems because of it.")]
    repeated_until: Annotated[Instant | None, Field(description="Of a reminder that repeats: the last one.")]
    credit: CreditAtMost | None


class ForeseenChange(Answered):
    """What the supposition changes."""

    type: str
    what: str
    before: Annotated[Instant | None, Field(description="null: it comes only under the supposition.")]
    after: Annotated[Instant | None, Field(description="null: it comes no more.")]


class Supposition(Answered):
    """What was supposed."""

    priority: Priority | None
    plan: Plan | None
    replied: bool


class Forecast(Answered):
    """What comes of a ticket if nobody acts."""

    ticket: str
    now: Instant
    until: Instant
    assumed: list[str]
    supposed: Supposition
    coming: list[ForeseenEvent]
    coming_then: Annotated[list[ForeseenEvent] | None, Field(description="null: nothing was supposed.")]
    changes: list[ForeseenChange]


class KeptTexts(Answered):
    """The texts of a ticket that are kept whole."""

    texts: list[KeptText]


class WholeText(Answered):
    """One of them."""

    id: str
    text: str


def described_by(model: type[BaseModel], *codes: str) -> dict[str, Any]:
    """Describe the answer of an operation that reads one thing: for its decorator. `codes` are how else it can fail."""
    failures = documented(*ALWAYS, *(codes or ("not_found",)))
    return {"response_model": None, "responses": {200: {"model": model, "description": "As it is now."}, **failures}}

"""The ticket: everything that a decision needs, and nothing that it does not.

Free text is not here. The ticket keeps where a text stands (`<sequence>.<name>`), the journal keeps the text, apart,
so that erasing a person is a delete.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, StringConstraints
from pydantic import Field as Bounded

from domain.aggregate.effect import Effect as AnyEffect
from domain.clocks.clock import Clock, Suspension
from domain.clocks.terms import SharedTerms
from domain.core.enums import Category, Channel, Health, Metric, Plan, Priority, Resolution, Status, Tier, WaitsOn
from domain.core.input_types import OneLine, Short
from domain.core.values import Frozen, Instant, stored_as
from domain.ticket.effect_kinds import EffectKind
from domain.tracker.snapshot import Category as IssueCategory
from domain.tracker.snapshot import IssueSnapshot

Amount = Annotated[Decimal, Bounded(ge=0, le=10**12, max_digits=20, allow_inf_nan=False)]
"""Money, in the company's one currency."""
Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Place = Annotated[Id | None, BeforeValidator(lambda value: value or None), OneLine]
"""A zone or a region. An empty one, as an empty field of a form is, says nothing."""


class Account(Frozen):
    """The customer, by id. No name, no address."""

    id: Id
    plan: Plan
    health: Health = Health.GREEN
    arr: Amount | None = None
    """Annual recurring revenue; None is unknown."""
    fee: Amount | None = None
    """A month's fee (F2); None is unknown."""
    csm: Id | None = None
    zone: Place = None
    """IANA zone of the account's support hours; None is the policy's."""
    region: Place = None


class Reason(Frozen):
    """Why a field of the form has its value, where the form did not say it. Names the rule, never what was written."""

    field: str
    """`category`, `impact`, `urgency`, `priority`, `product_area`, `language`, `tags`."""
    by: Literal["rule", "words", "default"]
    """A rule of the policy; the text's own small words, for its language; or what is usual."""
    rule: str = ""
    where: str = ""
    """Where the rule matched: `subject`, `description`, `form.type`, `channel`."""


class Route(Frozen):
    """Who a ticket is for, and why (G10)."""

    team: str
    agent: str | None = None
    """Of a team that is one person's."""
    why: tuple[str, ...] = ()
    """What the team was chosen by: `area billing`, `language de`, `tier T1`, `shift nights`."""


class Field(Frozen):
    """A field of a hand-off package: where its words stand, or that it was declared absent, with the reason."""

    refs: tuple[str, ...]
    absent: Literal["not_reproducible", "no_logs", "not_applicable"] | None = None


class Stay(Frozen):
    """One stay in Tier 1, and its limit (G1, G2)."""

    number: int = 1
    since: Instant | None = None
    """The limit counts from here: the first take, or the change that gave the ticket this limit."""
    used: timedelta = timedelta(0)
    """What was used up before that, in the support hours of other terms."""
    clock: Literal["plan", "wall"] = "plan"
    noted: int = 0
    """How many of the notes before the limit were given."""
    reached: Instant | None = None
    reminded: Instant | None = None
    over: Literal["enforced", "observed"] | None = None


class Debt(Frozen):
    """The packages that a P0 owes because it skipped the tiers (G6)."""

    due: Instant
    paid: Instant | None = None
    overdue: bool = False


class IssueLink(IssueSnapshot):
    """The issue that carries this ticket's problem in engineering, as far as the ticket knows."""

    kind: Literal["bug", "request"]
    category: IssueCategory = "new"
    status: Short = ""
    version: Instant | None = None
    assignee_ref: str | None = None
    """Where the assignee's name stands: it is a text of the journal, so that it can be erased."""
    heard: dict[str, str] = {}
    """The comments for support that the ticket knows, the latest ones: their id, and a digest of their words."""
    said_ref: str | None = None
    """Where the latest of these comments stands."""
    answered: bool = False
    """The issue was done, which brought the ticket back to its agent, who has it still."""
    answered_at: Instant | None = None
    """When it was done, the latest time."""
    told: bool = False
    """F10: somebody has written to the customer since then."""
    shipped: bool = False
    """C7: the customer was notified that the fix has shipped."""
    formerly: tuple[str, ...] = ()
    """The keys that it had before it moved: the effect that made it may yet report one of them."""

    def is_called(self, key: str) -> bool:
        """Return whether it has this key, or had it."""
        return key == self.key or key in self.formerly


class IncidentLink(Frozen):
    """The incident that this ticket is part of."""

    number: int
    state: Literal["declared", "acknowledged", "mitigated", "resolved", "cancelled", "left"] = "declared"
    """`left`: it was part of it by mistake."""
    version: int = 0
    draft: int | None = None
    """The incident's update that waits, as a draft, for a person to send it to the customer."""

    @property
    def open(self) -> bool:
        return self.state not in ("resolved", "cancelled", "left")


class Effect(AnyEffect):
    """Something that the outside world must do for this ticket, and has not yet."""

    kind: EffectKind
    issue: str = ""
    """Of a `jira_link`: the issue that carries the problem already."""


class Escalator(Frozen):
    """Who sent the ticket to engineering, and from where: it comes back there."""

    tier: Tier
    agent: str | None = None


class Move(Frozen):
    """Something after which a message that was written before may be out of place (G14)."""

    seq: int
    what: Literal["replied", "answered", "status", "tier", "priority"]
    """The customer wrote; somebody wrote to the customer; or the ticket's status, tier or priority changed."""
    by: str
    """The name of who did it; of a customer or a machine only the role."""
    at: Instant


class Question(Frozen):
    """An open question to a person or a team of ours (G15)."""

    number: int
    to: str
    by: str
    since: Instant
    due: Instant | None
    """None: beyond the horizon of the calendar."""
    overdue: bool = False


class OpenPromise(Frozen):
    """What is promised to the customer by an instant, and not kept yet (G16)."""

    number: int
    by: str
    since: Instant
    due: Instant
    kind: Literal["promise", "follow_up", "snooze"] = "promise"
    reminded: bool = False
    broken: bool = False
    fix: bool = False
    """It promises the fix of the linked issue."""
    at_risk: bool = False
    """F10: engineering plans the fix for later, or no longer for a date."""


class Attention(Frozen):
    """The attention of a lead that was asked for, until a lead has looked (G18)."""

    by: str
    since: Instant
    due: Instant | None
    overdue: bool = False


class Refund(Frozen):
    """Money that a customer is to get back (F6), and what was decided about it. Whether billing has it is not here."""

    number: int
    amount: Decimal
    currency: str
    reason: str
    """One of the policy's."""
    by: str
    """Who requested it."""
    since: Instant
    state: Literal["requested", "approved", "refused", "withdrawn"] = "requested"
    decided_by: str | None = None
    decided_at: Instant | None = None


class Ticket(Frozen):
    """One ticket at one moment: the fold of its events. Add-only: new fields have defaults."""

    id: str
    source: str
    external_id: str
    terms: SharedTerms
    seq: int
    as_of: Instant
    """The instant of the latest event: nothing is decided before it."""
    opened_at: Instant
    channel: Channel
    account: Account
    category: Category
    priority: Priority
    priority_guessed: bool = False
    product_area: str = ""
    language: str = "en"
    tags: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    """Why the fields that the form did not say are as they are; a correction takes its reason away."""
    account_unknown: bool = False
    """The account is not known yet: its terms are those of a plan that was assumed."""
    automatic: str = ""
    """C17: a machine of the customer's wrote the ticket; by what that was seen."""
    route: Route | None = None
    status: Status = Status.NEW
    tier: Tier = Tier.T1
    assignee: str | None = None
    clocks: tuple[Clock, ...] = ()
    warned: dict[Metric, int] = {}
    """C11: the highest share of each metric's effective clock that was warned of, in percent."""
    suspensions: tuple[Suspension, ...] = ()
    stay: Stay | None = None
    """The current stay in Tier 1; None elsewhere."""
    stays: int = 1
    fields: dict[str, Field] = {}
    arr: str | None = None
    """The ARR said in `business_impact`: an amount, or "unknown"."""
    debt: Debt | None = None
    guess_due: Instant | None = None
    """G6: when a guessed P0 pages, unless it is lowered before."""
    escalator: Escalator | None = None
    from_engineering: bool = False
    """G8: engineering has answered it, and nobody has handed it on since."""
    bounces: int = 0
    reopenings: int = 0
    issue: Annotated[IssueLink | None, stored_as("jira")] = None
    """The issue on the issue tracker that carries its problem."""
    incident: IncidentLink | None = None
    pending_effects: Annotated[tuple[Effect, ...], stored_as("undone")] = ()
    """The effects that are not done yet."""
    resolution: Resolution | None = None
    resolved_at: Instant | None = None
    closed_at: Instant | None = None
    parent: str | None = None
    kb_article: str | None = None
    discarded: bool = False
    """It was deleted in the helpdesk, or marked as spam there (G13)."""
    csat: int | None = None
    effort: int | None = None
    """F7: how easy the customer found it, 1 (very hard) to 7 (very easy); None: they have not said."""
    rated_at: Instant | None = None
    survey_answered_at: Instant | None = None
    """F7: when the customer first answered the survey."""
    survey_answers: int = 0
    """F7: how often they did, changes included."""
    low_score_since: Instant | None = None
    """F7: since when a low score asks a lead for a follow-up; None: it does not, or a lead has looked."""
    waits_on: WaitsOn = WaitsOn.AGENT
    waits_since: Instant | None = None
    moves: tuple[Move, ...] = ()
    """G14: the latest ones."""
    questions: tuple[Question, ...] = ()
    """G15: those that are open."""
    questions_asked: int = 0
    promises: tuple[OpenPromise, ...] = ()
    """G16: those that are open."""
    promises_made: int = 0
    promises_broken: int = 0
    snoozed_until: Instant | None = None
    """C6: when the waiting ends by itself, as agreed with the customer."""
    attention: Attention | None = None
    identity: tuple[str, ...] = ()
    """G19: the ways in which the customer's identity was checked."""
    refunds: tuple[Refund, ...] = ()
    """F6: all of them, by their numbers."""

    @property
    def escalation_due(self) -> bool:
        """Return whether the T1 limit was reached and the package was not complete (G2)."""
        return self.stay is not None and self.stay.over == "enforced" and self.status in ACTIVE

    @property
    def channel_outside_plan(self) -> bool:
        """Return whether it came by a channel that the plan does not have: flagged, and served like any other."""
        channels = self.terms.plan.channels
        return bool(channels) and self.channel not in channels

    @property
    def suspended(self) -> bool:
        return bool(self.suspensions) and self.suspensions[-1].end is None

    @property
    def closed(self) -> bool:
        return self.status is Status.CLOSED

    def refs(self) -> tuple[str, ...]:
        """Return the ids of what this ticket is linked to outside, for search."""
        refs = [self.external_id] if self.external_id else []
        if self.issue:
            refs.append(self.issue.key)
        if self.incident:
            refs.append(f"incident-{self.incident.number}")
        return tuple(refs)


ACTIVE = (Status.NEW, Status.OPEN, Status.PENDING)
"""Neither resolved nor closed."""


def workflow_id(ticket_id: str) -> str:
    """Return the Temporal workflow id of a ticket."""
    return f"ticket-{ticket_id}"

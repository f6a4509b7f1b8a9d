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
from domain.core.input_types import OneLine
from domain.core.values import Frozen, Instant

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


class JiraLink(Frozen):
    """The issue that carries this ticket's problem in engineering."""

    key: str
    url: str
    kind: Literal["bug", "request"]
    category: Literal["new", "indeterminate", "done", "gone"] = "new"
    """The category of its status; `gone` is deleted, or out of our sight."""
    status: str = ""
    resolution: str | None = None
    assignee: str | None = None
    """Jira's account id of who works on it."""
    assignee_ref: str | None = None
    """Where their name stands: it is a text of the journal, so that it can be erased."""
    fix_versions: tuple[str, ...] = ()
    duplicate_of: str | None = None
    """The issue that engineering took it for."""
    version: Instant | None = None
    """The issue's own time of change: what is older is dropped."""
    heard: dict[str, str] = {}
    """The comments for support that were heard, the latest ones: their id, and a digest of their words."""
    said_ref: str | None = None
    """Where the latest of them stands."""
    answered: bool = False
    """That it was done brought the ticket back to its agent, who has it still."""
    shipped: bool = False
    """C7: the customer was told that the fix has shipped."""
    formerly: tuple[str, ...] = ()
    """The keys that it had before it moved: the effect that made it may yet report one of them."""

    def is_called(self, key: str) -> bool:
        """Whether it has this key, or had it."""
        return key == self.key or key in self.formerly

    @property
    def open(self) -> bool:
        return self.category in ("new", "indeterminate")


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

    kind: Literal[
        "jira_bug", "jira_request", "jira_link", "jira_comment", "incident", "incident_own", "incident_if_open",
        "tell_incident", "terms",
    ]  # fmt: skip
    issue: str = ""
    """Of a `jira_link`: the issue that carries the problem already."""


class Escalator(Frozen):
    """Who sent the ticket to engineering, and from where: it comes back there."""

    tier: Tier
    agent: str | None = None


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
    """Nobody has told of the account yet: its terms are those of a plan that was assumed."""
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
    bounces: int = 0
    reopenings: int = 0
    jira: JiraLink | None = None
    incident: IncidentLink | None = None
    undone: tuple[Effect, ...] = ()
    resolution: Resolution | None = None
    resolved_at: Instant | None = None
    closed_at: Instant | None = None
    parent: str | None = None
    kb_article: str | None = None
    csat: int | None = None
    rated_at: Instant | None = None
    waits_on: WaitsOn = WaitsOn.AGENT
    waits_since: Instant | None = None

    @property
    def escalation_due(self) -> bool:
        """The T1 limit was reached and the package was not complete (G2)."""
        return self.stay is not None and self.stay.over == "enforced" and self.status in ACTIVE

    @property
    def channel_outside_plan(self) -> bool:
        """Whether it came by a channel that the plan does not have: flagged, and served like any other."""
        channels = self.terms.plan.channels
        return bool(channels) and self.channel not in channels

    @property
    def suspended(self) -> bool:
        return bool(self.suspensions) and self.suspensions[-1].end is None

    @property
    def closed(self) -> bool:
        return self.status is Status.CLOSED

    def refs(self) -> tuple[str, ...]:
        """The ids of what this ticket is linked to outside, for search."""
        refs = [self.external_id] if self.external_id else []
        if self.jira:
            refs.append(self.jira.key)
        if self.incident:
            refs.append(f"incident-{self.incident.number}")
        return tuple(refs)


ACTIVE = (Status.NEW, Status.OPEN, Status.PENDING)
"""Neither resolved nor closed."""


def workflow_id(ticket_id: str) -> str:
    """The Temporal workflow id of a ticket."""
    return f"ticket-{ticket_id}"

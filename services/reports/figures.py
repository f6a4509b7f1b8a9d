"""The figures of a week's report, as pages, programs and the command line get them (F3). Times in seconds, on the wall,
unless said otherwise; instants in UTC; money in the company's one currency."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import WithJsonSchema, computed_field

from domain.core.values import Frozen, Instant
from domain.report.hiring import Scale, Trigger
from domain.report.targets import TargetFigure
from domain.report.week import Share, Trend
from services.reports.work import OneMore

Revenue = Annotated[Decimal, WithJsonSchema({"type": "string"})]
"""Revenue a year. In JSON a text, whichever way it goes: a number there would lose cents."""


class Volume(Frozen):
    """What came and went."""

    opened: Trend
    ended: Trend
    reopened: Trend
    backlog: int
    """Active tickets at the end."""
    backlog_before: int
    """Active tickets at the beginning."""
    days_to_clear: float | None
    """How long the backlog would take if nothing came in, at the pace of these five weeks; None where nothing ends."""


class ClockFigures(Frozen):
    """What became of the clocks that were met, or fell, in the week."""

    side: str
    metric: str
    by: Literal["all", "plan", "priority"]
    name: str
    kept: int
    upheld: int
    waived: int
    withdrawn: int
    """Not missed after all, by evidence that arrived late (C12); the clock is among the kept ones once it is met."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def share(self) -> Share:
        """Return how many were kept, of those that were kept or missed; a waived one was missed."""
        return Share(count=self.kept, of=self.kept + self.upheld + self.waived)


class Cluster(Frozen):
    """Tickets of the week that are alike."""

    area: str = ""
    category: str = ""
    cause: str = ""
    """An issue, an incident, or the root cause in words."""
    error: str = ""
    """The error that their texts show, without what differs; empty where its words were erased."""
    fingerprint: str = ""
    tickets: int
    before: int
    """In the four weeks before."""
    accounts: int
    arr: Revenue
    """Of those accounts whose revenue is known."""
    arr_unknown: int
    """Accounts whose revenue is not known."""
    examples: tuple[str, ...]
    article: str = ""


class Bounce(Frozen):
    """A reason for handing tickets back a tier (G8)."""

    reason: str
    frm: str
    to: str
    now: int
    before: int
    ticket: str


class Took(Frozen):
    """How long something took on the wall, nights and weekends included; in seconds."""

    name: str
    count: int
    median: float
    ninth: float
    """Nine of ten took no longer."""
    median_before: float | None = None
    """The median of the four weeks before."""


class Satisfied(Frozen):
    """What customers thought of it (`rate`, 1 to 5)."""

    name: str
    good: Share
    """Ratings of 4 or 5."""
    mean: float | None
    """None of fewer than five ratings."""
    before: Share


class CustomerEffort(Frozen):
    """What it took customers to get help, in a category or in all together."""

    name: str
    resolved: int
    messages: float | None
    """The median of what a customer wrote until the resolution, the opening among it. None of fewer than five."""
    again: Share
    """Of those that opened: within 7 days after a resolution of the same account and category."""
    answers: int
    ease: float | None
    """How easy it was, 1 (very hard) to 7 (very easy), on average. None of fewer than five answers."""


class ChannelFigures(Frozen):
    """What a channel takes, beside what is usual."""

    channel: str
    best_for: str
    opened: Trend
    share: Share
    """Of all tickets of the week."""
    resolved: int
    handle_median: float | None
    """Seconds on the wall from the first take to the resolution."""
    contacts: int
    in_hand: float
    """Hours of agents with one of its tickets in hand, each hour shared by what was in hand: the most it can be."""
    minutes_per_contact: float | None
    cost_per_contact: Decimal | None
    usual_minutes: tuple[float, float] | None
    usual_cost: tuple[Decimal, Decimal] | None


class PlanFigures(Frozen):
    """What a plan brings and costs in five weeks: whether it pays for itself."""

    plan: str
    accounts: int
    revenue: Revenue
    """A year, of the accounts whose fee or yearly revenue is known."""
    unknown: int
    """Accounts of which neither is known."""
    opened: int
    in_hand: float
    """Hours of agents with one of its tickets in hand, each hour shared by what was in hand: the most it can be."""
    handling: Revenue | None
    """What these hours cost, at most; None where the policy names no cost of an hour."""
    credits: Revenue
    """For breaches that fell in these weeks (F2)."""
    uplift: tuple[Decimal, Decimal] | None
    """Percent that the plan adds to what its customers pay, from and to."""
    brings: tuple[Decimal, Decimal] | None
    """What that is of these weeks' revenue, from and to; None where nothing is added, or no revenue is known."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def pays(self) -> Literal["yes", "no", "perhaps", "not known"]:
        """Return whether what the plan adds is at least what it costs: at the low end, at the high end only, or not."""
        if self.brings is None or self.handling is None:
            return "not known"
        cost = self.handling + self.credits
        return "yes" if self.brings[0] >= cost else "perhaps" if self.brings[1] >= cost else "no"


class AccountFigures(Frozen):
    """What an account costs in five weeks."""

    account: str
    in_hand: float
    """Hours of agents with one of its tickets in hand, each hour shared by what was in hand: the most it can be."""
    handling: Revenue | None
    """What these hours cost, at most; None where the policy names no cost of an hour."""
    credits: Revenue
    """For breaches that fell in these weeks (F2)."""
    revenue: Revenue | None
    """A year; None: not known."""
    percent: float | None
    """What it costs, of its revenue of these weeks; None where either is not known."""


class Quality(Frozen):
    """Speed beside quality, by category: tickets that were resolved in five weeks."""

    category: str
    resolved: int
    first_response: float | None
    """The median from the opening to the first response, in seconds on the wall."""
    satisfied: Share
    reopened: Share
    """Of the resolutions, those that did not hold."""
    with_article: Share


class Replies(Frozen):
    """How a category was written to in the week. Guidance, and no ranking of people."""

    category: str
    replies: int
    """Messages that the customer sees."""
    length_median: float | None
    """In characters, of those whose words are still there; None of fewer than five."""
    length_ninth: float | None
    """Nine of ten are no longer."""
    standard: Share
    """Made of a template (F9); the others were written freely."""
    unchanged: Share
    """Of these, sent as the template has it but for the sender's own line."""


class HeatMap(Frozen):
    """When tickets come in one zone, by the clocks there: seven days from Monday, 24 hours each; of five weeks."""

    zone: str
    arrivals: tuple[tuple[int, ...], ...]
    wait: tuple[tuple[float, ...], ...]
    """The mean time until support was open, in hours."""
    total: int
    closed: int
    """Of all, those that came while support was closed."""


class Hours(Frozen):
    """What came while support was closed, in five weeks."""

    zones: tuple[HeatMap, ...]
    more_zones: int
    total: int
    closed: int
    accounts: int
    arr: Revenue
    earlier: tuple[tuple[int, int], ...]
    """Hours by which support might open earlier, and how many of these tickets it would have been open for."""


class Repeat(Frozen):
    """An account that came with one area and category more than once."""

    account: str
    tickets: int
    same: int
    before: int
    arr: Revenue | None


class TeamNews(Frozen):
    """What the agent who resolved a ticket tells the team."""

    ticket: str
    words: str
    """Empty where they were erased."""


class ArticleNews(Frozen):
    """An article or a playbook that was written or revised in the week."""

    slug: str
    section: str
    title: str
    new: bool


class Wins(Frozen):
    """What went well and what was learnt, as far as the record tells."""

    solved_at_once: int
    """Resolved in Tier 1, within the limit, never handed on, never reopened."""
    examples: tuple[str, ...]
    best: tuple[str, ...]
    """Tickets that their customer rated 5."""
    articles: tuple[tuple[str, int], ...]
    gaps: int
    shared: tuple[TeamNews, ...]
    """Of tickets that were resolved in the week and have not come back: the ten newest."""
    shared_more: int
    written: tuple[ArticleNews, ...]
    """Ten articles that were imported for the first time, or with other words."""
    written_more: int
    kudos: int
    """Comments of customers that came with a score of 5. What they say is for the desk only."""
    kudos_tickets: tuple[str, ...]
    """The tickets of the ten newest."""


class WeekFigures(Frozen):
    """One week in figures."""

    week: str
    opened: int
    ended: int
    breaches: int
    """Of the contract, upheld."""
    overruns: int
    """Stays in Tier 1 that used their limit up (G2)."""


class WeekReport(Frozen):
    """The report of a week."""

    week: str
    begins: Instant
    ends: Instant
    """Or now, while the week lasts."""
    zone: str
    so_far: bool
    """The week is not over."""
    made_at: Instant
    not_recorded: int
    """Tickets of these five weeks that are not counted: from before there were records (`ops rebuild --all`)."""
    volume: Volume
    weeks: tuple[WeekFigures, ...]
    """Thirteen weeks up to this one."""
    clocks: tuple[ClockFigures, ...]
    breaches: Trend
    """Contract breaches, waived and withdrawn ones left out."""
    trends: dict[str, tuple[Trend, ...]]
    """By plan, priority, category, area, channel, language and cause."""
    trends_more: dict[str, int]
    """How many names are left out."""
    clusters: tuple[Cluster, ...]
    errors: tuple[Cluster, ...]
    bounces: tuple[Bounce, ...]
    overruns: Trend
    promises_kept: Trend
    """Promises to customers that were kept in time (G16)."""
    promises_broken: Trend
    """Those that were not kept when they were due."""
    tiers: tuple[Took, ...]
    satisfaction: tuple[Satisfied, ...]
    channels: tuple[ChannelFigures, ...]
    agent_hour: Decimal
    plans: tuple[PlanFigures, ...]
    accounts: tuple[AccountFigures, ...]
    """Those that cost most."""
    customer_effort: tuple[CustomerEffort, ...]
    """Of all tickets first, then by category."""
    quality: tuple[Quality, ...]
    replies: tuple[Replies, ...]
    scale: Scale
    tickets_per_100_customers: float | None
    """In four weeks."""
    triggers: tuple[Trigger, ...]
    one_more: OneMore | None
    hours: Hours
    repeats: tuple[Repeat, ...]
    wins: Wins
    targets: tuple[TargetFigure, ...]
    """The figures for which the policy of the week had a target."""
    answers: tuple[str, ...]
    """The five figures of the knowledge base, in words; none where nobody visited it in the week."""

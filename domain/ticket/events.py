"""What can happen to a ticket: the facts that the journal keeps for ever.

A body's `type` and its fields stand in journals and histories: they are added to, never renamed. Four instants are
kept apart. *Due* stands in the bodies of deadlines; *occurred* is when it happened by a trusted source; *received*
was stamped by our front door; *detected* is when it was recorded.
"""

from typing import Annotated, Literal

from pydantic import Field

from domain.clocks.terms import SharedTerms
from domain.core.enums import Category, Channel, Metric, Priority, Resolution, Side, Tier
from domain.core.values import Frozen, Instant
from domain.ticket.events_outside import (
    EffectDone,
    EffectFailed,
    EffectOverdue,
    EffectRetried,
    EngineeringSaid,
    FixShipped,
    IncidentChanged,
    IncidentLeft,
    JiraChanged,
    ToldEngineering,
    UpdateDrafted,
)
from domain.ticket.state import Account, Actor, Reason, Route


class Opened(Frozen):
    """The ticket begins, under these terms."""

    type: Literal["opened"] = "opened"
    source: str
    external_id: str
    terms: SharedTerms
    channel: Channel
    account: Account
    category: Category
    priority: Priority
    priority_guessed: bool = False
    product_area: str = ""
    language: str = "en"
    tags: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    """Why the fields that the form did not say are as they are."""
    account_unknown: bool = False
    """Nobody has told of the account: the plan is assumed, until it is matched."""
    route: Route | None = None
    """G10: who it is for."""
    in_person: bool = False
    """An agent opened it on the phone or in chat: the first response is met by that (C5)."""
    parent: str | None = None


class Taken(Frozen):
    """An agent took it; in Tier 1, the first take starts the limit (G1)."""

    type: Literal["taken"] = "taken"
    agent: str
    clock: Literal["plan", "wall"] = "plan"
    """What a limit that starts now ticks on: the plan's calendar, or the wall if that is closed."""


class Responded(Frozen):
    """A person wrote something that the customer can see (C5)."""

    type: Literal["responded"] = "responded"


class Noted(Frozen):
    """An internal note: no clock hears of it."""

    type: Literal["noted"] = "noted"


class StepNoted(Frozen):
    """A troubleshooting step was recorded: it fills `steps_taken` (G3)."""

    type: Literal["step_noted"] = "step_noted"


class Attached(Frozen):
    """A log or screenshot was attached: it fills `logs_or_screenshots` (G3)."""

    type: Literal["attached"] = "attached"


class Filled(Frozen):
    """Fields of the hand-off packages were filled, or declared absent with a reason (G3, G4)."""

    type: Literal["filled"] = "filled"
    fields: tuple[str, ...]
    absent: dict[str, Literal["not_reproducible", "no_logs", "not_applicable"]] = {}
    arr: str | None = None


class WaitStarted(Frozen):
    """Pending on the customer, who was asked a question (C6)."""

    type: Literal["wait_started"] = "wait_started"


class WaitEnded(Frozen):
    """The resolution clocks and the T1 limit tick again, from `end`."""

    type: Literal["wait_ended"] = "wait_ended"
    end: Instant
    why: Literal["replied", "escalated", "resolved"]


class Replied(Frozen):
    """The customer wrote."""

    type: Literal["replied"] = "replied"


class LimitNoted(Frozen):
    """G2: the agent is told that the T1 limit comes."""

    type: Literal["limit_noted"] = "limit_noted"
    due: Instant
    minutes_left: float

    @property
    def left(self) -> str:
        """What is left, for people."""
        return f"{self.minutes_left:g} min" if self.minutes_left >= 1 else f"{self.minutes_left * 60:.0f} s"


class LimitReached(Frozen):
    """G2: the T1 limit is used up."""

    type: Literal["limit_reached"] = "limit_reached"
    due: Instant
    stay: int
    over: Literal["enforced", "observed"]


class LimitReminded(Frozen):
    """G2: the lead is reminded of a ticket past its T1 limit."""

    type: Literal["limit_reminded"] = "limit_reminded"
    due: Instant


class Escalated(Frozen):
    """Handed up a tier, with a complete package unless `forced` or in `debt`."""

    type: Literal["escalated"] = "escalated"
    frm: Tier
    to: Tier
    how: Literal["by_hand", "at_limit", "completed", "forced", "critical", "reopened"]
    """`at_limit` and `completed` are automatic (G2), `critical` is a P0 that skips the tiers (G6); `reopened` is
    engineering's, which has its issue open again."""
    over_limit: bool = False
    to_engineering: (
        Literal["jira_bug", "jira_request", "jira_link", "incident", "incident_own", "incident_if_open", "linked"]
        | None
    ) = None
    """G5: how engineering gets it. `linked` reuses the ticket's own issue that is still open, `jira_link` one that is
    there already."""
    issue: str = ""
    """Of a `jira_link`: the issue that a person chose."""
    debt_due: Instant | None = None
    route: Route | None = None
    """G10: whose it is in the new tier; None where the terms name nobody."""


class Returned(Frozen):
    """Handed back a tier, with a reason (G8)."""

    type: Literal["returned"] = "returned"
    frm: Tier
    to: Tier
    route: Route | None = None


class Answered(Frozen):
    """Engineering is done: the ticket is back with the one who escalated it."""

    type: Literal["answered"] = "answered"
    by: Literal["jira", "incident"]
    tier: Tier
    assignee: str | None = None
    route: Route | None = None


class Referred(Frozen):
    """A Free ticket was referred to the community (G2, G7)."""

    type: Literal["referred"] = "referred"


class Resolved(Frozen):
    """Resolved, with the record that G9 asks for."""

    type: Literal["resolved"] = "resolved"
    resolution: Resolution
    occurred: Instant
    over_limit: bool = False
    parent: str | None = None
    kb_article: str | None = None
    kb_gap: bool = False
    link: str | None = None


class Reopened(Frozen):
    """Resolved no longer: the resolution clocks resume (C10)."""

    type: Literal["reopened"] = "reopened"
    clock: Literal["plan", "wall"] = "plan"


class Closed(Frozen):
    """The end: after the quiet period, by hand, or by referral."""

    type: Literal["closed"] = "closed"
    how: Literal["quiet", "by_hand", "referred"]


class Prioritised(Frozen):
    """The priority changed (C8)."""

    type: Literal["prioritised"] = "prioritised"
    old: Priority
    new: Priority
    free: bool = False
    """On a plan that is not paid (G6)."""
    clock: Literal["plan", "wall"] = "plan"
    """What a T1 limit that starts with it ticks on: a P0 has none, what it is lowered to does."""
    overruled: tuple[str, ...] = ()
    """The rules of the policy that had said otherwise: they are counted."""


class Amended(Frozen):
    """Category, area, language or tags were corrected."""

    type: Literal["amended"] = "amended"
    category: Category | None = None
    product_area: str | None = None
    language: str | None = None
    tags: tuple[str, ...] | None = None
    overruled: tuple[str, ...] = ()
    """The rules of the policy that had said otherwise: they are counted."""
    route: Route | None = None


class TermsReplaced(Frozen):
    """Ops or a lead gave the open ticket new terms."""

    type: Literal["terms_replaced"] = "terms_replaced"
    terms: SharedTerms
    account: Account | None = None


class AccountMatched(Frozen):
    """The account became known: the ticket has its terms from its creation on, as far as nothing is due in the past
    by it (C8)."""

    type: Literal["account_matched"] = "account_matched"
    terms: SharedTerms
    account: Account
    route: Route | None = None


class Warned(Frozen):
    """C11: shares of the effective clocks are used up. Warnings that coincide are one."""

    type: Literal["warned"] = "warned"
    due: Instant
    shares: dict[Metric, int]
    hindsight: bool = False
    """C12: as of `Lapsed`."""


class Lapsed(Frozen):
    """A due instant passed unmet: a breach of the contract, or a missed target (C1)."""

    type: Literal["lapsed"] = "lapsed"
    side: Side
    metric: Metric
    due: Instant
    cell: str
    hindsight: bool = False
    """C12: it came out by evidence that arrived late; nobody is paged for the past."""


class ClockMet(Frozen):
    """A metric was met, at `occurred`; what it withdraws is named (C12)."""

    type: Literal["clock_met"] = "clock_met"
    metric: Metric
    occurred: Instant
    withdrawn: tuple[Side, ...] = ()


class Waived(Frozen):
    """C8: a breach of the contract was waived by ops or a lead, with a reason."""

    type: Literal["waived"] = "waived"
    metric: Metric


class DebtPaid(Frozen):
    """G6: the packages that the P0 owed are complete."""

    type: Literal["debt_paid"] = "debt_paid"


class DebtOverdue(Frozen):
    """G6: the packages that the P0 owes are late."""

    type: Literal["debt_overdue"] = "debt_overdue"
    due: Instant


class GuessStood(Frozen):
    """G6: nobody lowered the guessed P0 in time: it pages."""

    type: Literal["guess_stood"] = "guess_stood"
    due: Instant


class TermsAged(Frozen):
    """The calendar's horizon comes near: the ticket asks for one that is known for longer."""

    type: Literal["terms_aged"] = "terms_aged"
    due: Instant


class Rated(Frozen):
    """The customer's satisfaction, 1 to 5."""

    type: Literal["rated"] = "rated"
    csat: int


class MessageRefused(Frozen):
    """A Signal that could not be read, or did not fit: a Signal has no answer, so it stands on the timeline."""

    type: Literal["message_refused"] = "message_refused"
    code: str
    what: str
    missing: tuple[str, ...] = ()


Body = Annotated[
    Opened | Taken | Responded | Noted | StepNoted | Attached | Filled | WaitStarted | WaitEnded | Replied
    | LimitNoted | LimitReached | LimitReminded | Escalated | Returned | Answered | Referred | Resolved
    | Reopened | Closed | Prioritised | Amended | TermsReplaced | AccountMatched | Warned | Lapsed | ClockMet
    | Waived | DebtPaid | DebtOverdue | GuessStood | EffectDone | EffectFailed | EffectOverdue | EffectRetried
    | JiraChanged | EngineeringSaid | ToldEngineering | FixShipped | IncidentChanged | IncidentLeft | UpdateDrafted
    | TermsAged | Rated | MessageRefused,
    Field(discriminator="type"),
]  # fmt: skip


class Event(Frozen):
    """One fact of one ticket, in its place."""

    seq: int
    at: Instant
    """When it took effect: a deadline's due instant, a command's instant."""
    detected: Instant
    received: Instant | None = None
    occurred: Instant | None = None
    """When it happened by a trusted source, where that differs from `at` (C12)."""
    actor: Actor
    command_id: str | None = None
    source: str | None = None
    body: Body
    texts: dict[str, str] = {}
    """Free text by name. Journalled apart from the rest."""

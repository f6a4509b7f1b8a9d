"""The terms of a ticket: everything the policy promises it, resolved once at intake and carried with it.

A change of policy, plan, zone or horizon reaches an open ticket only by the audited command `replace_terms`, so
that a deadline never moves by itself. `core_version` is the version that the ticket began under: an edit of
`domain/` that changes what recorded messages lead to must branch on it.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from domain.calendars.calendar import Calendar
from domain.core.enums import Category, Channel, Plan, Priority, Resolution, Role, Tier
from domain.core.values import Frozen, stored_as

CORE_VERSION = 4
"""The version of the core that new tickets begin under. 2: who rates a ticket, and how often (G9).
3: machines leave notes, and bring no customer's words of their own (G12). 4: warnings of the clock that is left (C11),
missed reminders as one (G2), a limit that counts anew on a paid plan (G2), mail that is older than the question (C6),
who hands back what engineering has answered (G8), a P0 that left its incident (G6), the dues of a changed priority
(C8), and issues that are raised with their ticket (G5)."""


LONGEST = timedelta(days=366)
"""No promise and no limit is longer: a slip of the keyboard shall not become a deadline in another decade."""
MOST = 1000
"""Of whatever terms list: they travel with every ticket, and somebody may have made them by hand."""

Span = Annotated[timedelta, Field(ge=timedelta(0), le=LONGEST)]
Lasting = Annotated[timedelta, Field(gt=timedelta(0), le=LONGEST)]
"""A time that is not nothing: what repeats after no time at all never ends."""
Word = Annotated[str, Field(max_length=200)]
Words = Annotated[tuple[Word, ...], Field(max_length=MOST)]


class Cell(Frozen):
    """One cell of a plan or priority table: a budget, and the clock it is counted on."""

    source: Word
    """Where it stands, for people: `plans.standard.first_response`."""
    budget: Span | None = None
    """Time on the cell's clock. Exactly one of `budget` and `days` is given."""
    days: Annotated[int, Field(ge=0, le=LONGEST.days)] | None = None
    """Business days: the calendar's own working days (C4)."""
    clock: Literal["plan", "wall"] = "plan"
    """C3: `plan` ticks in the plan's support hours, `wall` always."""
    binding: bool = True
    """False is best effort (C13): shown, never warned of, never breached."""


class PlanTerms(Frozen):
    """The row of the customer's plan: the contract."""

    plan: Plan
    paid: bool
    path: Literal["community", "standard", "priority", "engineering"]
    channels: Annotated[tuple[Channel, ...], Field(max_length=MOST)] = ()
    csm: Literal["none", "shared", "named"] = "none"
    shared_csm: Word | None = None
    """F1: who is notified as the CSM of an account that has none of its own; a team, or a person."""
    credit_percent: Annotated[Decimal, Field(ge=0, le=100, allow_inf_nan=False)] = Decimal(0)
    first_response: Cell | None = None
    critical_response: Cell | None = None
    resolution: Cell | None = None
    next_response: Cell | None = None
    """C14: optional, off by default."""


class PriorityTerms(Frozen):
    """The row of a priority: the internal target."""

    response: Cell | None = None
    resolution: Cell | None = None


class Limits(Frozen):
    """The times of the tiers that are neither contract nor target."""

    t1_limit: Lasting = timedelta(minutes=15)
    """G1: how long Tier 1 may troubleshoot."""
    t1_mode: Literal["enforce", "observe"] = "enforce"
    """`observe` counts overruns and moves nothing."""
    t1_notes: Annotated[tuple[Span, ...], Field(max_length=10)] = (timedelta(minutes=10), timedelta(minutes=13))
    """G2: when the agent is notified that the limit comes."""
    t1_grace: Lasting = timedelta(minutes=15)
    """G2: how often the lead is reminded after the limit."""
    debt: Span = timedelta(minutes=30)
    """G6: when the packages of a P0 that skipped the tiers are due."""
    guess: Span = timedelta(minutes=5)
    """G6: how long a guessed P0 may be lowered before it pages."""
    quiet: Span = timedelta(days=3)
    """G9: how long a resolved ticket stays open to the customer's word before it closes."""
    effect_alert: Span = timedelta(minutes=10)
    """F5: how long an effect may be pending before ops are notified."""
    renewal: Span = timedelta(days=180)
    """How long before the horizon of its calendar a ticket is given one that is known for longer."""
    evidence: Span = timedelta(hours=24)
    """C12: how old a trusted fact may be and still count at its own instant."""
    warnings: Annotated[tuple[Annotated[int, Field(ge=1, le=99)], ...], Field(max_length=10)] = (50, 75, 90)
    """C11: the shares of the effective clock, in percent, at which its holder is warned."""
    consult: Span = timedelta(hours=1)
    """G15: in how many support hours a question to one of ours is due."""
    promise_reminder: Span = timedelta(hours=1)
    """G16: how long before a promise is due whoever made it is reminded."""
    attention: Span = timedelta(hours=1)
    """G18: in how many support hours a lead looks where attention was asked for."""


class Gates(Frozen):
    """What a hand-off needs (G3, G4), and what may be declared absent, with a reason, by category."""

    t2: Words = ("steps_taken", "customer_impact", "reproduction_steps", "logs_or_screenshots")
    t3: Words = ("bug_report", "business_impact", "workaround_status", "communication_plan")
    not_applicable: Annotated[dict[Word, tuple[Category, ...]], Field(max_length=MOST)] = {}
    """Field name -> the categories in which "not applicable" may be said of it."""
    identity_check: tuple[Category, ...] = (Category.ACCOUNT,)
    """G9: the categories whose resolution must say how identity was checked."""
    identity_tags: Words = ()
    """G9: the same by tag, for account-sensitive requests of any category."""
    identity_needed: Annotated[int, Field(ge=0, le=100)] = 0
    """G19: the points that checks of the customer's identity must add up to; 0: the text of G9 is enough."""
    identity_points: Annotated[dict[Word, Annotated[int, Field(ge=1, le=100)]], Field(max_length=MOST)] = {}
    """G19: way of checking -> its points."""


class RefundTerms(Frozen):
    """What may be refunded on the ticket, and by whose word (F6). By default: nothing."""

    categories: tuple[Category, ...] = (Category.BILLING,)
    reasons: Words = ()
    limits: Annotated[dict[Role, dict[Word, Decimal]], Field(max_length=len(Role))] = {}
    """Role -> currency -> what it may approve on one ticket, in all."""


class Team(Frozen):
    """A team, and the tickets that are for it (G10). What is left empty holds for every ticket."""

    name: Word
    areas: Words = ()
    categories: tuple[Category, ...] = ()
    languages: Words = ()
    tiers: tuple[Tier, ...] = ()
    shift: Word | None = None
    """The calendar in whose hours the team works, one of `Terms.shifts`."""
    agent: Word | None = None


class Terms(Frozen):
    """All that was promised, in a few kilobytes."""

    core_version: Annotated[int, stored_as("rules")] = 1
    """The version of the core. Its default never moves: the digest that terms are known by leaves defaults out, so
    another default would make other terms of all that were ever promised. New terms say CORE_VERSION."""
    policy: Word
    """The policy's version, for provenance."""
    plan: PlanTerms
    priorities: dict[Priority, PriorityTerms]
    critical: tuple[Priority, ...] = (Priority.P0,)
    """C2."""
    limits: Limits = Limits()
    gates: Gates = Gates()
    calendar: Calendar
    """The plan's support hours in the account's zone, as data."""
    trusted: Words = ("mail", "helpdesk", "phone")
    """C12: the sources whose own time stamps count."""
    notices: Annotated[dict[Word, Words], Field(max_length=MOST)] = {}
    """F5: event -> audiences."""
    resolutions: Annotated[dict[Word, Resolution], Field(max_length=MOST)] = {}
    """A resolution of engineering's, in lower case -> how it would resolve the ticket."""
    teams: Annotated[tuple[Team, ...], Field(max_length=MOST)] = ()
    """G10: who gets what, the first that fits."""
    shifts: Annotated[dict[Word, Calendar], Field(max_length=MOST)] = {}
    """The hours in which teams work, by name."""
    targets: Annotated[dict[Word, Annotated[int, Field(ge=0, le=100)]], Field(max_length=MOST)] = {}
    """F3: the policy's targets of then, in percent. They promise the ticket nothing: reports read them."""
    refunds: RefundTerms = RefundTerms()
    """F6. Its default never moves either: tickets from before have no limits."""


_SHARED: dict[str, Terms] = {}
_KNOWN: dict[int, Terms] = {}
"""The shared objects by their identity: most that is asked about is one of them already."""


def intern_terms(terms: Terms) -> Terms:
    """Return the one object in this process that equals `terms`.

    Thousands of cached tickets share a handful of terms; without this each would keep its own calendar. A pure
    function of its argument, so it is safe in anything that replays.
    """
    if _KNOWN.get(id(terms)) is terms:
        return terms
    if len(_SHARED) > 256:  # policies and quarters pass: forget rather than grow
        _SHARED.clear()
        _KNOWN.clear()
    shared = _SHARED.setdefault(terms.model_dump_json(), terms)
    _KNOWN[id(shared)] = shared
    return shared


SharedTerms = Annotated[Terms, AfterValidator(intern_terms)]

"""C1, C2, C3, C9, C13: the clocks of a ticket. A budget and a ledger of suspensions, rather than a moving instant.

A clock has *legs*, each a cell of a table counted from an instant, and is due at the earliest of them. Raising a
priority adds a leg to the contract clock (C8: the earlier of the old due and change + new budget), and a target
has a leg for every lower priority too (C9: never later than that of a lower one). A change of terms may give it a
*floor*, which is legs too (C8: not earlier than the earlier of the old due and change + new budget). Kept as legs, and
not as the instants that came out, a later pause moves each of them rightly.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Literal

from domain.calendars.calendar import FOREVER, WALL, BeyondHorizon, Calendar, SharedCalendar
from domain.clocks.terms import Cell, Terms
from domain.core.enums import Category, Metric, Priority, Side
from domain.core.remembered import remembered
from domain.core.values import Frozen, Instant, stored_as

Pauses = tuple[tuple[datetime, datetime], ...]


class Suspension(Frozen):
    """A stretch in which clocks stand still: waiting on the customer stops the resolution (C6), being resolved stops
    all of them (C10). `end` is None while it lasts."""

    start: Instant
    end: Instant | None = None
    why: Literal["customer", "resolved"] = "customer"
    asked: Instant | None = None
    """When the customer was asked, if that was before it reached us; clocks stand still from `start` all the same."""


class Leg(Frozen):
    """One cell, counted from one instant."""

    cell: Cell
    start: Instant
    calendar: SharedCalendar | None = None
    """The support hours that it was promised in, where the ticket has others by now; None is those of its terms."""
    policy: str = ""
    """The version of the policy that promised it, where that is not the one of the ticket's terms."""


class Breach(Frozen):
    """A due instant that passed unmet. It is never erased (C8): it is upheld, withdrawn by late evidence (C12),
    or waived by a named person with a reason."""

    due: Instant
    detected: Instant
    status: Annotated[Literal["stands", "withdrawn", "waived"], stored_as("standing")] = "stands"
    """`stands` is the stored word for upheld; people read `word`."""

    @property
    def upheld(self) -> bool:
        """Return whether the breach was neither withdrawn nor waived."""
        return self.status == "stands"

    @property
    def word(self) -> str:
        """Return the status as people and programs outside read it: `upheld`, `withdrawn`, `waived`."""
        return "upheld" if self.upheld else self.status


class Clock(Frozen):
    """One metric of one side: the contract's, or the internal target's."""

    metric: Metric
    side: Side
    legs: tuple[Leg, ...]
    due: Instant | None = None
    """None while suspended, and where the calendar's horizon ends before the budget does."""
    leading: int = 0
    """The index of the leg that `due` comes from, among the legs and then those of the floor."""
    floor: tuple[Leg, ...] = ()
    """C8: the earliest of these is how early new terms may make it due."""
    not_before: Instant | None = None
    """C8: when the account became known, or its calendar known for longer: nothing is due in the past by that."""
    met_at: Instant | None = None
    breach: Breach | None = None

    @property
    def leg(self) -> Leg:
        """Return what `due` comes from: its cell is the provenance."""
        own = len(self.legs)
        return self.legs[self.leading] if self.leading < own else self.floor[self.leading - own]

    @property
    def binding(self) -> bool:
        """Return whether missing the target breaks a promise: not where it is best effort (C13)."""
        return self.leg.cell.binding

    @property
    def lapsed(self) -> bool:
        """Return whether it has lapsed, and not by a mistake that late evidence put right (C12): what was withdrawn and
        then reopened (C10) counts down again."""
        return self.breach is not None and self.breach.status != "withdrawn"

    @property
    def running(self) -> bool:
        """Return whether it can still lapse: binding, unmet, not suspended, and not lapsed before."""
        return self.binding and self.met_at is None and self.due is not None and not self.lapsed


def leg_calendar(leg: Leg, terms: Terms) -> Calendar:
    """Return the calendar by which a leg counts (C3)."""
    return WALL if leg.cell.clock == "wall" else leg.calendar or terms.calendar


def leg_due(leg: Leg, terms: Terms, pauses: Pauses = ()) -> datetime:
    """Return the instant at which a leg's budget is used up (C4). Pauses do not count (C6)."""
    calendar = leg_calendar(leg, terms)
    if leg.cell.days is not None:
        return calendar.add_days(leg.start, leg.cell.days, pauses)
    return calendar.add(leg.start, leg.cell.budget or timedelta(0), pauses)


def _known_due(leg: Leg, terms: Terms, pauses: Pauses) -> datetime:
    """Return when a leg is due, or the end of time if that is later than the calendar is known."""
    try:
        return leg_due(leg, terms, pauses)
    except BeyondHorizon:
        return FOREVER


def stops(suspension: Suspension, metric: Metric) -> bool:
    """Return whether a clock of `metric` stands still meanwhile. C6: waiting on the customer stops the resolution,
    and never a response. C10: the time between resolving and reopening counts for none."""
    return metric is Metric.RESOLUTION or suspension.why == "resolved"


def timed(clock: Clock, terms: Terms, suspensions: Iterable[Suspension]) -> Clock:
    """Return the clock with `due` computed again."""
    pauses: list[tuple[datetime, datetime]] = []
    for suspension in suspensions:
        if not stops(suspension, clock.metric):
            continue
        if suspension.end is None:
            return clock.model_copy(update={"due": None}) if clock.due else clock
        pauses.append((suspension.start, suspension.end))
    dues = [_known_due(leg, terms, tuple(pauses)) for leg in (*clock.legs, *clock.floor)]
    own = len(clock.legs)
    leading = min(range(own), key=dues.__getitem__)
    if clock.floor:
        leading = max(leading, min(range(own, len(dues)), key=dues.__getitem__), key=dues.__getitem__)
    latest = max(dues[leading], clock.not_before or dues[leading])
    due = None if latest == FOREVER else latest
    if due == clock.due and leading == clock.leading:
        return clock  # the same object: what was worked out of it holds
    return clock.model_copy(update={"due": due, "leading": leading})


def start_clocks(terms: Terms, priority: Priority, category: Category, at: datetime) -> tuple[Clock, ...]:
    """Return the clocks of a ticket that opens at `at` (C1)."""
    clocks = [
        Clock(metric=metric, side=side, legs=legs)
        for side in Side
        for metric in Metric
        if (legs := legs_for(terms, side, metric, priority, category, at))
    ]
    return tuple(timed(clock, terms, ()) for clock in clocks)


def await_next_response(clocks: tuple[Clock, ...], terms: Terms, at: datetime) -> tuple[Clock, ...]:
    """Return the clocks after a message of the customer at `at` (C14).

    Counts once the first response is given, from the earliest message that nobody has answered: one that arrives late
    may be older than the answer. What was met makes room; a breach stays on record.
    """
    cell = terms.plan.next_response
    answers = [clock.met_at for clock in clocks if clock.metric is not Metric.RESOLUTION and clock.met_at]
    waiting = any(clock.metric is Metric.NEXT_RESPONSE and clock.met_at is None for clock in clocks)
    if cell is None or not answers or max(answers) > at or waiting:
        return clocks
    kept = tuple(clock for clock in clocks if clock.metric is not Metric.NEXT_RESPONSE or clock.breach)
    fresh = Clock(metric=Metric.NEXT_RESPONSE, side=Side.CONTRACT, legs=(Leg(cell=cell, start=at),))
    return (*kept, timed(fresh, terms, ()))


def legs_for(
    terms: Terms, side: Side, metric: Metric, priority: Priority, category: Category, at: datetime
) -> tuple[Leg, ...]:
    """Return the legs of the cells by which a metric is counted, each starting at `at`."""
    if metric is Metric.NEXT_RESPONSE:
        return ()  # C14: nothing waits for an answer yet
    if side is Side.CONTRACT:
        cell = _contract_cell(terms, metric, priority, category)
        return (Leg(cell=cell, start=at),) if cell else ()
    return tuple(Leg(cell=cell, start=at) for cell in _target_cells(terms, metric, priority))


def _contract_cell(terms: Terms, metric: Metric, priority: Priority, category: Category) -> Cell | None:
    if metric is Metric.FIRST_RESPONSE:
        critical = terms.plan.critical_response if priority in terms.critical else None  # C2
        return critical or terms.plan.first_response
    if priority is Priority.P4 or category is Category.FEATURE:
        return None  # C7: a request has no contract resolution
    return terms.plan.resolution


@remembered
def _target_cells(terms: Terms, metric: Metric, priority: Priority) -> tuple[Cell, ...]:
    """Yield the priority's own cell, and those of lower priorities that could come earlier (C9).

    A lower cell of the same kind with a larger budget never does, and is left out.
    """

    def cell_of(row: Priority) -> Cell | None:
        terms_of = terms.priorities.get(row)
        if terms_of is None:
            return None
        return terms_of.response if metric is Metric.FIRST_RESPONSE else terms_of.resolution

    own = cell_of(priority)
    if own is None:
        return ()
    lower = [cell for row in Priority if row > priority and (cell := cell_of(row))]
    return (own, *(cell for cell in lower if not _dominated(cell, own)))


def _dominated(cell: Cell, own: Cell) -> bool:
    """Return whether a lower priority's cell can never be the earlier. Hours against business days: that depends on the
    calendar. The same hours on the wall are never later than in support hours."""
    if cell.budget is None or own.budget is None:
        return cell.days is not None and own.days is not None and cell.days >= own.days
    return own.clock in (cell.clock, "wall") and cell.budget >= own.budget


def effective(clocks: Iterable[Clock], metric: Metric) -> Clock | None:
    """Return the clock that is shown and warned of: the earlier of contract and target (C1). Where one is missed and
    the other still runs, that one (C11). None if neither is open."""
    ticking = [c for c in clocks if c.metric is metric and c.binding and c.met_at is None and c.due]
    return min(ticking, key=lambda clock: (clock.lapsed, clock.due, clock.side), default=None)


@remembered
def share_instant(clock: Clock, percent: int, terms: Terms, suspensions: tuple[Suspension, ...]) -> datetime:
    """Return the instant at which `percent` of the clock's budget is used up, in business time (C11)."""
    leg = clock.leg
    calendar = leg_calendar(leg, terms)
    pauses = tuple((s.start, s.end) for s in suspensions if s.end is not None and stops(s, clock.metric))
    budget = leg.cell.budget
    if budget is None:
        budget = calendar.elapsed(leg.start, leg_due(leg, terms, pauses), pauses)
    return calendar.add(leg.start, budget * percent / 100, pauses)


def meet(clocks: tuple[Clock, ...], metric: Metric, occurred: datetime) -> tuple[Clock, ...]:
    """Return the clocks with `metric` met at `occurred`. What was met before stays as it was.

    C4: met iff occurred <= due. C12: a breach whose due instant the evidence precedes is withdrawn. C14: a message
    answers only what was asked before it.
    """

    def met(clock: Clock) -> Clock:
        if not would_meet(clock, metric, occurred):
            return clock
        breach = clock.breach
        if breach and breach.upheld and occurred <= breach.due:
            breach = breach.model_copy(update={"status": "withdrawn"})
        return clock.model_copy(update={"met_at": occurred, "breach": breach})

    return tuple(met(clock) for clock in clocks)


def would_meet(clock: Clock, metric: Metric, occurred: datetime) -> bool:
    """Return whether `metric`, met at `occurred`, is news to a clock."""
    if clock.metric is not metric or (clock.met_at is not None and clock.met_at <= occurred):
        return False
    return metric is not Metric.NEXT_RESPONSE or clock.legs[0].start <= occurred


def unmeet(clocks: tuple[Clock, ...]) -> tuple[Clock, ...]:
    """Return the clocks after a reopening: the resolution clocks resume, the first response stays met (C10)."""
    return tuple(
        clock.model_copy(update={"met_at": None}) if clock.metric is Metric.RESOLUTION else clock for clock in clocks
    )

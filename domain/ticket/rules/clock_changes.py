"""C8: what changes of priority, terms and category do to the clocks of a ticket.

Nothing is due in the past by a change, and nothing is due at the change itself that was not due before. Every
function gives the clocks with `due` not yet worked out: that is `clocks.timed`, with the ticket's suspensions.
"""

from datetime import datetime

from domain.clocks.clock import Clock, Leg, legs_for, timed
from domain.clocks.terms import Terms
from domain.core.enums import PROMISED, Category, Metric, Priority, Side
from domain.ticket.state import Ticket

Clocks = tuple[Clock, ...]


def reprioritise(ticket: Ticket, new: Priority, at: datetime) -> Clocks:
    """Return the clocks after a change of priority at `at` (C8).

    What is met stays met. Raised: the contract is the earlier of the old due and change + new budget; lowered: it
    stays. The target counts from the change either way. A breach that was recorded is never erased. A priority
    that is only confirmed changes nothing.
    """
    if new is ticket.priority:
        return ticket.clocks
    raised = new < ticket.priority  # "P0" < "P4"
    changed: list[Clock] = []
    for side in Side:
        for metric in PROMISED:
            clock = _known(ticket, side, metric)
            legs = legs_for(ticket.terms, side, metric, new, ticket.category, at)
            if clock is None:
                if legs and (raised or side is Side.TARGET):
                    changed.append(_late(ticket, Clock(metric=metric, side=side, legs=legs)))
            elif clock.met_at is not None or (side is Side.CONTRACT and not raised):
                changed.append(clock)
            elif side is Side.CONTRACT:
                # The same cell from a later start is never the earlier: however often it is raised, no more legs.
                cells = [leg.cell for leg in clock.legs]
                new_legs = tuple(leg for leg in legs if leg.cell not in cells)
                changed.append(_promised(clock, clock.legs + new_legs, clock.floor and clock.floor + new_legs))
            elif legs:  # a miss of the old target stays on the timeline; the new one can be missed again
                changed.append(_promised(clock, legs).model_copy(update={"breach": None}))
    return (*changed, *_following(ticket))


def reterm(ticket: Ticket, terms: Terms, at: datetime, *, from_opening: bool) -> Clocks:
    """Return the clocks under new terms (C8).

    They count from where they began, but no clock is due earlier than both its old due and the change + new budget;
    what only the new terms promise counts from the change. `from_opening` is for the account that became known: as if
    it had been then, though never due before `at`. What is met stays met, and a breach stands.
    """
    clocks = [
        clock
        for side in Side
        for metric in PROMISED
        if (clock := _retermed(ticket, terms, at, side, metric, from_opening=from_opening))
    ]
    following = (_as_promised(clock, ticket.terms, terms) for clock in _following(ticket))
    return (*clocks, *following)


def recategorise(ticket: Ticket, category: Category, at: datetime) -> Clocks:
    """Return the clocks after a correction of the category: what runs goes on, and a contract resolution that only the
    new category has (C7) counts from the change."""
    legs = legs_for(ticket.terms, Side.CONTRACT, Metric.RESOLUTION, ticket.priority, category, at)
    if not legs or _known(ticket, Side.CONTRACT, Metric.RESOLUTION):
        return ticket.clocks
    return (*ticket.clocks, _late(ticket, Clock(metric=Metric.RESOLUTION, side=Side.CONTRACT, legs=legs)))


def _known(ticket: Ticket, side: Side, metric: Metric) -> Clock | None:
    return next((clock for clock in ticket.clocks if (clock.side, clock.metric) == (side, metric)), None)


def _following(ticket: Ticket) -> Clocks:
    """Return the clocks of C14, which no change moves."""
    return tuple(clock for clock in ticket.clocks if clock.metric is Metric.NEXT_RESPONSE)


def _late(ticket: Ticket, clock: Clock) -> Clock:
    """Return a clock that a ticket gets after it opened: what its other side has met is met (C8)."""
    met_at = next((other.met_at for other in ticket.clocks if other.metric is clock.metric), None)
    return clock.model_copy(update={"met_at": met_at})


def _promised(clock: Clock, legs: tuple[Leg, ...], floor: tuple[Leg, ...] = ()) -> Clock:
    """Return the clock with other legs."""
    return clock.model_copy(update={"legs": legs, "floor": floor, "leading": 0})


def _retermed(
    ticket: Ticket, terms: Terms, at: datetime, side: Side, metric: Metric, *, from_opening: bool
) -> Clock | None:
    """Return one clock under new terms; None if these promise nothing there."""
    clock = _known(ticket, side, metric)
    if clock is None:
        start = ticket.opened_at if from_opening else at
        legs = legs_for(terms, side, metric, ticket.priority, ticket.category, start)
        return _late(ticket, Clock(metric=metric, side=side, legs=legs, not_before=at)) if legs else None
    if clock.lapsed or (clock.met_at and metric is not Metric.RESOLUTION):  # C10: a resolution may resume
        return _as_promised(clock, ticket.terms, terms)
    legs = legs_for(terms, side, metric, ticket.priority, ticket.category, clock.legs[-1].start)
    if not legs:
        return None
    if side is Side.CONTRACT:
        legs = _renewed(clock.legs, ticket.terms, terms, legs)
    before = _until(clock, ticket, at)
    if from_opening or before.due is None or not legs[0].cell.binding:
        return _promised(clock, legs).model_copy(update={"not_before": at})
    floor = legs_for(terms, side, metric, ticket.priority, ticket.category, at)
    if before.binding:
        floor += (_pinned(before.leg, ticket.terms, terms),)
    return _promised(clock, legs, floor).model_copy(update={"not_before": None})


def _until(clock: Clock, ticket: Ticket, at: datetime) -> Clock:
    """Return the clock as it would be due if what stops it ended at `at`."""
    ended = [s if s.end else s.model_copy(update={"end": at}) for s in ticket.suspensions]
    return timed(clock, ticket.terms, ended)


def _renewed(legs: tuple[Leg, ...], old: Terms, new: Terms, own: tuple[Leg, ...]) -> tuple[Leg, ...]:
    """Return the legs that raising the priority gathered (C8), each under the same cell of the new contract and from
    its own start; and the present priority's own cell, if it is not among them."""
    cells = ("first_response", "critical_response", "resolution")
    follows = {cell: getattr(new.plan, name) for name in cells if (cell := getattr(old.plan, name))}
    kept = tuple(Leg(cell=cell, start=leg.start) for leg in legs if (cell := follows.get(leg.cell)))
    return kept + tuple(leg for leg in own if leg.cell not in [other.cell for other in kept])


def _pinned(leg: Leg, old: Terms, new: Terms) -> Leg:
    """Return the leg as it was promised, whatever the new terms: by which policy, and in which support hours."""
    hours = old.calendar if leg.cell.clock == "plan" and old.calendar != new.calendar else None
    return leg.model_copy(update={"policy": leg.policy or old.policy, "calendar": leg.calendar or hours})


def _as_promised(clock: Clock, old: Terms, new: Terms) -> Clock:
    """Return a clock as it was: met, breached or (C14) asked for under the old terms."""
    pinned = {name: tuple(_pinned(leg, old, new) for leg in getattr(clock, name)) for name in ("legs", "floor")}
    return clock.model_copy(update=pinned)

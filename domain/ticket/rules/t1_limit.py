"""The Tier 1 limit (G1, G2): 15 minutes of troubleshooting from the first take, one budget per stay."""

from datetime import datetime, timedelta
from typing import Literal

from domain.calendars.calendar import WALL, BeyondHorizon, Calendar
from domain.clocks.terms import Terms
from domain.core.enums import Priority
from domain.ticket.state import ACTIVE, Stay, Ticket


def ticks(ticket: Ticket) -> bool:
    """Whether the limit is counting: in Tier 1, taken, and not waiting on the customer (C6)."""
    if not applies(ticket.priority, ticket.terms):
        return False
    taken = ticket.stay is not None and ticket.stay.since is not None
    return taken and ticket.status in ACTIVE and not ticket.suspended


def applies(priority: Priority, terms: Terms) -> bool:
    """G6: no limit applies to a P0 on a paid plan."""
    return priority is not Priority.P0 or not terms.plan.paid


def used_up_at(ticket: Ticket, budget: timedelta) -> datetime | None:
    """When `budget` of the stay is used up, or None past the calendar's horizon.

    G1: on the plan's calendar, on the wall when taken outside it; pending does not count. The ticket must tick.
    """
    stay = ticket.stay
    assert stay is not None
    assert stay.since is not None
    pauses = tuple((s.start, s.end) for s in ticket.suspensions if s.end)
    try:
        return _calendar(ticket).add(stay.since, max(budget - stay.used, timedelta(0)), pauses)
    except BeyondHorizon:
        return None


def reminder_at(ticket: Ticket, upto: datetime | None = None) -> datetime | None:
    """G2: when the lead is reminded next, a grace period after the last word about it; None past the horizon.

    The grace period ticks as the limit did, so nobody is reminded through a closed weekend. With `upto`: the last
    of all reminders that fall due until then.
    """
    stay, grace = ticket.stay, ticket.terms.limits.t1_grace
    assert stay is not None
    last = stay.reminded or stay.reached
    assert last is not None
    calendar = _calendar(ticket)
    try:
        periods = max(1, calendar.elapsed(last, upto) // grace) if upto else 1
        return calendar.add(last, periods * grace)
    except BeyondHorizon:
        return None


def after_change(
    ticket: Ticket, at: datetime, *, priority: Priority, terms: Terms, clock: Literal["plan", "wall"]
) -> Stay | None:
    """C8: the stay after a change of priority or terms at `at`, which never makes its limit due in the past.

    A limit that begins to apply (G6) starts with the change, on `clock`. Other support hours leave what was used up.
    """
    stay = ticket.stay
    if stay is None or stay.since is None or stay.reached:
        return stay
    if not applies(ticket.priority, ticket.terms) and applies(priority, terms):
        return Stay(number=stay.number, since=at, clock=clock)
    if stay.clock == "wall" or terms.calendar == ticket.terms.calendar:
        return stay
    pauses = ((s.start, s.end or at) for s in ticket.suspensions)
    try:
        used = stay.used + ticket.terms.calendar.elapsed(stay.since, at, pauses)
    except BeyondHorizon:
        return stay
    return stay.model_copy(update={"since": at, "used": used})


def clock_at(ticket: Ticket, at: datetime) -> Literal["plan", "wall"]:
    """G1: what a limit that starts at `at` ticks on: the plan's calendar, or the wall while that is closed."""
    try:
        return "plan" if ticket.terms.calendar.is_open(at) else "wall"
    except BeyondHorizon:
        return "wall"


def _calendar(ticket: Ticket) -> Calendar:
    """What the stay's limit is counted on."""
    return ticket.terms.calendar if ticket.stay and ticket.stay.clock == "plan" else WALL

"""How much support time is left until a ticket's deadline (C3, C6), as a list of tickets can tell it.

What a clock is counted on is worked out with each event, and stored beside the deadline; what is left at an instant is
reckoned when somebody looks. While the clock stands still, what is left does not change, and is stored itself.
"""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from domain.calendars.calendar import Calendar
from domain.clocks.clock import Clock, leg_calendar, stops, timed
from domain.ticket.derived import sla_deadline
from domain.ticket.state import ACTIVE, Ticket

Counted = Literal["wall", "plan", "own", "paused", "none"]
"""What the deadline is counted on: the wall clock, the support hours of the ticket's terms, or other support hours in
which it was promised (C8). `paused`: the clocks stand still. `none`: no deadline is ahead."""


class Counting(NamedTuple):
    """What has to be stored of a ticket, so that the support time that is left can be told without its clocks."""

    counted: Counted
    left: timedelta | None = None
    """What is left while the clocks stand still; otherwise None."""


def counting(ticket: Ticket) -> Counting:
    """Return by what the support time is counted that is left until the deadline (`derived.sla_deadline`)."""
    if ticket.status not in ACTIVE:
        return Counting("none")
    clock = _leading(ticket)
    if clock is not None:
        leg = clock.leg
        return Counting("wall" if leg.cell.clock == "wall" else "own" if leg.calendar else "plan")
    if ticket.suspended and sla_deadline(ticket) is None:
        left = [span for one in ticket.clocks if (span := _left_of_paused(ticket, one)) is not None]
        if left:
            return Counting("paused", min(left))
    return Counting("none")


def left_until(calendar: Calendar, due: datetime, now: datetime) -> timedelta | None:
    """Return the support time between `now` and a deadline that is ahead; None where it is not ahead."""
    return calendar.elapsed(now, due) if now < due else None


def support_time_left(ticket: Ticket, now: datetime) -> timedelta | None:
    """Return the support time that is left at `now`: until the deadline, or while the clocks stand still, once they go
    on. None where no deadline is ahead."""
    found = counting(ticket)
    clock = _leading(ticket)
    if clock is None or clock.due is None:
        return found.left
    return left_until(leg_calendar(clock.leg, ticket.terms), clock.due, now)


def _leading(ticket: Ticket) -> Clock | None:
    """Return the clock from which the deadline comes that is ahead."""
    running = (one for one in ticket.clocks if one.running)
    return min(running, key=lambda one: one.due or datetime.max, default=None)


def _left_of_paused(ticket: Ticket, clock: Clock) -> timedelta | None:
    """Return what a clock that stands still has left: the time from the beginning of the pause until it would have been
    due without it. None for a clock that can lapse no more, or is not counted so far ahead."""
    pause = ticket.suspensions[-1]
    if not (clock.binding and clock.met_at is None and not clock.lapsed and stops(pause, clock.metric)):
        return None
    due = timed(clock, ticket.terms, ticket.suspensions[:-1]).due
    if due is None:
        return None
    return leg_calendar(clock.leg, ticket.terms).elapsed(min(pause.start, due), due)

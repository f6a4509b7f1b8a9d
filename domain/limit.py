"""The Tier 1 limit (G1, G2): 15 minutes of troubleshooting from the first take, one budget per stay."""

from datetime import datetime, timedelta

from domain.calendar import WALL, BeyondHorizon, Calendar
from domain.ticket import ACTIVE, Ticket
from domain.words import Tier


def ticks(ticket: Ticket) -> bool:
    """Whether the limit is counting: in Tier 1, taken, and not waiting on the customer (C6)."""
    return (
        ticket.tier is Tier.T1
        and ticket.stay is not None
        and ticket.stay.since is not None
        and ticket.status in ACTIVE
        and not ticket.suspended
    )


def used_up_at(ticket: Ticket, budget: timedelta) -> datetime | None:
    """When `budget` of the stay is used up, or None past the calendar's horizon.

    G1: on the plan's calendar, on the wall when taken outside it; pending does not count. The ticket must tick.
    """
    stay = ticket.stay
    assert stay is not None
    assert stay.since is not None
    pauses = tuple((s.start, s.end) for s in ticket.suspensions if s.end and s.end > stay.since)
    try:
        return limit_calendar(ticket).add(stay.since, budget, pauses)
    except BeyondHorizon:
        return None


def limit_calendar(ticket: Ticket) -> Calendar:
    """What the stay's limit is counted on."""
    return ticket.terms.calendar if ticket.stay and ticket.stay.clock == "plan" else WALL

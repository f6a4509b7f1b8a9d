"""How much support time is left of a ticket's deadline, of one ticket and of the lines of a list."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from domain.ticket.state import Ticket
from domain.ticket.time_left import left_until, support_time_left
from store import journal
from store.journal.terms import find_terms
from store.queries import Behind, Line, Page

ALIKE = timedelta(seconds=1)


def left_of(ticket: Ticket, deadline: datetime | None, now: datetime) -> timedelta | None:
    """Return the support time that a ticket has left; None where no deadline is ahead, or all time until then is
    support time: then it says nothing new."""
    return _worth_saying(support_time_left(ticket, now), deadline, now)


def left_of_lines(session: Session, page: Page, now: datetime) -> dict[str, timedelta]:
    """Return the support time that tickets of a list have left, by their ids, where `left_of` would say it."""
    found = {}
    for line in page.lines:
        left = _worth_saying(_left(session, line, page.behind[line.id], now), line.sla_deadline, now)
        if left is not None:
            found[line.id] = left
    return found


def _left(session: Session, line: Line, behind: Behind, now: datetime) -> timedelta | None:
    match behind.sla_counted:
        case "paused":
            return behind.sla_left
        case "plan" if line.sla_deadline:
            return left_until(find_terms(session, behind.terms).calendar, line.sla_deadline, now)
        case "own" | None:  # the calendar stands with the clock; of a ticket from before, nothing is stored
            ticket = journal.load(session, line.id)
            return support_time_left(ticket, now) if ticket else None
    return None


def _worth_saying(left: timedelta | None, deadline: datetime | None, now: datetime) -> timedelta | None:
    if left is None or (deadline is not None and left >= deadline - now - ALIKE):
        return None
    return left

"""F5: one notice to ops for all effects that have waited for Jira for too long, instead of one for each ticket.

Each ticket shows what it waits on and since when, and has its own event when the policy's bound passes. Ops hear of the
first, then at most once an hour while they become more, and when the last is done.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from domain.aggregate.effect import Notice
from domain.core.enums import Status
from domain.ticket.events import Event
from domain.ticket.rules.pending_effects import late
from domain.ticket.state import Ticket, workflow_id
from store import outages, outbox
from store.database import lock
from store.tables.tickets import TicketRow

SYSTEM = "jira"
"""Its own outage, where it rejects our credentials: ops were alerted to that."""
LATE = f"{SYSTEM}: late"
"""The outage that lasts from the first effect that is late to the last."""
AGAIN = timedelta(hours=1)
"""How soon ops are notified again that more tickets wait."""
NAME = "effect_failing"
"""The row of the policy's notices."""


def watch(session: Session, before: Ticket | None, after: Ticket, event: Event) -> None:
    """Tell ops, if the ticket has just come to wait for too long or was the last that did.

    `after` is stored already, `event` the last one that led to it. What came late and is done by now is not told.
    """
    was, now = late(before), late(after)
    if now == was:
        return
    lock(session, LATE)  # of two that are the last at once, each would see the other wait
    at = event.detected
    if now - was:
        _alert_late(session, after, at)
    elif not (now or _waiting(session)):
        for since in outages.end(session, (LATE,)).values():
            message = f"Jira has taken everything that waited for too long, since {_clock(since)}"
            _alert(session, after, f"{since:%Y%m%dT%H%M%S%f}:ends", message, at)


def _alert_late(session: Session, ticket: Ticket, at: datetime) -> None:
    admission = outages.admit(session, (LATE,), at, AGAIN)
    if admission.until:
        return
    first = not admission.probing and outages.begin(session, LATE, at, AGAIN)
    if first and outages.lasts(session, SYSTEM):
        return
    waiting = _waiting(session)
    tickets = f"{workflow_id(ticket.id)} waits" if waiting == 1 else f"{waiting} tickets wait"
    message = f"{tickets} for Jira for too long. Told once for all: the query WaitsOn='jira' finds them"
    _alert(session, ticket, f"{at:%Y%m%dT%H%M%S%f}", message, at)


def _waiting(session: Session) -> int:
    """Return how many tickets wait for too long."""
    waits = func.jsonb_path_exists(TicketRow.state, text(f"'{_LATE}'"))
    return session.scalar(select(func.count()).where(TicketRow.status != Status.CLOSED, waits)) or 0


_LATE = '$.undone[*] ? (@.alerted == true && @.failed == false && @.kind starts with "jira")'
"""`domain.ticket.effects.late`, as PostgreSQL looks for it."""


def _alert(session: Session, ticket: Ticket, key: str, message: str, at: datetime) -> None:
    for audience in ticket.terms.notices.get(NAME, ()):
        notice = Notice(
            key=f"{NAME}:{SYSTEM}:{key}:{audience}",
            name=NAME,
            ticket=None,
            audience=audience,
            recipient=None,
            title=message,
            at=at,
        )
        outbox.put_or_renew(session, notice)


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"

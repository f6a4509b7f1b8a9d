"""What several rules ask of a ticket and of a command."""

from datetime import datetime
from typing import Any

from domain.aggregate.effect import effect_key
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Reason
from domain.core.enums import Status
from domain.core.refusal import Refused
from domain.core.text import has_text
from domain.ticket.state import (
    ACTIVE,
    Effect,
    IssueLink,
    Ticket,
    workflow_id,
)


def active(ticket: Ticket) -> Reason:
    """Allow a command while the ticket is neither resolved nor closed."""
    return None if ticket.status in ACTIVE else f"the ticket is {ticket.status}"


def not_closed(ticket: Ticket) -> Reason:
    """Allow a command until the ticket is closed."""
    return "the ticket is closed" if ticket.closed else None


def resolved(ticket: Ticket) -> Reason:
    """Allow a command while the ticket is resolved and not closed."""
    return None if ticket.status is Status.RESOLVED else f"the ticket is {ticket.status}, not resolved"


def issue_marked(ticket: Ticket, **update: Any) -> IssueLink | None:
    """Change the link to the tracker's issue, if there is one."""
    return ticket.issue and ticket.issue.model_copy(update=update)


def loop_closed(ticket: Ticket, event: Envelope) -> Changes:
    """Note that the customer was written to after engineering was done (F10): their loop is closed then.

    What was written before, and only arrived late, tells them nothing of it (C12).
    """
    link, written = ticket.issue, event.occurred or event.at
    if link is None or not link.answered or link.told or (link.answered_at and written < link.answered_at):
        return {}
    return {"issue": link.model_copy(update={"told": True})}


def effect_of(ticket: Ticket, event: Envelope, kind: Any, *, issue: str = "") -> Effect:
    """Make the effect of `kind` that `event` causes."""
    key = effect_key(workflow_id(ticket.id), kind, event.seq)
    return Effect(key=key, kind=kind, seq=event.seq, since=event.at, issue=issue)


def instant_text(at: datetime) -> str:
    """Write an instant for people, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def needed(**fields: str) -> dict[str, str]:
    """Return the fields if none is blank. Raises Refused with the names of those that are."""
    if blank := [name for name, text in fields.items() if not has_text(text)]:
        raise Refused("missing_fields", f"missing: {', '.join(blank)}", missing=blank)
    return fields

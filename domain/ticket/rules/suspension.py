"""How the clocks of a ticket stop and tick again (C6).

`waiting` says when a ticket waits on the customer. Other rules end the waiting: an answer of the customer, a hand-off,
a resolution. So what they share stands here, below all of them.
"""

from datetime import datetime
from typing import Literal

from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Rule
from domain.clocks.clock import Suspension
from domain.core.enums import Status
from domain.core.values import Frozen, Instant
from domain.ticket.rules.sla import retimed
from domain.ticket.state import Ticket


class WaitEnded(Frozen):
    """The resolution clocks and the T1 limit tick again, from `end`."""

    type: Literal["wait_ended"] = "wait_ended"
    end: Instant
    why: Literal["replied", "escalated", "resolved", "snoozed_until"]


def suspended(ticket: Ticket, suspension: Suspension, status: Status) -> Changes:
    """Stop the clocks from the start of `suspension`."""
    changes: Changes = {"status": status, "suspensions": (*ticket.suspensions, suspension)}
    return changes | retimed(ticket.model_copy(update=changes))


def resumed(ticket: Ticket, end: datetime, status: Status) -> Changes:
    """End the last suspension; one that ends before it began (by late evidence) never was."""
    *before, last = ticket.suspensions
    ended = last.model_copy(update={"end": max(end, last.start)})
    changes: Changes = {"status": status, "suspensions": (*before, ended)}
    return changes | retimed(ticket.model_copy(update=changes))


def _ended(ticket: Ticket, _event: Envelope, body: WaitEnded) -> Changes:
    return resumed(ticket, body.end, Status.OPEN) | {"snoozed_until": None}


RULE = Rule[Ticket](events={WaitEnded: _ended})

"""C6: waiting on the customer. The resolution clocks and the Tier 1 limit stand still meanwhile."""

from datetime import datetime
from typing import Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import Command
from domain.aggregate.event import Changes
from domain.aggregate.rule import On, Reason, Rule
from domain.clocks.clock import Suspension
from domain.core.enums import Status
from domain.core.input_types import Text
from domain.core.values import Frozen, Instant
from domain.ticket.rules.basics import active, needed, within_limit
from domain.ticket.rules.evidence import answer_customer
from domain.ticket.rules.sla import retimed
from domain.ticket.state import (
    Ticket,
)


class Wait(Command):
    """Wait on the customer: the question is sent, and the resolution clocks and the Tier 1 limit stop."""

    do: Literal["wait"] = "wait"
    question: Text = ""


class WaitStarted(Frozen):
    """Pending on the customer, who was asked a question (C6)."""

    type: Literal["wait_started"] = "wait_started"


class WaitEnded(Frozen):
    """The resolution clocks and the T1 limit tick again, from `end`."""

    type: Literal["wait_ended"] = "wait_ended"
    end: Instant
    why: Literal["replied", "escalated", "resolved"]


def _may_wait(ticket: Ticket) -> Reason:
    """Return why not: the Tier 1 limit is reached (G2)."""
    if ticket.status is Status.PENDING:
        return "it waits on the customer already"
    return active(ticket) or within_limit(ticket)


def _wait(recording: Recording[Ticket], command: Wait) -> None:
    """Wait on the customer: needs a question that the customer sees, which is a response as well (C5, C6)."""
    recording.record(WaitStarted(), texts=needed(question=command.question))
    answer_customer(recording, recording.at)


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


RULE = Rule[Ticket](
    commands={Wait: On(_wait, _may_wait)},
    events={
        WaitStarted: lambda ticket, event, _: suspended(ticket, Suspension(start=event.at), Status.PENDING),
        WaitEnded: lambda ticket, _, body: resumed(ticket, body.end, Status.OPEN),
    },
)

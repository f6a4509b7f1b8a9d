"""C6: waiting on the customer. The resolution clocks and the Tier 1 limit stand still meanwhile.

Where the customer has agreed to it, a ticket waits until an instant: a snooze. That is a promise (G16) to come back
soon after it, of which the agent is reminded when the waiting ends.
"""

from collections.abc import Iterator
from typing import Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.deadline import Deadline
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Lapse, On, Reason, Rule
from domain.clocks.clock import Suspension
from domain.core.enums import Status
from domain.core.input_types import Text
from domain.core.refusal import Refused
from domain.core.values import Frozen, Instant
from domain.ticket.deadline_kinds import Kind
from domain.ticket.rules.basics import active, loop_closed, needed
from domain.ticket.rules.evidence import answer_customer, credited_instant
from domain.ticket.rules.promises import make_promise
from domain.ticket.rules.safe_send import check_seen
from domain.ticket.rules.suspension import WaitEnded, suspended
from domain.ticket.rules.t1_limit import within_limit
from domain.ticket.rules.templates import Templated, check_message
from domain.ticket.state import (
    Ticket,
)


class Wait(Templated):
    """Wait on the customer: the question is sent, and the resolution clocks and the Tier 1 limit stop.

    With `occurred` the question was asked earlier, in another system: what the customer wrote after it answers it. The
    clocks stop when the command is received all the same.
    """

    do: Literal["wait"] = "wait"
    question: Text = ""
    until: Instant | None = None
    """Snooze: wait until this instant, as agreed with the customer; then the clocks tick again by themselves."""
    agreed: bool = False
    """The customer has agreed to wait until then."""
    reason: Text = ""
    """Of a snooze: why it waits."""


class WaitStarted(Frozen):
    """Pending on the customer, who was asked a question (C6)."""

    type: Literal["wait_started"] = "wait_started"
    until: Instant | None = None
    template: str | None = None
    """F9: the template that the question was made of."""
    edited: int | None = None
    """F9: how much of it the sender changed, in percent; None: it was not looked at."""


def _may_wait(ticket: Ticket) -> Reason:
    """Let an agent wait on the customer until the Tier 1 limit is reached (G2), and not twice."""
    if ticket.status is Status.PENDING:
        return "the ticket waits on the customer already"
    return active(ticket) or within_limit(ticket)


def _wait(recording: Recording[Ticket], command: Wait) -> None:
    """Wait on the customer: needs a question that the customer sees, which is a response as well (C5, C6)."""
    check_seen(recording, command)
    texts = needed(question=command.question)
    check_message(command, command.question)
    if command.until is not None:
        if not command.agreed:
            message = "a snooze needs the customer's consent: say `agreed` if the customer has agreed to it"
            raise Refused("missing_fields", message, missing=["agreed"])
        texts |= needed(reason=command.reason)
    asked = credited_instant(recording, command) if command.occurred else recording.at
    edited = command.edited if command.template else None
    started = WaitStarted(until=command.until, template=command.template or None, edited=edited)
    recording.record(started, occurred=asked, texts=texts)
    answer_customer(recording, asked)
    if command.until is not None:
        back = command.until + recording.state.terms.limits.promise_reminder  # reminded of when the waiting ends
        make_promise(recording, back, "snooze", {"text": command.reason})


def _deadlines(ticket: Ticket) -> Iterator[Deadline]:
    if ticket.snoozed_until and ticket.status is Status.PENDING:
        yield Deadline(ticket.snoozed_until, Kind.SNOOZE, "End the waiting, as agreed with the customer")


def _wake(recording: Recording[Ticket], _deadline: Deadline, lapse: Lapse) -> None:
    recording.record_lapse(WaitEnded(end=lapse.due, why="snoozed_until"), lapse.due)


def _started(ticket: Ticket, event: Envelope, body: WaitStarted) -> Changes:
    return suspended(ticket, Suspension(start=event.at, asked=event.occurred), Status.PENDING) | {
        "snoozed_until": body.until,
        **loop_closed(ticket, event),
    }


RULE = Rule[Ticket](
    commands={Wait: On(_wait, _may_wait)},
    events={WaitStarted: _started},
    deadlines=_deadlines,
    lapses={Kind.SNOOZE: _wake},
)

"""C5, C12: when something happened, by whose word, and which clocks that meets."""

from datetime import datetime
from typing import Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import LEADS, Command
from domain.aggregate.rule import Rule
from domain.clocks import clock as clockwork
from domain.clocks.clock import Clock, would_meet
from domain.core.enums import Metric, Side
from domain.core.input_types import Short
from domain.core.refusal import Refused
from domain.core.values import Frozen, Instant
from domain.ticket.state import (
    Ticket,
)


class Evidenced(Command):
    """A command about something that may have happened earlier than it arrives (C12)."""

    occurred: Instant | None = None
    source: Short | None = None
    """Where `occurred` comes from: mail, helpdesk and phone are trusted; a lead may attest."""


class ClockMet(Frozen):
    """A metric was met, at `occurred`; what it withdraws is named (C12)."""

    type: Literal["clock_met"] = "clock_met"
    metric: Metric
    occurred: Instant
    withdrawn: tuple[Side, ...] = ()


def credited_instant(recording: Recording[Ticket], command: Evidenced) -> datetime:
    """Return the instant at which a fact counts (C12).

    Its own, if a trusted source stamped it (or a lead attests it) and it is not older than the policy allows;
    otherwise the instant at which it was received: C4, what lapsed while it waited with us makes nobody late. What
    happened before the ticket opened counts at its opening. Raises Refused for a source that is not trusted, since an
    instant that quietly does not count would be found out only in the dispute.
    """
    if command.occurred is None:
        return max(min(command.received or recording.at, recording.at), recording.state.opened_at)
    trusted = command.source in recording.state.terms.trusted or command.role in LEADS
    if not trusted:
        sources = ", ".join(recording.state.terms.trusted)
        raise Refused("not_allowed", f"`occurred` counts from {sources}, or when a lead attests it")
    # Its age is what it was when it arrived: an outage of ours makes nobody late.
    arrived = min(command.received or recording.detected, recording.detected)
    recording.source = command.source or f"attested by {command.by}"
    too_old = arrived - command.occurred > recording.state.terms.limits.evidence
    if too_old or command.occurred > recording.at:
        return recording.at
    return max(command.occurred, recording.state.opened_at)


def meet(recording: Recording[Ticket], metric: Metric, occurred: datetime) -> None:
    """Record that `metric` is met, if it is news: the first message meets the first response, not the second.

    C12: a breach whose due instant the evidence precedes is withdrawn, and stays on record as such.
    """
    clocks = [clock for clock in recording.state.clocks if would_meet(clock, metric, occurred)]
    if not clocks:
        return
    withdrawn = tuple(clock.side for clock in clocks if _withdrawn(clock, occurred))
    recording.record(ClockMet(metric=metric, occurred=occurred, withdrawn=withdrawn))


def answer_customer(recording: Recording[Ticket], occurred: datetime) -> None:
    """Meet the clocks that a person's message to the customer meets: the first response (C5), and the next one that the
    customer waits for, unless the message was written before the customer's (C14)."""
    meet(recording, Metric.FIRST_RESPONSE, occurred)
    meet(recording, Metric.NEXT_RESPONSE, occurred)


def _withdrawn(clock: Clock, occurred: datetime) -> bool:
    breach = clock.breach
    return breach is not None and breach.upheld and occurred <= breach.due


def lapse_in_hindsight(recording: Recording[Ticket], occurred: datetime) -> None:
    """Record the deadlines that late evidence puts into the past (C12): evidence that hurts counts too; nobody is
    paged."""
    if occurred < recording.at:
        recording.settle(recording.at, inclusive=False, hindsight=True)


RULE = Rule[Ticket](
    events={
        ClockMet: lambda ticket, _event, body: {"clocks": clockwork.meet(ticket.clocks, body.metric, body.occurred)}
    },
)

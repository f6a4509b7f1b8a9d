"""When something happened, by whose word, and what that changes (C4, C5, C12)."""

from datetime import datetime

from domain.clocks.clock import Clock, would_meet
from domain.core.enums import Metric
from domain.core.refusal import Refused
from domain.ticket import events as e
from domain.ticket.commands import LEADS, Command, Evidenced, Respond
from domain.ticket.deadlines import settle
from domain.ticket.state import Ticket
from domain.ticket.story import Story


def credited_instant(story: Story, command: Evidenced) -> datetime:
    """C12: the instant at which a fact counts.

    Its own, if a trusted source stamped it (or a lead attests it) and it is not older than the policy allows;
    otherwise the instant at which it was received: C4, what lapsed while it waited with us makes nobody late. What
    happened before the ticket opened counts at its opening. Raises Refused for a source that is not trusted, since an
    instant that quietly does not count would be found out only in the dispute.
    """
    if command.occurred is None:
        return max(min(command.received or story.at, story.at), story.ticket.opened_at)
    trusted = command.source in story.ticket.terms.trusted or command.role in LEADS
    if not trusted:
        sources = ", ".join(story.ticket.terms.trusted)
        raise Refused("not_allowed", f"`occurred` counts from {sources}, or when a lead attests it")
    # Its age is what it was when it arrived: an outage of ours makes nobody late.
    arrived = min(command.received or story.detected, story.detected)
    story.source = command.source or f"attested by {command.by}"
    too_old = arrived - command.occurred > story.ticket.terms.limits.evidence
    if too_old or command.occurred > story.at:
        return story.at
    return max(command.occurred, story.ticket.opened_at)


def meet(story: Story, metric: Metric, occurred: datetime) -> None:
    """Record that `metric` is met, if it is news: the first message meets the first response, not the second.

    C12: a breach whose due instant the evidence precedes is withdrawn, and stays on record as such.
    """
    clocks = [clock for clock in story.ticket.clocks if would_meet(clock, metric, occurred)]
    if not clocks:
        return
    withdrawn = tuple(clock.side for clock in clocks if _withdrawn(clock, occurred))
    story.record(e.ClockMet(metric=metric, occurred=occurred, withdrawn=withdrawn))


def answer_customer(story: Story, occurred: datetime) -> None:
    """A person's message that the customer can see meets the first response (C5), and the next one that the customer
    waits for, unless it was written before their message (C14)."""
    meet(story, Metric.FIRST_RESPONSE, occurred)
    meet(story, Metric.NEXT_RESPONSE, occurred)


def _withdrawn(clock: Clock, occurred: datetime) -> bool:
    breach = clock.breach
    return breach is not None and breach.standing == "stands" and occurred <= breach.due


def is_late_evidence(ticket: Ticket, command: Command) -> bool:
    """C12: whether a command tells of what happened before the ticket closed: that is heard after it, too."""
    if not isinstance(command, Respond) or command.occurred is None:
        return False
    return ticket.closed_at is not None and command.occurred <= ticket.closed_at


def lapse_in_hindsight(story: Story, occurred: datetime) -> None:
    """C12: evidence that hurts counts too. What it puts into the past is recorded now, and nobody is paged for it."""
    if occurred < story.at:
        settle(story, story.at, inclusive=False, hindsight=True)

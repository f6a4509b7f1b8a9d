"""The end of a ticket, and what comes after it (G2, G7, G9, C7, C8, C10)."""

from datetime import datetime, timedelta

from domain.core.enums import Metric, Resolution, Status
from domain.core.refusal import Refused
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket.rules.evidence import answer_customer, credited_instant, meet
from domain.ticket.rules.gates import missing_to_resolve, said
from domain.ticket.rules.t1_limit import clock_at
from domain.ticket.state import Ticket
from domain.ticket.story import Story

RECORD = (
    "message", "what_was_done", "root_cause", "kb_reason", "identity_check", "customer_reason",
)  # fmt: skip
"""The texts of a resolution's record."""

MEETS = (Resolution.SOLVED, Resolution.WORKAROUND, Resolution.FEATURE_REQUEST)
"""C7: what meets the resolution clocks. A feature request is acknowledged, with a link to it."""


RATED_EVERY = timedelta(hours=1)
"""G9: how long a rating stands before another may take its place."""


def resolve(story: Story, command: c.Resolve) -> None:
    """G9, C7: resolved, with its record. As a workaround too, with the issue still open: the link lives on.

    C7: `won't fix` and `duplicate` are an end, but no resolution: they stop its clocks and do not meet them.
    """
    ticket = story.ticket
    answered = any(k.metric is Metric.FIRST_RESPONSE and k.met_at for k in ticket.clocks)
    if lacking := missing_to_resolve(ticket, command, answered=answered):
        raise Refused("missing_fields", f"to resolve it: {', '.join(lacking)}", missing=lacking)
    assert command.resolution is not None
    occurred = max(credited_instant(story, command), _reopened_at(ticket))
    if ticket.status is Status.PENDING:
        occurred = max(occurred, ticket.suspensions[-1].start)
        story.record(e.WaitEnded(end=occurred, why="resolved"))
    # The closing word to the customer is a person's message too (C5).
    if said(command.message) or said(command.customer_reason):
        answer_customer(story, occurred)
    if command.resolution in MEETS:
        meet(story, Metric.RESOLUTION, occurred)
    body = e.Resolved(
        resolution=command.resolution,
        occurred=occurred,
        over_limit=ticket.escalation_due,
        parent=command.parent or None,
        kb_article=command.kb_article or None,
        kb_gap=command.kb_reason.strip().lower() == "gap",
        link=command.link or None,
    )
    story.record(body, occurred=occurred, texts={name: getattr(command, name) for name in RECORD})


def _reopened_at(ticket: Ticket) -> datetime:
    """The last reopening, else the opening: what a resolution says of an earlier time was overruled by it."""
    return max((s.end for s in ticket.suspensions if s.why == "resolved" and s.end), default=ticket.opened_at)


def reopen(story: Story, command: c.Reopen) -> None:
    """C10, G1: the resolution clocks resume; in Tier 1 a new stay begins."""
    if not said(command.reason):
        raise Refused("missing_fields", "missing: reason", missing=["reason"])
    resume(story, command, command.reason, story.at)


def resume(story: Story, command: c.Command, reason: str, occurred: datetime) -> None:
    """C10, G1: the clocks resume from `occurred`; in Tier 1 a new stay begins. Its limit ticks on the wall only if
    staff reopened it outside support hours: when a customer writes at night, nobody is at work."""
    clock = clock_at(story.ticket, story.at) if command.role in c.STAFF else "plan"
    story.record(e.Reopened(clock=clock), occurred=occurred, texts={"reason": reason})


def close(story: Story, _command: c.Close) -> None:
    """G9: closed by hand, before the quiet period is over."""
    story.record(e.Closed(how="by_hand"))


def refer(story: Story, command: c.Refer) -> None:
    """G2, G7: a Free ticket goes to the community, with a link, and closes."""
    if not said(command.link):
        raise Refused("missing_fields", "missing: link", missing=["link"])
    story.record(e.Referred(), texts={"link": command.link, "text": command.text})
    answer_customer(story, story.at)  # C5
    story.record(e.Closed(how="referred"))


def waive(story: Story, command: c.Waive) -> None:
    """C8: a breach that stands may be waived by ops or a lead, with a reason. It is never erased."""
    blank = [name for name in ("metric", "reason") if not said(getattr(command, name) or "")]
    if blank:
        raise Refused("missing_fields", f"missing: {', '.join(blank)}", missing=blank)
    assert command.metric is not None
    stands = [k for k in story.ticket.clocks if k.side == "contract" and k.breach and k.breach.standing == "stands"]
    if command.metric not in [clock.metric for clock in stands]:
        listed = ", ".join(clock.metric for clock in stands)
        raise Refused("does_not_fit", f"no breach of {command.metric} stands: {listed} does")
    story.record(e.Waived(metric=command.metric), texts={"reason": command.reason})


def rate(story: Story, command: c.Rate) -> None:
    """G9: the customer's satisfaction, by the customer, by whoever carries their word, or by a lead. The last one
    counts, and there is one in an hour."""
    ticket = story.ticket
    if ticket.terms.rules >= 2:
        if command.role not in c.RATERS:
            message = f"rate is not for the role {command.role}: {', '.join(sorted(c.RATERS))}"
            raise Refused("not_allowed", message)
        if ticket.rated_at and story.at < ticket.rated_at + RATED_EVERY:
            again = ticket.rated_at + RATED_EVERY
            raise Refused("does_not_fit", f"it was rated within the last hour: again from {again:%H:%M:%S} UTC on")
    story.record(e.Rated(csat=command.csat))

"""F10: coming back from engineering, to the tier and agent that escalated the ticket. What closes the loop with the
customer afterwards is `basics.loop_closed`."""

from typing import Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Notified, Rule
from domain.core.enums import Tier
from domain.core.values import Frozen
from domain.ticket.derived import proposal
from domain.ticket.rules.basics import issue_marked
from domain.ticket.rules.escalation import with_engineering
from domain.ticket.rules.routing import reroute
from domain.ticket.state import (
    ACTIVE,
    Escalator,
    Route,
    Ticket,
)


class Answered(Frozen):
    """Engineering is done: the ticket is back with the one who escalated it."""

    type: Literal["answered"] = "answered"
    by: Literal["jira", "incident"]
    tier: Tier
    assignee: str | None = None
    route: Route | None = None


def answer(recording: Recording[Ticket], by: Literal["jira", "incident"]) -> None:
    """Send the ticket back to the tier and agent that escalated it, unless it has moved on by then (G5)."""
    ticket = recording.state
    if ticket.tier is not Tier.T3 or ticket.status not in ACTIVE:
        return
    if by == "jira" and ticket.incident and ticket.incident.open:
        return  # the incident is what it waits on
    if by == "incident" and with_engineering(ticket):
        return  # lowered meanwhile: its bug is what it waits on
    sender = ticket.escalator or Escalator(tier=Tier.T2)
    back = reroute(ticket, recording.at, tier=sender.tier)
    recording.record(Answered(by=by, tier=sender.tier, assignee=sender.agent, route=back))


def turned(ticket: Ticket, turn: str) -> str:
    """Return what became of the issue, and what that asks of the agent."""
    link = ticket.issue
    assert link is not None
    if turn == "gone":
        return f"{link.key} is gone from the issue tracker: escalate again if the problem stands"
    if turn == "reopened":
        return f"Engineering has reopened {link.key}: what the customer was told may not hold"
    versions = f" in {', '.join(link.fix_versions)}" if link.fix_versions else ""
    proposed = proposal(ticket)
    then = f", proposed: {proposed}" if proposed else ""
    reason = f"Engineering is done with {link.key} ({link.resolution or link.status}{versions}{then})"
    return f"{reason}: please tell the customer and resolve" if ticket.status in ACTIVE else reason


def _answered(ticket: Ticket, event: Envelope, body: Answered) -> Changes:
    issue = issue_marked(ticket, answered=body.by == "jira", answered_at=event.at, told=False)
    back: Changes = {"issue": issue, "from_engineering": True}
    return back | {"tier": body.tier, "assignee": body.assignee, "stay": None, "route": body.route}


def _notify(ticket: Ticket, _event: Envelope, body: Answered) -> Notified:
    if body.by == "jira" and ticket.issue:
        title = turned(ticket, "gone" if ticket.issue.category == "gone" else "done")
    elif ticket.incident and ticket.incident.state == "left":
        title = f"It was not part of incident-{ticket.incident.number}: it is yours again"
    else:
        title = f"Engineering is done ({body.by}): please tell the customer and resolve"
    return "engineering_answered", title


RULE = Rule[Ticket](events={Answered: _answered}, notices={Answered: _notify})

"""The ways up: who may go where (G5-G7), and how engineering gets it."""

from datetime import datetime
from typing import Literal

from domain import events as e
from domain.gates import is_request, missing
from domain.story import Story
from domain.ticket import SYSTEM, Effect, Ticket
from domain.words import Plan, Priority, Status, Tier

How = Literal["by_hand", "at_limit", "completed", "forced", "critical"]
Engineering = Literal["jira_bug", "jira_request", "incident", "incident_if_open", "linked"]

ABOVE = {Tier.T1: Tier.T2, Tier.T2: Tier.T3}
BELOW = {Tier.T2: Tier.T1, Tier.T3: Tier.T2}

INCIDENT = ("incident",)
ISSUE = ("jira_bug", "jira_request")
"""The effects that bring a ticket to engineering, one way or the other."""


def may_skip_t2(ticket: Ticket) -> bool:
    """G5: straight from T1 to T3 for Enterprise, and for P0 and P1 on any paid plan."""
    urgent = ticket.priority in (Priority.P0, Priority.P1) and ticket.terms.plan.paid
    return ticket.terms.plan.plan is Plan.ENTERPRISE or urgent


def engineering_for(ticket: Ticket) -> Engineering:
    """G5: P0 and P1 open or join an incident; P2 and P3 a Jira Bug; P4 and features a Jira request.

    An issue that is still open, or on its way, is reused: engineering never gets the same problem twice from one
    ticket. On Free only a lead's word leads here (G7), and then it opens an incident like any other.
    """
    if _is_urgent(ticket):
        return "linked" if _in_incident(ticket) else "incident"
    if (ticket.jira and ticket.jira.open) or _on_its_way(ticket, *ISSUE):
        return "linked"
    return "jira_request" if is_request(ticket) else "jira_bug"


def _is_urgent(ticket: Ticket) -> bool:
    return ticket.priority in (Priority.P0, Priority.P1) and not is_request(ticket)


def _in_incident(ticket: Ticket) -> bool:
    linked = ticket.incident is not None and ticket.incident.open
    return linked or bool(_on_its_way(ticket, *INCIDENT))


def _on_its_way(ticket: Ticket, *kinds: str) -> list[Effect]:
    return [effect for effect in ticket.undone if effect.kind in kinds]


def _try_again(story: Story, *kinds: str, at: datetime | None) -> None:
    """What the other side refused is tried again, rather than asked for twice."""
    for effect in _on_its_way(story.ticket, *kinds):
        if effect.failed:
            story.record(e.EffectRetried(key=effect.key), at=at)


def hand_up(
    story: Story, to: Tier, how: How, *, at: datetime | None = None, texts: dict[str, str] | None = None
) -> None:
    """Record the escalation, and how engineering gets it where `to` is T3."""
    ticket = story.ticket
    body = e.Escalated(
        frm=ticket.tier,
        to=to,
        how=how,
        over_limit=ticket.escalation_due,
        to_engineering=engineering_for(ticket) if to is Tier.T3 else None,
    )
    by = SYSTEM if how in ("at_limit", "completed", "critical") else None
    story.record(body, at=at, by=by, texts=texts)
    if body.to_engineering == "linked":
        _try_again(story, *(INCIDENT if _is_urgent(ticket) else ISSUE), at=at)


def go_critical(story: Story, *, at: datetime | None = None) -> None:
    """G6: a P0 on a paid plan opens or joins an incident at once, even while it waits on the customer; the
    packages become a debt."""
    ticket = story.ticket
    if _in_incident(ticket):
        return _try_again(story, *INCIDENT, at=at)
    if ticket.status is Status.PENDING:
        story.record(e.WaitEnded(end=at or story.at, why="escalated"), at=at, by=SYSTEM)
    owed = bool(missing(ticket, Tier.T3))
    body = e.Escalated(
        frm=ticket.tier,
        to=Tier.T3,
        how="critical",
        to_engineering="incident",
        debt_due=(at or story.at) + ticket.terms.limits.debt if owed else None,
    )
    story.record(body, at=at, by=SYSTEM)

"""The ways up: who may go where (G5-G7), and how engineering gets it."""

from datetime import datetime
from typing import Literal

from domain.core.enums import Plan, Priority, Status, Tier
from domain.core.refusal import Refused
from domain.ticket import events as e
from domain.ticket.rules.gates import is_request, missing
from domain.ticket.rules.routing import reroute
from domain.ticket.state import ACTIVE, SYSTEM, Effect, Ticket
from domain.ticket.story import Story

How = Literal["by_hand", "at_limit", "completed", "forced", "critical", "reopened"]
Engineering = Literal[
    "jira_bug", "jira_request", "jira_link", "incident", "incident_own", "incident_if_open", "linked"
]  # fmt: skip

ABOVE = {Tier.T1: Tier.T2, Tier.T2: Tier.T3}
BELOW = {Tier.T2: Tier.T1, Tier.T3: Tier.T2}

INCIDENT = ("incident", "incident_own")
ISSUE = ("jira_bug", "jira_request", "jira_link")
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
    return issue_for(ticket)


def issue_for(ticket: Ticket) -> Literal["jira_bug", "jira_request"]:
    """G5: what an issue of its own would be."""
    return "jira_request" if is_request(ticket) else "jira_bug"


def check_link(ticket: Ticket, to: Tier, issue: str) -> None:
    """F4: whether a person may say that `issue` has the ticket's problem already. Raises Refused."""
    engineering = engineering_for(ticket)
    if to is not Tier.T3:
        raise Refused("does_not_fit", "an issue is linked on the way to Tier 3", would_fit=["escalate"])
    if _is_urgent(ticket):
        message = f"a {ticket.priority} goes to an incident, not to an issue"
        raise Refused("does_not_fit", message, would_fit=["escalate"])
    if engineering == "linked" and not (ticket.jira and ticket.jira.key == issue):
        known = ticket.jira.key if ticket.jira and ticket.jira.open else "an issue that is on its way"
        raise Refused("does_not_fit", f"engineering has it already, as {known}", would_fit=["escalate"])


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
    story: Story,
    to: Tier,
    how: How,
    *,
    at: datetime | None = None,
    texts: dict[str, str] | None = None,
    issue: str = "",
) -> None:
    """Record the escalation, and how engineering gets it where `to` is T3. What it reopened itself it has already."""
    ticket = story.ticket
    engineering = engineering_for(ticket) if how != "reopened" else "linked"
    if issue and engineering != "linked":
        engineering = "jira_link"
    body = e.Escalated(
        frm=ticket.tier,
        to=to,
        how=how,
        over_limit=ticket.escalation_due,
        to_engineering=engineering if to is Tier.T3 else None,
        issue=issue if engineering == "jira_link" else "",
        route=reroute(ticket, at or story.at, tier=to),
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
        route=reroute(ticket, at or story.at, tier=Tier.T3),
    )
    story.record(body, at=at, by=SYSTEM)


def follow_priority(story: Story) -> None:
    """G5, G6: where a new priority leads. A P0 on a paid plan is critical at once; what engineering has already, and
    is urgent now, becomes part of an incident, which is told of its bug. Lowered, it keeps the incident."""
    ticket = story.ticket
    if ticket.priority is Priority.P0 and ticket.terms.plan.paid:
        return go_critical(story)
    if ticket.tier is Tier.T3 and ticket.terms.plan.paid and engineering_for(ticket) == "incident":
        _ask_for_incident(story, "incident")


def follow_terms(story: Story, before: Ticket) -> None:
    """G6, G2: what new terms ask for at once. A P0 that comes to a paid plan is critical (a guess has its minutes
    first); and past the limit a package that is complete under them goes up."""
    ticket = story.ticket
    if ticket.status not in ACTIVE or not ticket.terms.plan.paid:
        return
    if ticket.priority is Priority.P0 and not before.terms.plan.paid and ticket.guess_due is None:
        go_critical(story)
    elif ticket.escalation_due and not missing(ticket, Tier.T2):
        hand_up(story, Tier.T2, "completed")


def go_apart(story: Story) -> None:
    """The ticket was in the wrong incident, and is a problem of its own: it opens another."""
    _ask_for_incident(story, "incident_own")


def _ask_for_incident(story: Story, how: Literal["incident", "incident_own"]) -> None:
    """The gates were passed, or the packages are owed already."""
    body = e.Escalated(
        frm=story.ticket.tier,
        to=Tier.T3,
        how="critical",
        to_engineering=how,
        route=reroute(story.ticket, story.at, tier=Tier.T3),
    )
    story.record(body, by=SYSTEM)


def with_engineering(ticket: Ticket) -> bool:
    """Whether an issue, and no incident, is what engineering works on for this ticket."""
    issue = bool(ticket.jira and ticket.jira.open) or bool(_on_its_way(ticket, *ISSUE))
    return issue and not _is_urgent(ticket)

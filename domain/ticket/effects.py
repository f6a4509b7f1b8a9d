"""What the world must do, and whom it must tell, because of an event.

Effects that act are carried out by activities and stay on the ticket until they are done; notices are rows of the
outbox, written together with the event. Both have keys that survive retry, reset and restart.
"""

from datetime import datetime, timedelta
from typing import Any

from domain.core.enums import Priority, Side
from domain.core.values import Frozen
from domain.ticket import events as e
from domain.ticket.derived import proposal
from domain.ticket.state import ACTIVE, Effect, Ticket, workflow_id


class Notice(Frozen):
    """One message to one audience, once (F5). Ids only: no personal data."""

    key: str
    name: str
    """The row of the policy's notices table."""
    ticket: str | None
    """None for what belongs to no ticket: an incident's."""
    audience: str
    recipient: str | None
    """The id of a person, where one is known; otherwise whoever is the audience."""
    title: str
    at: datetime


def effect_key(ticket_id: str, kind: str, seq: int) -> str:
    """`ticket-<id>:<effect>:<sequence of the causing event>`, never a run id: a second escalation gets its own."""
    return f"{workflow_id(ticket_id)}:{kind}:{seq}"


def effect_of(ticket_id: str, event: e.Event) -> Effect | None:
    """The effect that acts on the outside world because of `event` (G5, G6)."""
    body = event.body
    kind: Any = None
    match body:
        case e.Escalated() if body.to_engineering not in (None, "linked"):
            kind = body.to_engineering
        # G6: a Free P0 joins an incident that is open, and never opens one.
        case e.Opened() if body.priority is Priority.P0 and not body.terms.plan.paid:
            kind = "incident_if_open"
        case e.ToldEngineering():
            kind = "jira_comment"
        case e.TermsAged():
            kind = "terms"
        case e.Prioritised() if body.new is Priority.P0 and body.free:
            kind = "incident_if_open"
    if kind is None:
        return None
    issue = body.issue if isinstance(body, e.Escalated) else ""
    return Effect(key=effect_key(ticket_id, kind, event.seq), kind=kind, seq=event.seq, since=event.at, issue=issue)


def late(ticket: Ticket | None) -> frozenset[str]:
    """F5: what Jira has kept the ticket waiting for too long. It does so to all tickets or to none, as a rule: so ops
    hear of all of them together (`store.late_effects`), and not of each.
    """
    undone = ticket.undone if ticket else ()
    return frozenset(x.key for x in undone if x.alerted and not x.failed and x.kind.startswith("jira"))


def notices(ticket: Ticket, event: e.Event) -> list[Notice]:
    """F5: whom `event` is told to. `ticket` is as the event left it."""
    name, title = _notice(ticket, event)
    if name is None:
        return []
    recipients = {"assignee": ticket.assignee, "csm": ticket.account.csm, "customer": ticket.account.id}
    return [
        Notice(
            key=f"{effect_key(ticket.id, name, event.seq)}:{audience}",
            name=name,
            ticket=ticket.id,
            audience=audience,
            recipient=recipients.get(audience),
            title=title,
            at=event.detected,
        )
        for audience in ticket.terms.notices.get(name, ())
    ]


def _notice(ticket: Ticket, event: e.Event) -> tuple[str | None, str]:
    """The notice's name in the policy's table, and its one line."""
    body = event.body
    match body:
        case e.Warned(hindsight=False):
            shares = ", ".join(f"{share} % of {metric.replace('_', ' ')}" for metric, share in body.shares.items())
            return "warning", f"{shares} is used up"
        case e.Lapsed(hindsight=False):
            metric = body.metric.replace("_", " ")
            if body.side is Side.CONTRACT:
                return "contract_breach", f"Contract breached: {metric} was due at {_clock(body.due)}"
            return "target_missed", f"Target missed: {metric} was due at {_clock(body.due)}"
        # An outage, or late evidence, may bring it out when the minutes are over: it would no longer be true.
        case e.LimitNoted() if event.detected - body.due < timedelta(minutes=body.minutes_left):
            return "t1_note", f"Tier 1 limit: {body.left} left"
        case e.LimitReached(over="enforced") if ticket.terms.plan.paid:
            return "t1_limit", "Tier 1 limit reached"
        case e.LimitReminded():
            return "t1_reminder", "Still past the Tier 1 limit"
        case e.DebtOverdue():
            return "debt_overdue", "The packages of a P0 are overdue"
        case e.EffectOverdue() if body.key not in late(ticket):
            return "effect_failing", f"Outstanding for too long: {body.key}"
        case e.EffectFailed():
            return "effect_failing", f"Refused, a person must act: {body.key}"
        case e.Answered(by="jira") if ticket.jira:
            return "engineering_answered", _turned(ticket, "gone" if ticket.jira.category == "gone" else "done")
        case e.Answered() if ticket.incident and ticket.incident.state == "left":
            return "engineering_answered", f"It was not part of incident-{ticket.incident.number}: it is yours again"
        case e.Answered():
            return (
                "engineering_answered",
                f"Engineering is done ({body.by}): please tell the customer and resolve",
            )
        case e.Opened(priority=Priority.P0) if not body.terms.plan.paid:
            return "guessed_p0", "A P0 on a plan that is not paid: nobody is paged"
        case e.Prioritised(new=Priority.P0, free=True):
            return "guessed_p0", "A P0 on a plan that is not paid: nobody is paged"
        case e.Opened(priority=Priority.P0, priority_guessed=True):
            return "guessed_p0", "A P0 that only a rule guessed: lower it, or it pages"
        case e.Reopened() if ticket.guess_due:
            return "guessed_p0", "A P0 that only a rule guessed is open again: lower it, or it pages"
        case e.Resolved():
            return "survey", "How did we do?"
        case e.JiraChanged() if body.tell:
            return "engineering_answered", _turned(ticket, body.tell)
        case e.FixShipped():
            versions = f" in {', '.join(body.fix_versions)}" if body.fix_versions else ""
            return "fix_shipped", f"The fix behind {body.key} has shipped{versions}"
        case _:
            return None, ""


def _turned(ticket: Ticket, turn: str) -> str:
    """What became of the issue, and what that asks of the agent."""
    link = ticket.jira
    assert link is not None
    if turn == "gone":
        return f"{link.key} is gone from Jira: escalate again if the problem stands"
    if turn == "reopened":
        return f"Engineering has reopened {link.key}: what the customer was told may not hold"
    versions = f" in {', '.join(link.fix_versions)}" if link.fix_versions else ""
    proposed = proposal(ticket)
    then = f", proposed: {proposed}" if proposed else ""
    said = f"Engineering is done with {link.key} ({link.resolution or link.status}{versions}{then})"
    return f"{said}: please tell the customer and resolve" if ticket.status in ACTIVE else said


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"

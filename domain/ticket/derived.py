"""Where a ticket stands, in the words that ops filter by. Derived, never stored apart from what it derives from."""

from datetime import datetime

from domain.clocks.clock import effective
from domain.clocks.terms import Terms
from domain.core.enums import Metric, Resolution, Side, SlaState, Status, Tier, WaitsOn
from domain.ticket.state import Ticket


def sla_state(ticket: Ticket) -> SlaState:
    """The worst that stands. A contract breach stands until it is withdrawn (C12) or waived (C8)."""

    def standing(side: Side) -> bool:
        return any(c.side is side and c.breach and c.breach.standing == "stands" for c in ticket.clocks)

    if standing(Side.CONTRACT):
        return SlaState.BREACHED
    if standing(Side.TARGET):
        return SlaState.TARGET_MISSED
    ticking = [metric for metric in Metric if effective(ticket.clocks, metric)]
    if (
        ticket.suspended
        and ticket.status is Status.PENDING
        and not {Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE} & set(ticking)
    ):
        return SlaState.PAUSED
    if any(ticket.warned.get(metric) for metric in ticking):
        return SlaState.WARNED
    return SlaState.ON_TRACK if ticking else SlaState.NONE


def sla_deadline(ticket: Ticket) -> datetime | None:
    """The next instant at which an effective clock lapses (C1); the last one that did, when none is ahead."""
    if ticket.status in (Status.RESOLVED, Status.CLOSED):
        return None
    ahead = [c.due for c in ticket.clocks if c.running and c.due]
    behind = [c.breach.due for c in ticket.clocks if c.breach and c.lapsed and c.met_at is None and c.binding]
    return min(ahead) if ahead else max(behind, default=None)


def waits_on(ticket: Ticket) -> WaitsOn:
    """Who or what has to move before the ticket can."""
    outstanding = {effect.kind for effect in ticket.undone if not effect.failed}
    if {"jira_bug", "jira_request", "jira_link"} & outstanding:
        return WaitsOn.JIRA
    if {"incident", "incident_own", "incident_if_open"} & outstanding:
        return WaitsOn.PAGER
    if ticket.status in (Status.RESOLVED, Status.CLOSED):
        return WaitsOn.NOBODY
    if ticket.status is Status.PENDING:
        return WaitsOn.CUSTOMER
    if ticket.escalation_due and ticket.terms.plan.paid:  # G7: Free is not escalated, it is answered or referred
        return WaitsOn.ESCALATION
    if ticket.tier is Tier.T3 and ticket.incident and ticket.incident.open:
        return WaitsOn.INCIDENT
    if ticket.tier is Tier.T3 and ticket.jira and ticket.jira.open:
        return WaitsOn.ENGINEERING
    return WaitsOn.AGENT


def proposal(ticket: Ticket) -> Resolution | None:
    """How engineering's end of the issue would resolve the ticket. Proposed, never done: a person resolves."""
    return proposed(ticket.terms, ticket.jira.category, ticket.jira.resolution) if ticket.jira else None


def proposed(terms: Terms, category: str, resolution: str | None) -> Resolution | None:
    """What the policy's table makes of an issue that is done; None where it names nothing.

    An issue that is done without a resolution counts as `Done`.
    """
    return terms.resolutions.get((resolution or "done").casefold()) if category == "done" else None

"""Where a ticket stands, in the words that ops filter by. Derived, never stored apart from what it derives from."""

from datetime import datetime
from functools import partial
from typing import Literal

from domain.clocks.clock import effective
from domain.clocks.terms import Terms
from domain.core.enums import Metric, Resolution, Side, SlaState, Status, Tier, WaitsOn
from domain.core.remembered import OF_STATES, remembered
from domain.ticket.effect_kinds import ISSUE, JOINING
from domain.ticket.rules.escalation import ABOVE
from domain.ticket.rules.gates import missing
from domain.ticket.rules.t1_limit import ticks
from domain.ticket.state import ACTIVE, Ticket

Flag = Literal["limit_running", "package_incomplete", "close_the_loop", "customer_told", "attention", "promise_at_risk"]
"""The Tier 1 limit runs; the next tier needs more; engineering is done and the customer does not know; it is done and
the customer was written to (F10); a lead is asked to look (G18); a promise of the fix is at risk (F10)."""


@partial(remembered, most=OF_STATES)
def sla_state(ticket: Ticket) -> SlaState:
    """Return the worst state of the clocks. A breach counts until it is withdrawn (C12) or waived (C8)."""

    def missed(side: Side) -> bool:
        return any(c.side is side and c.breach and c.breach.upheld for c in ticket.clocks)

    if missed(Side.CONTRACT):
        return SlaState.BREACHED
    if missed(Side.TARGET):
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
    """Return the next instant at which an effective clock lapses (C1); the last one that did, when none is ahead."""
    if ticket.status in (Status.RESOLVED, Status.CLOSED):
        return None
    ahead = [c.due for c in ticket.clocks if c.running and c.due]
    behind = [c.breach.due for c in ticket.clocks if c.breach and c.lapsed and c.met_at is None and c.binding]
    return min(ahead) if ahead else max(behind, default=None)


def waits_on(ticket: Ticket) -> WaitsOn:
    """Return who or what has to move before the ticket can."""
    if ticket.pending_effects:
        pending = {effect.kind for effect in ticket.pending_effects if not effect.failed}
        if pending & {*ISSUE}:
            return WaitsOn.TRACKER
        if pending & {*JOINING}:
            return WaitsOn.PAGER
    if ticket.status in (Status.RESOLVED, Status.CLOSED):
        return WaitsOn.NOBODY
    if ticket.status is Status.PENDING:
        return WaitsOn.CUSTOMER
    if ticket.escalation_due and ticket.terms.plan.paid:  # G7: Free is not escalated, it is answered or referred
        return WaitsOn.ESCALATION
    if ticket.tier is Tier.T3 and ticket.incident and ticket.incident.open:
        return WaitsOn.INCIDENT
    if ticket.tier is Tier.T3 and ticket.issue and ticket.issue.open:
        return WaitsOn.ENGINEERING
    return WaitsOn.AGENT


def flags(ticket: Ticket) -> tuple[Flag, ...]:
    """Return what else a list of tickets may be filtered by. Of a ticket that is over: nothing."""
    if ticket.status not in ACTIVE:
        return ()
    stay, above = ticket.stay, ABOVE.get(ticket.tier)
    found: dict[Flag, bool] = {
        "limit_running": stay is not None and stay.since is not None and stay.reached is None and ticks(ticket),
        "package_incomplete": above is not None and bool(missing(ticket, above)),
        "close_the_loop": ticket.issue is not None and ticket.issue.answered and not ticket.issue.told,
        "customer_told": ticket.issue is not None and ticket.issue.answered and ticket.issue.told,
        "attention": ticket.attention is not None,
        "promise_at_risk": any(one.at_risk and not one.broken for one in ticket.promises),
    }
    return tuple(name for name, holds in found.items() if holds)


def promise_due(ticket: Ticket) -> datetime | None:
    """Return when the next promise to the customer is due that can still be kept (G16)."""
    return min((one.due for one in ticket.promises if not one.broken), default=None)


def proposal(ticket: Ticket) -> Resolution | None:
    """Return how engineering's end of the issue would resolve the ticket. Proposed, never done: a person resolves."""
    return proposed(ticket.terms, ticket.issue.category, ticket.issue.resolution) if ticket.issue else None


def proposed(terms: Terms, category: str, resolution: str | None) -> Resolution | None:
    """Return what the policy's table makes of an issue that is done; None where it names nothing.

    An issue that is done without a resolution counts as `Done`.
    """
    return terms.resolutions.get((resolution or "done").casefold()) if category == "done" else None

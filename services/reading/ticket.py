"""A ticket as an object with stable keys: what the CLI draws and prints, and the API sends."""

from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain.clocks.clock import Clock, effective
from domain.core.enums import PROMISED, Metric, Role, Side
from domain.core.own_words import split
from domain.ticket.aggregate import TICKET, next_deadline
from domain.ticket.derived import proposal, sla_deadline, sla_state
from domain.ticket.events import Event
from domain.ticket.rules import t1_limit as limit
from domain.ticket.rules.escalation import ABOVE, owed_debt
from domain.ticket.rules.gates import missing
from domain.ticket.state import ACTIVE, IssueLink, Refund, Ticket, workflow_id
from services.intake.opening import TAKEN_AS_UNKNOWN, unread_names
from services.reading.instants import iso
from services.reading.lookup import LateRefusal, Seen, TimelinePage
from services.reading.running import as_objects
from services.reading.timeline import summary_of
from store.journal import Entry
from store.refunds import RefundLine


def view(found: Seen) -> dict[str, Any]:
    """Return the ticket, without its timeline. Instants are ISO 8601 in UTC."""
    ticket, texts = found.ticket, found.texts
    deadline = next_deadline(ticket)
    pending_effects = [effect.model_dump(mode="json") for effect in ticket.pending_effects]
    description = split(texts.get("1.description", ""))
    allowed = TICKET.allowed_commands(ticket)
    return {
        "id": ticket.id,
        "live": found.live,
        "note": found.note,
        "workflow_status": found.status,
        "pending_activities": as_objects(found.waiting),
        "seq": ticket.seq,
        "as_of": iso(ticket.as_of),
        "opened_at": iso(ticket.opened_at),
        "source": ticket.source,
        "external_id": ticket.external_id,
        "channel": ticket.channel.value,
        "account": ticket.account.model_dump(mode="json"),
        "category": ticket.category.value,
        "priority": ticket.priority.value,
        "priority_guessed": ticket.priority_guessed,
        "product_area": ticket.product_area,
        "language": ticket.language,
        "tags": list(ticket.tags),
        "reasons": [reason.model_dump(mode="json") for reason in ticket.reasons],
        "account_unknown": ticket.account_unknown,
        "taken_as_unknown": unread_names(texts.get(f"1.{TAKEN_AS_UNKNOWN}", "")),
        "automatic": ticket.automatic or None,
        "channel_outside_plan": ticket.channel_outside_plan,
        "route": ticket.route.model_dump(mode="json") if ticket.route else None,
        "subject": texts.get("1.subject", ""),
        "description": description.own,
        "quoted": description.carried,
        "status": ticket.status.value,
        "tier": ticket.tier.value,
        "assignee": ticket.assignee,
        "sla": {"state": sla_state(ticket).value, "deadline": iso(sla_deadline(ticket)), "policy": ticket.terms.policy},
        "clocks": {
            metric.value: {side.value: _clock(ticket, metric, side) for side in Side}
            for metric in Metric
            if metric in PROMISED or any(clock.metric is metric for clock in ticket.clocks)
        },
        "tier_1_limit": _limit(ticket),
        "waits": {"on": ticket.waits_on.value, "since": iso(ticket.waits_since)},
        "missing": _missing(ticket),
        "package": {
            name: {"text": "\n".join(texts.get(ref, "") for ref in field.refs), "absent": field.absent}
            for name, field in ticket.fields.items()
        },
        "owed": _owed(ticket),
        "next": {"at": iso(deadline.at), "what": deadline.summary} if deadline else None,
        "allowed_commands": allowed,
        "would_fit": allowed,  # the old name, until 1.0
        "links": _links(ticket, texts),
        "similar": [issue.model_dump(include={"key", "url", "tickets"}) for issue in found.similar],
        "refused_deliveries": [
            one._asdict() | {"at": iso(one.at), "missing": list(one.missing)} for one in found.refused
        ],
        "pending_effects": pending_effects,
        "outstanding": pending_effects,  # the old name, until 1.0
        "promises": [promise.model_dump(mode="json") for promise in ticket.promises],
        "bounces": ticket.bounces,
        "reopenings": ticket.reopenings,
        "resolution": _resolution(ticket),
        "refunds": [_refund(one, found.refunds.get(one.number)) for one in ticket.refunds],
    }


def _clock(ticket: Ticket, metric: Metric, side: Side) -> dict[str, Any] | None:
    """Return one of the four clocks (C1); None where the terms have none."""
    clock = next((c for c in ticket.clocks if (c.metric, c.side) == (metric, side)), None)
    if clock is None:
        return None
    breach = clock.breach
    missed = {"due": iso(breach.due), "detected": iso(breach.detected), "status": breach.word} if breach else None
    cell = clock.leg.cell
    return {
        "state": _state(ticket, clock),
        "due": iso(clock.due),
        "met_at": iso(clock.met_at),
        "missed": missed,
        "cell": cell.source,
        "counted": cell.clock,
        "binding": clock.binding,
        "effective": clock == effective(ticket.clocks, metric),
    }


def _state(ticket: Ticket, clock: Clock) -> str:
    """Return the clock in a word or two."""
    if clock.breach and clock.breach.status != "withdrawn":
        return "missed" if clock.breach.upheld else "waived"
    if clock.met_at:
        return "met"
    if not clock.binding:
        return "best effort"
    if clock.due is None:
        return "stopped" if ticket.suspended else "beyond the calendar"
    return "running" if ticket.status in ACTIVE else "over"


def _limit(ticket: Ticket) -> dict[str, Any] | None:
    """Show the stay in Tier 1 (G1); None elsewhere, before the first take, and once the ticket is resolved."""
    stay = ticket.stay
    if stay is None or stay.since is None or ticket.status not in ACTIVE:
        return None
    due: datetime | None = None
    if limit.ticks(ticket) and stay.reached is None:
        due = limit.used_up_at(ticket, ticket.terms.limits.t1_limit)
    return {
        "stay": stay.number,
        "since": iso(stay.since),
        "due": iso(due),
        "reached": iso(stay.reached),
        "over": stay.over,
        "counted": stay.clock,
    }


def _missing(ticket: Ticket) -> dict[str, Any] | None:
    """Show what the next tier needs and does not have (G3, G4); None where there is no next tier."""
    above = ABOVE.get(ticket.tier)
    if above is None or ticket.status not in ACTIVE:
        return None
    return {"to": above.value, "names": missing(ticket, above)}


def _owed(ticket: Ticket) -> dict[str, Any] | None:
    """Show the packages that a P0 owes (G6)."""
    debt = ticket.debt
    if debt is None or not (debt.paid or owed_debt(ticket)):
        return None
    names = [] if debt.paid else missing(ticket, ticket.tier)
    return {"due": iso(debt.due), "paid": iso(debt.paid), "overdue": debt.overdue, "names": names}


def _links(ticket: Ticket, texts: Mapping[str, str]) -> dict[str, Any]:
    return {
        "jira": _issue(ticket, ticket.issue, texts) if ticket.issue else None,
        "incident": ticket.incident.model_dump(mode="json") if ticket.incident else None,
        "parent": ticket.parent,
        "workflow": workflow_id(ticket.id),
    }


def _issue(ticket: Ticket, link: IssueLink, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the issue, what engineering says of it, and which resolution that proposes."""
    return link.model_dump(mode="json", exclude={"heard", "assignee_ref", "said_ref"}) | {
        "assignee_name": texts.get(link.assignee_ref or "", ""),
        "said": texts.get(link.said_ref or "", ""),
        "proposed": proposal(ticket),
    }


def _resolution(ticket: Ticket) -> dict[str, Any] | None:
    if ticket.resolution is None:
        return None
    return {
        "type": ticket.resolution.value,
        "resolved_at": iso(ticket.resolved_at),
        "closed_at": iso(ticket.closed_at),
        "kb_article": ticket.kb_article,
        "csat": ticket.csat,
        "effort": ticket.effort,
    }


def _refund(refund: Refund, line: RefundLine | None) -> dict[str, Any]:
    """Return a refund (F6), and what billing has of it."""
    there = line if line and line.decided_at == refund.decided_at else None
    return refund.model_dump(mode="json", exclude={"state", "by", "since"}) | {
        "state": there.state.value if there else refund.state,
        "requested_by": refund.by,
        "requested_at": iso(refund.since),
        "decided_at": iso(refund.decided_at),
        "billing_id": there.billing_id if there else None,
        "applied_by": there.applied_by if there else None,
        "applied_at": iso(there.applied_at) if there else None,
    }


WRITTEN_BY_CUSTOMERS = {"opened": "description", "replied": "text", "automatic_reply": "text"}
"""Event -> its text that a customer wrote: it is shown in two parts, their own words and what these carry along."""


def _in_parts(event: Event) -> dict[str, str]:
    """Return the texts of an event. Quoted history and the signature of a customer's text stand apart, as `quoted`."""
    texts = {name: text for name, text in event.texts.items() if text}
    name = WRITTEN_BY_CUSTOMERS.get(event.body.type, "")
    if name in texts and (parts := split(texts[name])).carried:
        texts |= {name: parts.own, "quoted": parts.carried}
    return texts


def entry_view(entry: Entry[Event]) -> dict[str, Any]:
    """Return one line of the timeline. The four instants are kept apart: due, occurred, received, detected."""
    event = entry.event
    unread = ", ".join(unread_names(event.texts.get(TAKEN_AS_UNKNOWN, "")))
    summary = summary_of(event.body) + (f"; could not be read, and counts as not said: {unread}" if unread else "")
    return {
        "seq": event.seq,
        "type": event.body.type,
        "summary": summary,
        "told": summary,  # the old name, until 1.0
        "at": iso(event.at),
        "due": iso(getattr(event.body, "due", None)),
        "occurred": iso(event.occurred),
        "received": iso(event.received),
        "detected": iso(event.detected),
        "by": event.actor.id,
        "role": event.actor.role.value,
        "source": event.source,
        "command_id": event.command_id,
        "texts": _in_parts(event),
        "erased": list(entry.erased),
    }


def timeline_view(page: TimelinePage) -> list[dict[str, Any]]:
    """Return the lines of a timeline: its events, and between them what was taken and then refused.

    The latter is no event: it has the number of the event before it.
    """
    lines = [entry_view(entry) for entry in page.entries]
    instants = [entry.event.detected for entry in page.entries]
    for refused in reversed(page.refused):
        place = max(1, bisect_right(instants, refused.at))
        lines.insert(place, _refusal_view(refused, lines[place - 1]["seq"]))
    return lines


def _refusal_view(refused: LateRefusal, seq: int) -> dict[str, Any]:
    missing = f", missing: {', '.join(refused.missing)}" if refused.missing else ""
    summary = f"REFUSED after it was taken: what {refused.source} sent ({refused.code}{missing})"
    return {
        "seq": seq,
        "type": "delivery_refused",
        "summary": summary,
        "told": summary,
        "at": iso(refused.at),
        "due": None,
        "occurred": None,
        "received": None,
        "detected": iso(refused.at),
        "by": refused.source,
        "role": Role.INTEGRATION.value,
        "source": None,
        "command_id": None,
        "texts": {},
        "erased": [],
    }

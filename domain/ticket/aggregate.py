"""The ticket: all of its rules put together. `TICKET.decide` and `TICKET.fold` are where the core is entered.

Read `state` first, then the rules in the order of `RULES`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from domain.aggregate.aggregate import Aggregate, Recording
from domain.aggregate.deadline import Deadline
from domain.aggregate.effect import Notice
from domain.aggregate.event import Changes, Envelope
from domain.core.actor import Actor
from domain.core.enums import Priority
from domain.core.text import has_text
from domain.ticket import commands as c
from domain.ticket.deadline_kinds import Kind
from domain.ticket.derived import sla_deadline, waits_on
from domain.ticket.events import Event
from domain.ticket.rules import (
    attention,
    authors,
    automatic,
    cancellation,
    churn,
    consult,
    conversation,
    effect_results,
    ended_elsewhere,
    engineering,
    escalation,
    evidence,
    handing_over,
    handling,
    identity,
    incident_link,
    opening,
    package,
    pending_effects,
    priority,
    promises,
    refund,
    resolution,
    safe_send,
    satisfaction,
    sla,
    suspension,
    t1_limit,
    templates,
    terms,
    tracker_link,
    waiting,
)
from domain.ticket.state import Ticket, workflow_id

RULES = (
    opening, handling, authors, conversation, automatic, waiting, suspension, package, t1_limit, handing_over,
    escalation, engineering, tracker_link, incident_link, priority, terms, sla, evidence, resolution,
    satisfaction, ended_elsewhere, pending_effects, effect_results, safe_send, consult, promises, attention,
    identity, refund, templates, cancellation,
)  # fmt: skip
"""Every rule of a ticket, in an order in which to read them."""


def _follow(before: Ticket | None, after: Ticket, event: Envelope) -> Changes:
    """Return what every event may change: of what the ticket's incident is notified, and whom the ticket waits for."""
    changes: Changes = {}
    if before and (update := incident_link.update_of_incident(before, after, event)):
        # It tells all there is, so one that is still pending has nothing to add.
        others = (effect for effect in after.pending_effects if effect.kind != update.kind)
        changes["pending_effects"] = (*others, update)
        after = after.model_copy(update=changes)
    if move := safe_send.move_of(before, after, event):
        changes["moves"] = (*after.moves, move)[-safe_send.KEPT :]
    now_waits_on = waits_on(after)
    if after.waits_since is None or now_waits_on is not after.waits_on:
        changes |= {"waits_on": now_waits_on, "waits_since": event.at}
    return changes


def _recipients(ticket: Ticket, event: Envelope) -> Mapping[str, str | None]:
    return {
        "assignee": ticket.assignee,
        "csm": churn.csm_of(ticket),
        "customer": ticket.account.id,
        "asked": getattr(event.body, "to", None),
        "asker": getattr(event.body, "asker", None),
        "promiser": getattr(event.body, "by", None),
    }


_ADDED_LATER = {"promise_at_risk": ("promiser", "lead"), "cancellation": ("csm", "lead")}
"""Who is notified on tickets whose terms are older than the notice."""


def _audiences(ticket: Ticket) -> Mapping[str, Iterable[str]]:
    return {**_ADDED_LATER, **ticket.terms.notices}


TICKET = Aggregate[Ticket](
    noun="ticket",
    rules=[rule.RULE for rule in RULES],
    event=Event,
    begins_with=opening.Opened,
    begin=opening.begin,
    workflow_id=lambda ticket: workflow_id(ticket.id),
    ended=lambda ticket: ticket.closed,
    offered=c.UPDATES,
    facts=c.FACTS,
    refusal=lambda refused, what: opening.MessageRefused(code=refused.code, what=what, missing=tuple(refused.missing)),
    recipients=_recipients,
    audiences=_audiences,
    follow=_follow,
)


def open_ticket(
    opened: opening.Opened,
    at: datetime,
    now: datetime,
    by: Actor,
    texts: dict[str, str],
    identity: str | None = None,
) -> Recording[Ticket]:
    """Record the first events of a ticket. `identity` is that of whatever asked for it.

    A P0 on a paid plan goes to an incident at once; one that only a rule guessed gets its five minutes (G6). What came
    attached fills its field (G3). A `message` that one of ours wrote to the customer is the first response (C5).
    """
    recording = Recording(TICKET, None, at, now, by)
    recording.command_id = identity
    attached = {name: text for name, text in texts.items() if name == "logs_or_screenshots" and has_text(text)}
    own = {name: text for name, text in texts.items() if name not in ("logs_or_screenshots", "message")}
    recording.record(opened, texts=own)
    if has_text(message := texts.get("message", "")):
        conversation.respond_at_opening(recording, message)
    cancellation.note_cancellation(recording)
    if attached:
        recording.record(package.Attached(), texts=attached)
    if opened.priority is Priority.P0 and opened.terms.plan.paid and not opened.priority_guessed:
        escalation.go_critical(recording)
    return recording


def notices(ticket: Ticket, event: Envelope) -> list[Notice]:
    """Return the notices of an event of a ticket (F5). `ticket` is as the event left it."""
    return TICKET.notices(ticket, event, ticket=ticket.id, priority=ticket.priority, deadline=sla_deadline(ticket))


def next_deadline(ticket: Ticket) -> Deadline | None:
    """Return the earliest instant at which something lapses that people wait for, or None if nothing can."""
    return TICKET.next_deadline(ticket, Kind.HORIZON)


def next_timer(ticket: Ticket, *, effects: bool = False) -> Deadline | None:
    """Return the earliest deadline that needs a timer.

    A pending effect is noticed by its activity's own time-out, unless `effects` asks for it. And a calendar is only
    looked at when something happens: its horizon needs a timer where a clock ends beyond it, which is never due.
    """
    beyond = any(c.binding and c.met_at is None and c.due is None for c in ticket.clocks) and not ticket.suspended
    idle = (() if effects else (Kind.EFFECT,)) + (() if beyond else (Kind.HORIZON,))
    return TICKET.next_deadline(ticket, *idle)

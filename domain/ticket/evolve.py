"""What an event makes of a ticket. Every decision is already in the event; here it is only carried out."""

from collections.abc import Callable, Container, Iterable
from datetime import datetime
from typing import Any

from domain.clocks import clock as clockwork
from domain.clocks.clock import Breach, Clock, Suspension
from domain.clocks.terms import Terms
from domain.core.enums import Metric, Priority, Side, Status, Tier
from domain.core.ids import ticket_id
from domain.ticket import events as e
from domain.ticket.derived import waits_on
from domain.ticket.effects import effect_of
from domain.ticket.rules import clock_changes
from domain.ticket.rules import t1_limit as limit
from domain.ticket.rules import tracker_issue as issue
from domain.ticket.rules.gates import is_request
from domain.ticket.rules.incident_debt import JOINING, tells_incident
from domain.ticket.state import Debt, Escalator, Field, IncidentLink, JiraLink, Reason, Stay, Ticket


def evolve(ticket: Ticket | None, event: e.Event) -> Ticket:
    """The ticket after `event`.

    Raises ValueError if the event does not follow the ticket: a gap in the sequence is a bug, never repaired here.
    """
    if ticket is None:
        if not isinstance(event.body, e.Opened) or event.seq != 1:
            raise ValueError(f"a ticket begins with `opened`, not with {event.body.type} {event.seq}")
        changed = _opened(event, event.body)
    elif event.seq != ticket.seq + 1:
        raise ValueError(f"ticket {ticket.id} is at {ticket.seq}: event {event.seq} does not follow")
    else:
        changed = ticket.model_copy(update=_changes(ticket, event))
    update: dict[str, Any] = {"seq": event.seq, "as_of": max(changed.as_of, event.at)}
    if effect := effect_of(changed.id, event):
        update["undone"] = (*changed.undone, effect)
    changed = changed.model_copy(update=update)
    if ticket and (telling := tells_incident(ticket, changed, event)):
        # It tells all there is, so one that is still outstanding has nothing to add.
        others = (effect for effect in changed.undone if effect.kind != telling.kind)
        changed = changed.model_copy(update={"undone": (*others, telling)})
    now_waits_on = waits_on(changed)
    if changed.waits_since is None or now_waits_on is not changed.waits_on:
        changed = changed.model_copy(update={"waits_on": now_waits_on, "waits_since": event.at})
    return changed


def fold(events: Iterable[e.Event]) -> Ticket:
    """The ticket that these events make, from its opening on. ValueError if there are none."""
    ticket: Ticket | None = None
    for event in events:
        ticket = evolve(ticket, event)
    if ticket is None:
        raise ValueError("no events make no ticket")
    return ticket


def _opened(event: e.Event, body: e.Opened) -> Ticket:
    clocks = clockwork.start_clocks(body.terms, body.priority, body.category, event.at)
    if body.in_person:  # C5
        clocks = clockwork.meet(clocks, Metric.FIRST_RESPONSE, event.at)
    guessed_page = body.priority_guessed and body.priority is Priority.P0 and body.terms.plan.paid

    return Ticket(
        id=ticket_id(body.source, body.external_id),
        source=body.source,
        external_id=body.external_id,
        terms=body.terms,
        seq=0,
        as_of=event.at,
        opened_at=event.at,
        channel=body.channel,
        account=body.account,
        category=body.category,
        priority=body.priority,
        priority_guessed=body.priority_guessed,
        product_area=body.product_area,
        language=body.language,
        tags=body.tags,
        reasons=body.reasons,
        account_unknown=body.account_unknown,
        route=body.route,
        clocks=clocks,
        stay=Stay(),
        guess_due=event.at + body.terms.limits.guess if guessed_page else None,
        parent=body.parent,
    )


Changes = dict[str, Any]


def _changes(ticket: Ticket, event: e.Event) -> Changes:
    body = event.body
    match body:
        case e.Taken():
            return _taken(ticket, body, event.at)
        case e.StepNoted():
            return {"fields": _with_ref(ticket.fields, event, "steps_taken")}
        case e.Attached():
            return {"fields": _with_ref(ticket.fields, event, "logs_or_screenshots")}
        case e.Filled():
            return _filled(ticket, event, body)
        case e.Replied():
            return _replied(ticket, event.occurred or event.at)
        case e.WaitStarted():
            return _suspended(ticket, Suspension(start=event.at), Status.PENDING)
        case e.WaitEnded():
            return _resumed(ticket, body.end, Status.OPEN)
        case e.LimitNoted():
            return _stay(ticket, noted=(ticket.stay or Stay()).noted + 1)
        case e.LimitReached():
            return _stay(ticket, reached=body.due, over=body.over)
        case e.LimitReminded():
            return _stay(ticket, reminded=body.due)
        case e.Escalated():
            return _escalated(ticket, body)
        case e.Returned():
            return _returned(ticket, body)
        case e.Answered():
            back = {"jira": _marked(ticket, answered=body.by == "jira")}
            return back | {"tier": body.tier, "assignee": body.assignee, "stay": None, "route": body.route}
        case e.Resolved():
            resolved = {
                "resolution": body.resolution,
                "resolved_at": body.occurred,
                "parent": body.parent or ticket.parent,
                "kb_article": body.kb_article,
                "guess_due": None,
            }
            suspension = Suspension(start=body.occurred, why="resolved")
            return _suspended(ticket, suspension, Status.RESOLVED) | resolved
        case e.Reopened():
            return _reopened(ticket, body, event)
        case e.Closed():
            return {"status": Status.CLOSED, "closed_at": event.at, "guess_due": None}
        case e.Prioritised():
            return _prioritised(ticket, body, event.at)
        case e.Amended():
            return _amended(ticket, body, event.at)
        case e.TermsReplaced():
            return _termed(ticket, body, event.at)
        case e.AccountMatched():
            return _termed(ticket, body, event.at) | {"account_unknown": False, "route": body.route}
        case e.Warned():
            return {"warned": ticket.warned | body.shares}
        case e.Lapsed():
            breach = Breach(due=body.due, detected=event.detected)
            return _clocks(
                ticket,
                lambda c: (
                    c.model_copy(update={"breach": breach})
                    if (c.side, c.metric) == (body.side, body.metric) and c.met_at is None
                    else c
                ),
            )
        case e.ClockMet():
            return {"clocks": clockwork.meet(ticket.clocks, body.metric, body.occurred)}
        case e.Waived():
            return _clocks(ticket, lambda c: _waived(c, body.metric))
        case e.DebtPaid():
            return {"debt": ticket.debt and ticket.debt.model_copy(update={"paid": event.at})}
        case e.DebtOverdue():
            return {"debt": ticket.debt and ticket.debt.model_copy(update={"overdue": True})}
        case e.GuessStood():
            return {"guess_due": None, "priority_guessed": False}
        case e.EffectDone():
            return _effect_done(ticket, body)
        case e.EffectFailed():
            return _effect(ticket, body.key, failed=True)
        case e.EffectOverdue():
            return _effect(ticket, body.key, alerted=True)
        case e.EffectRetried():
            other = {"kind": body.kind, "issue": body.issue} if body.kind else {}
            return _effect(ticket, body.key, failed=False, alerted=False, since=event.at, **other)
        case e.JiraChanged():
            return {"jira": issue.changed(_issue(ticket, body.was or body.key), body, event.seq)}
        case e.EngineeringSaid():
            return {"jira": issue.heard(_issue(ticket, body.key), body, event.seq)}
        case e.FixShipped():
            return {"jira": _marked(ticket, shipped=True)}
        case e.IncidentChanged():
            draft = ticket.incident.draft if ticket.incident and ticket.incident.number == body.number else None
            link = IncidentLink(number=body.number, state=body.state, version=body.version, draft=draft)
            return {"incident": link}
        case e.IncidentLeft():
            joins = tuple(effect for effect in ticket.undone if effect.kind not in (*JOINING, "tell_incident"))
            return {"incident": IncidentLink(number=body.number, state="left", version=body.version), "undone": joins}
        case e.UpdateDrafted():
            return _incident(ticket, draft=body.update)
        case e.Responded():
            return _incident(ticket, draft=None)
        case e.Rated():
            return {"csat": body.csat, "rated_at": event.at}
        case _:  # opened, responded, noted, referred, refused: on the timeline, and nothing else
            return {}


def _incident(ticket: Ticket, **update: Any) -> Changes:
    return {"incident": ticket.incident and ticket.incident.model_copy(update=update)}


def _values(body: e.Body, *without: str) -> Changes:
    return {name: getattr(body, name) for name in type(body).model_fields if name not in without}


def _with_ref(fields: dict[str, Field], event: e.Event, name: str) -> dict[str, Field]:
    """The fields with one more text in `name`; a declared absence gives way to the real thing."""
    known = fields.get(name)
    refs = known.refs if known and not known.absent else ()
    return fields | {name: Field(refs=(*refs, f"{event.seq}.{name}"))}


def _filled(ticket: Ticket, event: e.Event, body: e.Filled) -> Changes:
    filled = {name: Field(refs=(f"{event.seq}.{name}",), absent=body.absent.get(name)) for name in body.fields}
    return {"fields": ticket.fields | filled, "arr": body.arr or ticket.arr}


def _taken(ticket: Ticket, body: e.Taken, at: datetime) -> Changes:
    changes: Changes = {"assignee": body.agent}
    if ticket.status is Status.NEW:
        changes["status"] = Status.OPEN
    if ticket.stay and ticket.stay.since is None:  # G1: one budget per stay, from the first take
        changes |= _stay(ticket, since=at, clock=body.clock)
    return changes


def _replied(ticket: Ticket, at: datetime) -> Changes:
    """C14: the customer waits for the next response."""
    clocks = clockwork.await_next_response(ticket.clocks, ticket.terms, at)
    if clocks == ticket.clocks:
        return {}
    return {"clocks": clocks, "warned": {m: s for m, s in ticket.warned.items() if m is not Metric.NEXT_RESPONSE}}


def _stay(ticket: Ticket, **update: Any) -> Changes:
    return {"stay": (ticket.stay or Stay()).model_copy(update=update)}


def _clocks(ticket: Ticket, change: Callable[[Clock], Clock]) -> Changes:
    return {"clocks": tuple(change(clock) for clock in ticket.clocks)}


def _waived(clock: Clock, metric: Metric) -> Clock:
    if clock.side is Side.CONTRACT and clock.metric is metric and clock.breach and clock.breach.standing == "stands":
        return clock.model_copy(update={"breach": clock.breach.model_copy(update={"standing": "waived"})})
    return clock


def _retimed(ticket: Ticket) -> Changes:
    """Every unmet clock, worked out again."""

    def again(clock: Clock) -> Clock:
        return clock if clock.met_at else clockwork.timed(clock, ticket.terms, ticket.suspensions)

    return _clocks(ticket, again)


def _suspended(ticket: Ticket, suspension: Suspension, status: Status) -> Changes:
    changes: Changes = {"status": status, "suspensions": (*ticket.suspensions, suspension)}
    return changes | _retimed(ticket.model_copy(update=changes))


def _resumed(ticket: Ticket, end: datetime, status: Status) -> Changes:
    """C6, C10: the last suspension ends; one that ends before it began (by late evidence) never was."""
    *before, last = ticket.suspensions
    ended = last.model_copy(update={"end": max(end, last.start)})
    changes: Changes = {"status": status, "suspensions": (*before, ended)}
    return changes | _retimed(ticket.model_copy(update=changes))


def _escalated(ticket: Ticket, body: e.Escalated) -> Changes:
    changes: Changes = {
        "tier": body.to,
        "assignee": None,
        "stay": None,
        "status": Status.OPEN,
        "route": body.route,
        "jira": _marked(ticket, answered=False),
    }
    if body.to is Tier.T3:  # G6: a guess is settled by a page or by lowering it, not by Tier 2
        changes["guess_due"] = None
    if body.to is Tier.T3 and body.frm is not Tier.T3:
        # A P0 that skipped the tiers has no agent to come back to: it comes back to Tier 2.
        tier = Tier.T2 if body.how == "critical" else body.frm
        changes["escalator"] = Escalator(tier=tier, agent=ticket.assignee)
    if body.debt_due:
        changes["debt"] = Debt(due=body.debt_due)
    return changes


def _returned(ticket: Ticket, body: e.Returned) -> Changes:
    changes: Changes = {"tier": body.to, "assignee": None, "bounces": ticket.bounces + 1, "route": body.route}
    changes["jira"] = _marked(ticket, answered=False)
    if body.to is Tier.T1:  # G1: a hand-back starts a new stay, and they are counted
        changes |= {"stays": ticket.stays + 1, "stay": Stay(number=ticket.stays + 1)}
    return changes


def _reopened(ticket: Ticket, body: e.Reopened, event: e.Event) -> Changes:
    clocks = clockwork.unmeet(ticket.clocks)
    changes: Changes = {
        "clocks": clocks,
        "resolution": None,
        "resolved_at": None,
        "reopenings": ticket.reopenings + 1,
        "guess_due": _guess_due(ticket, ticket.terms, event.at),
    }
    if ticket.tier is Tier.T1:  # G1: reopening starts a new stay; who still holds the ticket has it in hand
        since = event.at if ticket.assignee else None
        changes["stays"] = ticket.stays + 1
        changes["stay"] = Stay(number=ticket.stays + 1, since=since, clock=body.clock)
    # C12: a customer who wrote earlier than we heard of it was waiting since then.
    return changes | _resumed(ticket.model_copy(update=changes), event.occurred or event.at, Status.OPEN)


def _guess_due(ticket: Ticket, terms: Terms, at: datetime) -> datetime | None:
    """G6: a P0 that only a rule guessed pages some minutes after it comes to a paid plan, or is reopened unsettled.
    A Free P0 never pages."""
    guessed = ticket.priority_guessed and ticket.priority is Priority.P0 and ticket.tier is not Tier.T3
    return at + terms.limits.guess if guessed and terms.plan.paid else None


def _prioritised(ticket: Ticket, body: e.Prioritised, at: datetime) -> Changes:
    clocks = clock_changes.reprioritise(ticket, body.new, at)
    changes: Changes = {"priority": body.new, "priority_guessed": False, "guess_due": None, "clocks": clocks}
    changes["stay"] = limit.after_change(ticket, at, priority=body.new, terms=ticket.terms, clock=body.clock)
    changes["reasons"] = _without_reasons(ticket, ("impact", "urgency", "priority"))
    changes |= _retimed(ticket.model_copy(update=changes))
    return changes | _without_past_warnings(ticket.model_copy(update=changes), at)


def _amended(ticket: Ticket, body: e.Amended, at: datetime) -> Changes:
    changes = {name: value for name, value in _values(body, "type", "overruled").items() if value is not None}
    changes["reasons"] = _without_reasons(ticket, changes)
    if body.category is not None:
        changes["clocks"] = clock_changes.recategorise(ticket, body.category, at)
        changes |= _retimed(ticket.model_copy(update=changes))
        changes |= _without_past_warnings(ticket.model_copy(update=changes), at)
    return changes


def _without_reasons(ticket: Ticket, fields: Container[str]) -> tuple[Reason, ...]:
    """A person has said so now: there is no other reason left."""
    return tuple(reason for reason in ticket.reasons if reason.field not in fields)


def _termed(ticket: Ticket, body: e.TermsReplaced | e.AccountMatched, at: datetime) -> Changes:
    clocks = clock_changes.reterm(ticket, body.terms, at, from_opening=isinstance(body, e.AccountMatched))
    changes: Changes = {"terms": body.terms, "clocks": clocks, "account": body.account or ticket.account}
    changes["stay"] = limit.after_change(ticket, at, priority=ticket.priority, terms=body.terms, clock="plan")
    guess_due = _guess_due(ticket, body.terms, at)
    changes["guess_due"] = guess_due and (ticket.guess_due or guess_due)
    changes |= _retimed(ticket.model_copy(update=changes))
    return changes | _without_past_warnings(ticket.model_copy(update=changes), at)


def _without_past_warnings(ticket: Ticket, at: datetime) -> Changes:
    """C8, C11: after a change, warnings are those of the clock that is effective now; none that lies in the past."""
    warned = dict(ticket.warned)
    for metric in Metric:
        if clock := clockwork.effective(ticket.clocks, metric):
            shares = ticket.terms.limits.warnings
            past = [s for s in shares if clockwork.share_instant(clock, s, ticket.terms, ticket.suspensions) <= at]
            warned[metric] = max(past, default=0)
    return {"warned": warned}


def _effect(ticket: Ticket, key: str, **update: Any) -> Changes:
    return {"undone": tuple(x.model_copy(update=update) if x.key == key else x for x in ticket.undone)}


def _effect_done(ticket: Ticket, body: e.EffectDone) -> Changes:
    done = next((effect for effect in ticket.undone if effect.key == body.key), None)
    changes: Changes = {"undone": tuple(effect for effect in ticket.undone if effect.key != body.key)}
    if body.jira_key:
        request = done and (done.kind == "jira_request" or (done.kind == "jira_link" and is_request(ticket)))
        kind = "request" if request else "bug"
        known = _issue(ticket, body.jira_key)
        moved = known.key != body.jira_key  # since it was made, and the issue itself has told so already
        changes["jira"] = known.model_copy(update={"url": known.url if moved else body.jira_url or "", "kind": kind})
    link = ticket.incident
    if body.incident is not None and (link is None or link.number != body.incident or link.state == "left"):
        version = link.version if link and link.number == body.incident else 0
        changes["incident"] = IncidentLink(number=body.incident, version=version)
    return changes


def _issue(ticket: Ticket, key: str) -> JiraLink:
    """What is known of the issue `key`; it may speak before the effect that made it has reported back."""
    return ticket.jira if ticket.jira and ticket.jira.is_called(key) else JiraLink(key=key, url="", kind="bug")


def _marked(ticket: Ticket, **update: Any) -> JiraLink | None:
    return ticket.jira and ticket.jira.model_copy(update=update)

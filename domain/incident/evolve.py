"""What an event makes of an incident. Every decision is already in the event; here it is only carried out."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from domain.calendars.calendar import WALL, BeyondHorizon
from domain.core.enums import Role
from domain.incident import events as e
from domain.incident.effects import effect_key, effects_of
from domain.incident.state import (
    Action,
    Effect,
    Incident,
    IncidentState,
    Joined,
    Leaver,
    News,
    Sent,
    Update,
    workflow_id,
)
from domain.incident.terms import IncidentTerms

Changes = dict[str, Any]


def evolve(incident: Incident | None, event: e.IncidentEvent) -> Incident:
    """The incident after `event`. Raises ValueError if the event does not follow it."""
    if incident is None:
        if not isinstance(event.body, e.Declared) or event.seq != 1:
            raise ValueError(f"an incident begins with `declared`, not with {event.body.type} {event.seq}")
        changed = _declared(event, event.body)
    elif event.seq != incident.seq + 1:
        raise ValueError(f"incident-{incident.number} is at {incident.seq}: event {event.seq} does not follow")
    else:
        changed = incident.model_copy(update=_changes(incident, event))
    undone = (*changed.undone, *effects_of(incident, changed, event))
    return changed.model_copy(update={"seq": event.seq, "as_of": max(changed.as_of, event.at), "undone": undone})


def fold(events: Iterable[e.IncidentEvent]) -> Incident:
    """The incident that these events make, from its declaration on. ValueError if there are none."""
    incident: Incident | None = None
    for event in events:
        incident = evolve(incident, event)
    if incident is None:
        raise ValueError("no events make no incident")
    return incident


def counted_from(due: datetime, detected: datetime, interval: timedelta) -> datetime:
    """From when the next `interval` counts: the due instant; or the instant at which it was noticed, where an outage
    made that much later. Nobody is skipped on the ladder because nothing ran."""
    return detected if detected - due > interval / 2 else due


def _declared(event: e.IncidentEvent, body: e.Declared) -> Incident:
    update_due = event.at + body.terms.of(body.priority).first_update
    return Incident(
        number=body.number,
        product_area=body.product_area,
        drill=body.drill,
        by_hand=event.actor.role is not Role.SYSTEM,
        terms=body.terms,
        as_of=event.at,
        priority=body.priority,
        state_since=event.at,
        declared_at=event.at,
        commander=body.terms.commander,
        next_page=event.at,
        update_due=update_due,
        update_nag=update_due,
    )


def _changes(incident: Incident, event: e.IncidentEvent) -> Changes:
    body = event.body
    match body:
        case e.TicketJoined():
            return _joined(incident, event.at, body)
        case e.TicketChanged():
            update = {"priority": body.priority, "owes": body.owes, "jira_key": body.jira_key, "version": body.version}
            return _tickets(incident, (body.ticket,), **update)
        case e.TicketLeft():
            return _left(incident, body)
        case e.Told():
            return _heard(incident, set(body.tickets).difference(body.missed), body.version)
        case e.LeaverTold():
            return {} if body.missed else _farewell_heard(incident, (body.ticket,))
        case e.PageAdopted():
            page = Sent(key=body.dedup_key, dedup_key=body.dedup_key, state="accepted")
            wait = incident.terms.of(incident.priority).acknowledge
            first = {"rung": 1, "next_page": event.at + wait} if body.first else {}
            return {"pages": (*incident.pages, page), **first}
        case e.Paged():
            return _paged(incident, event, body)
        case e.Unanswered():
            return {"next_page": None, "unanswered": True}
        case e.LadderRestarted():
            return {"rung": 0, "next_page": event.at, "unanswered": False}
        case e.Acknowledged():
            taken = {"taken_page": body.page, "taken_at_pager": body.occurred}
            changes = _to(incident, event, "acknowledged") | _taken_on(incident, event.at) | _no_more_pages(incident)
            return changes | taken
        case e.PagerActed(lapsed=True):
            return _to(incident, event, "declared") | _lapsed(incident, event.at, body.occurred)
        case e.PagerActed():
            return {}
        case e.Mitigated():
            mitigated = {"mitigated_at": event.at} | _taken_on(incident, event.at)
            return _to(incident, event, "mitigated") | mitigated | _no_more_pages(incident)
        case e.UpdatePosted():
            return _updated(incident, event, body)
        case e.UpdateApproved():
            return _approved(incident, event, body)
        case e.UpdateMissed():
            terms = incident.terms.of(incident.priority)
            wait = incident.terms.update_grace if body.times == 1 else terms.updates
            nag = counted_from(body.due, event.detected, wait) + wait
            return {"update_missed": body.times, "update_nag": nag}
        case e.HandedOver():
            return {"commander": body.to}
        case e.CommunicationsAssigned():
            return {"communications": body.to}
        case e.SeverityChanged():
            return _severity(incident, event, body)
        case e.Resolved():
            review = {"resolved_at": event.at, "review_due": body.review_due, "review_nag": body.review_due}
            return _over(incident, event, "resolved") | _taken_on(incident, event.at) | review
        case e.Cancelled():
            return _over(incident, event, "cancelled")
        case e.ReviewDue():
            from_when = counted_from(body.due, event.detected, timedelta(days=1))
            return {"review_nag": business_days(incident.terms, from_when, 1)}
        case e.ActionAdded():
            return {"actions": (*incident.actions, Action(seq=event.seq, owner=body.owner, due=body.due))}
        case e.Reviewed():
            reviewed = {"state": "reviewed", "state_since": event.at, "reviewed_at": event.at}
            return reviewed | {"review_due": None, "review_nag": None}
        case e.EffectDone():
            return _effect_done(incident, body)
        case e.EffectFailed():
            return _effect_failed(incident, event, body.key)
        case e.EffectOverdue():
            return _effect(incident, body.key, alerted=True)
        case e.EffectRetried():
            return _retried(incident, body.key, event.at)
        case e.EffectDropped():
            return _dropped(incident, body.key)
        case _:  # refused: on the timeline, and nothing else
            return {}


def business_days(terms: IncidentTerms, start: datetime, days: int) -> datetime:
    """`days` working days on; past what the calendar knows, days are days."""
    try:
        return terms.calendar.add_days(start, days)
    except BeyondHorizon:
        return WALL.add_days(start, days)


# -- Tickets ---------------------------------------------------------------------------------------------------


def _joined(incident: Incident, at: datetime, body: e.TicketJoined) -> Changes:
    joined = Joined(
        ticket=body.ticket,
        effect_key=body.effect_key,
        at=at,
        since=body.since,
        priority=body.priority,
        owes=body.owes,
        jira_key=body.jira_key,
        version=body.version,
        added=body.by_hand,
    )
    others = tuple(other for other in incident.tickets if other.ticket != body.ticket)
    return {"tickets": (*others, joined)}


def _tickets(incident: Incident, tickets: tuple[str, ...], **update: Any) -> Changes:
    changed = (x.model_copy(update=update) if x.ticket in tickets else x for x in incident.tickets)
    return {"tickets": tuple(changed)}


def _left(incident: Incident, body: e.TicketLeft) -> Changes:
    """It is told under a version of its own; nobody else has anything to hear."""
    gone = incident.ticket(body.ticket)
    assert gone is not None
    version = incident.version + 1
    leaver = Leaver(ticket=body.ticket, effect_key=gone.effect_key, version=version, own=body.own)
    return {
        "tickets": tuple(joined for joined in incident.tickets if joined.ticket != body.ticket),
        "leavers": (*incident.leavers, leaver),
        "version": version,
    }


def _farewell_heard(incident: Incident, tickets: Collection[str]) -> Changes:
    leavers = (x.model_copy(update={"told": True}) if x.ticket in tickets else x for x in incident.leavers)
    return {"leavers": tuple(leavers)}


def _heard(incident: Incident, heard: Collection[str], version: int) -> Changes:
    """News that everybody has heard is forgotten."""
    tickets = tuple(
        x.model_copy(update={"told": max(x.told, version)}) if x.ticket in heard else x for x in incident.tickets
    )
    least = min((joined.told for joined in tickets), default=incident.version)
    return {"tickets": tickets, "news": tuple(news for news in incident.news if news.version > least)}


def _news(incident: Incident, event: e.IncidentEvent, **news: Any) -> Changes:
    """One more thing that every ticket is told."""
    said: Changes = {"state": incident.state, "priority": incident.priority, "by": event.actor.id} | news
    version = incident.version + 1
    return {"version": version, "news": (*incident.news, News(version=version, at=event.at, **said))}


# -- States ----------------------------------------------------------------------------------------------------


def _to(incident: Incident, event: e.IncidentEvent, state: IncidentState) -> Changes:
    news = _news(incident, event, state=state, comment=event.texts.get("comment") or event.texts.get("reason", ""))
    return {"state": state, "state_since": event.at} | news


def _taken_on(incident: Incident, at: datetime) -> Changes:
    """Somebody has it."""
    return {"acknowledged_at": incident.acknowledged_at or at}


def _lapsed(incident: Incident, at: datetime, occurred: datetime) -> Changes:
    """Nobody has it any more. The pager calls again whoever had it; the next rung is paged if that is of no use."""
    nobody = {"acknowledged_at": None, "taken_page": None, "taken_at_pager": None, "lapsed_at_pager": occurred}
    return nobody | {"next_page": at + incident.terms.of(incident.priority).acknowledge}


def _no_more_pages(incident: Incident) -> Changes:
    """The ladder ends, and what was not sent yet is not sent: nobody is woken for what somebody has."""
    waking = {effect.page for effect in incident.undone if effect.kind in ("page", "page_elsewhere")}
    pages = tuple(p.model_copy(update={"state": "withdrawn"}) if p.key in waking else p for p in incident.pages)
    undone = tuple(effect for effect in incident.undone if effect.page is None)
    return {"next_page": None, "unanswered": False, "pages": pages, "undone": undone}


def _over(incident: Incident, event: e.IncidentEvent, state: IncidentState) -> Changes:
    no_updates = {"update_due": None, "update_nag": None}
    return _to(incident, event, state) | no_updates | _no_more_pages(incident)


def _severity(incident: Incident, event: e.IncidentEvent, body: e.SeverityChanged) -> Changes:
    """The ladder goes on from the last page at the new pace, updates from the change; nothing is due in the past."""
    old, new = incident.terms.of(body.old), incident.terms.of(body.new)
    news = _news(incident, event, priority=body.new, comment=event.texts.get("reason", ""))
    changes: Changes = {"priority": body.new} | news
    if incident.next_page and incident.rung:
        changes["next_page"] = max(event.at, incident.next_page - old.acknowledge + new.acknowledge)
    if incident.update_due and not incident.update_missed:
        raised = new.updates < old.updates
        wait = new.updates if incident.updates_posted or not raised else new.first_update
        due = min(incident.update_due, event.at + wait) if raised else event.at + wait
        changes |= {"update_due": due, "update_nag": due}
    return changes


# -- Pages and updates -----------------------------------------------------------------------------------------


def _paged(incident: Incident, event: e.IncidentEvent, body: e.Paged) -> Changes:
    page = Sent(
        key=effect_key(incident.number, "page", event.seq),
        dedup_key=workflow_id(incident.number),
        level=body.level,
        round=body.round,
        audience=body.audience,
    )
    wait = incident.terms.of(incident.priority).acknowledge
    next_page = counted_from(body.due, event.detected, wait) + wait
    return {"pages": (*incident.pages, page), "rung": body.rung, "next_page": next_page}


def _updated(incident: Incident, event: e.IncidentEvent, body: e.UpdatePosted) -> Changes:
    text = event.texts.get("update", "")
    update = Update(number=body.number, seq=event.seq, at=event.at, text=text)
    due = event.at + incident.terms.of(incident.priority).updates
    news = _news(incident, event, draft=text, update=body.number)
    return {
        "updates": (*incident.updates, update)[-KEPT:],
        "updates_posted": body.number,
        "update_due": due,
        "update_nag": due,
        "update_missed": 0,
    } | news


KEPT = 3
"""How many updates can still be approved."""


def _approved(incident: Incident, event: e.IncidentEvent, body: e.UpdateApproved) -> Changes:
    by = event.actor.id
    updates = tuple(
        u.model_copy(update={"approved_by": by}) if u.number == body.number else u for u in incident.updates
    )
    text = next((update.text for update in updates if update.number == body.number), "")
    return {"updates": updates} | _news(incident, event, draft=text, update=body.number, approved_by=by)


# -- Effects ---------------------------------------------------------------------------------------------------


def _effect(incident: Incident, key: str, **update: Any) -> Changes:
    return {"undone": tuple(x.model_copy(update=update) if x.key == key else x for x in incident.undone)}


def _sent(incident: Incident, key: str | None, state: str) -> Changes:
    return {"pages": tuple(p.model_copy(update={"state": state}) if p.key == key else p for p in incident.pages)}


def _effect_done(incident: Incident, body: e.EffectDone) -> Changes:
    done = next(effect for effect in incident.undone if effect.key == body.key)
    changes: Changes = {"undone": tuple(effect for effect in incident.undone if effect.key != body.key)}
    match done.kind:
        case "page":
            changes |= _sent(incident, done.page, "accepted")
        case "page_elsewhere":
            changes |= _sent(incident, done.page, "elsewhere")
        case "issue":
            changes |= {"jira_key": body.jira_key, "jira_url": body.jira_url}
        case "review_issue":
            changes |= {"review_key": body.jira_key, "review_url": body.jira_url}
        case "action_issue":
            key = {"jira_key": body.jira_key}
            changes["actions"] = tuple(a.model_copy(update=key) if a.seq == done.seq else a for a in incident.actions)
    return changes


def _effect_failed(incident: Incident, event: e.IncidentEvent, key: str) -> Changes:
    """A page that the pager does not take goes to the second channel; all else waits for a person."""
    failed = next(effect for effect in incident.undone if effect.key == key)
    if failed.kind != "page":
        return _effect(incident, key, failed=True)
    second = Effect(
        key=effect_key(incident.number, "page_elsewhere", event.seq),
        kind="page_elsewhere",
        seq=event.seq,
        since=event.at,
        page=failed.page,
    )
    others = tuple(effect for effect in incident.undone if effect.key != key)
    return {"undone": (*others, second)} | _sent(incident, failed.page, "failed")


def _dropped(incident: Incident, key: str) -> Changes:
    """What nobody can be told any more counts as told."""
    dropped = next(effect for effect in incident.undone if effect.key == key)
    undone: Changes = {"undone": tuple(effect for effect in incident.undone if effect.key != key)}
    if not dropped.tickets:
        return undone
    return undone | _farewell_heard(incident, dropped.tickets) | _heard(incident, dropped.tickets, incident.version)


def _retried(incident: Incident, key: str, at: datetime) -> Changes:
    """A page that neither channel took begins again at the pager."""
    retried = next(effect for effect in incident.undone if effect.key == key)
    again = retried.model_copy(update={"failed": False, "alerted": False, "since": at})
    if retried.page:
        again = again.model_copy(update={"kind": "page", "key": retried.page})
    undone = tuple(again if effect.key == key else effect for effect in incident.undone)
    return {"undone": undone} | (_sent(incident, retried.page, "sending") if retried.page else {})

"""Commands to an incident become events, or a refusal that says what is missing and what would fit.

The order of reading: `incident_terms`, `incident`, `incident_events`, `incident_commands`, then this, then
`incident_settle`, `incident_evolve`, `incident_effects` and `incident_telling`.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from domain.core.enums import Priority
from domain.core.refusal import Refused
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.deadlines import settle
from domain.incident.evolve import business_days
from domain.incident.state import RESPONDING, Incident, workflow_id
from domain.incident.story import IncidentStory
from domain.incident.wording import composed
from domain.ticket.rules.gates import said
from domain.ticket.state import SYSTEM, Actor


def declare(declaration: c.Declare, at: datetime) -> IncidentStory:
    """The first event of an incident."""
    story = IncidentStory(None, at, at, Actor(id=declaration.by, role=declaration.role))
    body = e.Declared(
        number=declaration.number,
        product_area=declaration.product_area,
        priority=declaration.priority,
        terms=declaration.terms,
        drill=declaration.drill,
    )
    story.record(body)
    return story


def decide(incident: Incident, command: c.Command, now: datetime) -> IncidentStory:
    """What `command` makes of `incident`, recorded at `now`.

    It is decided for the instant at which it was received, never before what was already decided, and every deadline
    before that instant lapses first. Raises Refused; then nothing has changed.
    """
    at = max(incident.as_of, min(command.received or now, now))
    story = IncidentStory(incident, at, now, Actor(id=command.by, role=command.role))
    settle(story, at, inclusive=False)
    story.command_id, story.received = command.id, command.received
    name: str = command.do  # type: ignore[attr-defined]  # every command that is decided has it
    if command.role not in command.who:
        raise Refused("not_allowed", f"{name} is not for the role {command.role}: {', '.join(sorted(command.who))}")
    if name in FITS and (reason := FITS[name](story.incident)):
        raise _does_not_fit(story.incident, f"{name} does not fit: {reason}")
    _DECISIONS[type(command)](story, command)
    return story


# -- What fits -------------------------------------------------------------------------------------------------

Reason = str | None
"""Why it does not fit, or None if it does."""
DRILL = "it is a drill: no ticket is part of one, or its customer would hear of an outage that there is not"


def _declared(incident: Incident) -> Reason:
    return None if incident.state == "declared" else f"the incident is {incident.state}"


def _not_mitigated(incident: Incident) -> Reason:
    return None if incident.state in ("declared", "acknowledged") else f"the incident is {incident.state}"


def _responding(incident: Incident) -> Reason:
    return None if incident.state in RESPONDING else f"the incident is {incident.state}"


def _takes_tickets(incident: Incident) -> Reason:
    return DRILL if incident.drill else _responding(incident)


def _not_ended(incident: Incident) -> Reason:
    return f"the incident is {incident.state}" if incident.ended else None


def _approvable(incident: Incident) -> Reason:
    waiting = any(update.approved_by is None for update in incident.updates)
    return None if waiting else "no update waits for approval"


def _resolved(incident: Incident) -> Reason:
    return None if incident.state == "resolved" else f"the incident is {incident.state}, not resolved"


def _failed(incident: Incident) -> Reason:
    return None if any(effect.failed for effect in incident.undone) or incident.unanswered else "nothing has failed"


FITS: dict[str, Callable[[Incident], Reason]] = {
    "acknowledge": _declared,
    "mitigate": _not_mitigated,
    "update": _responding,
    "approve": _approvable,
    "hand_over": _not_ended,
    "communications": _not_ended,
    "join": _takes_tickets,
    "leave": _responding,
    "severity": _responding,
    "resolve": _responding,
    "cancel": _responding,
    "action": _not_ended,
    "review_done": _resolved,
    "retry": _failed,
}


def would_fit(incident: Incident) -> list[str]:
    """The commands that the state of the incident takes."""
    return [name for name, why_not in FITS.items() if why_not(incident) is None]


def _does_not_fit(incident: Incident, message: str) -> Refused:
    return Refused("closed" if incident.ended else "does_not_fit", message, would_fit=would_fit(incident))


def _need(**fields: Any) -> None:
    """Refused with the names of the fields that are blank."""
    blank = [name for name, value in fields.items() if value is None or (isinstance(value, str) and not said(value))]
    if blank:
        raise Refused("missing_fields", f"missing: {', '.join(blank)}", missing=blank)


# -- What people ask -------------------------------------------------------------------------------------------


def _acknowledge(story: IncidentStory, command: c.Acknowledge) -> None:
    story.record(e.Acknowledged(), texts={"comment": command.comment})


def _mitigate(story: IncidentStory, command: c.Mitigate) -> None:
    story.record(e.Mitigated(), texts={"comment": command.comment})


def _update(story: IncidentStory, command: c.PostUpdate) -> None:
    """One text for everybody. It says when the next one comes, and that is when it is due."""
    _need(status=command.status)
    incident = story.incident
    due = story.at + incident.terms.of(incident.priority).updates
    text = composed(command.status, command.impact, command.doing, command.workaround, due)
    story.record(e.UpdatePosted(number=incident.updates_posted + 1), texts={"update": text})


def _approve(story: IncidentStory, command: c.Approve) -> None:
    """Nothing is public without the word of somebody who leads: commander, communications lead, or a lead."""
    incident = story.incident
    if command.by not in (incident.commander, incident.communications) and command.role not in c.LEADS:
        who = f"{incident.commander}, {incident.communications or 'the communications lead'} or a lead"
        raise Refused("not_allowed", f"an update is approved by {who}")
    number = command.update or incident.updates[-1].number
    update = next((update for update in incident.updates if update.number == number), None)
    if update is None or update.approved_by is not None:
        waiting = ", ".join(str(update.number) for update in incident.updates if update.approved_by is None)
        raise _does_not_fit(incident, f"update {number} does not wait for approval: {waiting or 'none'} does")
    story.record(e.UpdateApproved(number=number))


def _hand_over(story: IncidentStory, command: c.HandOver) -> None:
    _need(to=command.to)
    assert command.to is not None
    if command.to == story.incident.commander:
        raise _does_not_fit(story.incident, f"{command.to} is the commander already")
    body = e.HandedOver(frm=story.incident.commander, to=command.to)
    story.record(body, texts={"comment": command.comment})


def _communications(story: IncidentStory, command: c.AssignCommunications) -> None:
    _need(to=command.to)
    assert command.to is not None
    story.record(e.CommunicationsAssigned(to=command.to))


def _join(story: IncidentStory, command: c.Join) -> None:
    _need(ticket=command.ticket)
    assert command.ticket is not None
    if story.incident.ticket(command.ticket):
        raise _does_not_fit(story.incident, f"ticket-{command.ticket} is part of it already")
    key = f"{workflow_id(story.incident.number)}:join:{story.incident.seq + 1}"
    story.record(e.TicketJoined(ticket=command.ticket, effect_key=key, since=story.at, by_hand=True))


def _leave(story: IncidentStory, command: c.Leave) -> None:
    """A wrong join is undone. Without a ticket, and with nobody on it, there is no incident."""
    _need(ticket=command.ticket, reason=command.reason)
    assert command.ticket is not None
    if story.incident.ticket(command.ticket) is None:
        raise _does_not_fit(story.incident, f"ticket-{command.ticket} is not part of it")
    story.record(e.TicketLeft(ticket=command.ticket, own=command.own), texts={"reason": command.reason})
    if not story.incident.tickets and _ends_by_itself(story.incident):
        story.record(e.Cancelled(why="empty"), by=SYSTEM)


def _severity(story: IncidentStory, command: c.ChangeSeverity) -> None:
    _need(priority=command.priority, reason=command.reason)
    assert command.priority is not None
    if command.priority is story.incident.priority:
        raise _does_not_fit(story.incident, f"it is {command.priority} already")
    _change_severity(story, command.priority, command.reason)


def _change_severity(story: IncidentStory, new: Priority, reason: str, by: Actor | None = None) -> None:
    body = e.SeverityChanged(old=story.incident.priority, new=new)
    story.record(body, by=by, texts={"reason": reason})


NAMED = 50
"""How many tickets a refusal names, of those that owe something."""


def _resolve(story: IncidentStory, command: c.Resolve) -> None:
    """G6: only with the packages' debt paid. Names the tickets, and each field that is missing."""
    incident = story.incident
    if owing := incident.owing:
        named = dict(list(owing.items())[:NAMED])
        missing = [f"{ticket}.{field}" for ticket, fields in named.items() for field in fields]
        tickets = ", ".join(f"ticket-{ticket}" for ticket in named)
        more = f" and {len(owing) - NAMED} more" if len(owing) > NAMED else ""
        raise Refused("missing_fields", f"packages are owed still, by {tickets}{more}", missing=missing)
    review = incident.terms.of(incident.priority).review
    due = story.at + review.budget if review.budget else business_days(incident.terms, story.at, review.days or 0)
    story.record(e.Resolved(review_due=due), texts={"comment": command.comment})


def _cancel(story: IncidentStory, command: c.Cancel) -> None:
    _need(reason=command.reason)
    story.record(e.Cancelled(), texts={"reason": command.reason})


def _action(story: IncidentStory, command: c.AddAction) -> None:
    _need(text=command.text)
    story.record(e.ActionAdded(owner=command.owner or command.by, due=command.due), texts={"text": command.text})


def _review_done(story: IncidentStory, command: c.ReviewDone) -> None:
    _need(summary=command.summary)
    story.record(e.Reviewed(), texts={"summary": command.summary})


def _retry(story: IncidentStory, command: c.Retry) -> None:
    """All that failed is tried again, or let go of. Where nobody came, the ladder begins anew."""
    for effect in story.incident.undone:
        if effect.failed:
            story.record(e.EffectDropped(key=effect.key) if command.let_go else e.EffectRetried(key=effect.key))
    if story.incident.unanswered and not command.let_go:
        story.record(e.LadderRestarted())


# -- What tickets, the pager and Tierline itself say ------------------------------------------------------------


def _ticket_joined(story: IncidentStory, command: c.TicketJoined) -> None:
    """G6. An effect that was carried out twice, or after the ticket left again, joins once."""
    incident = story.incident
    known = [joined.effect_key for joined in incident.tickets] + [leaver.effect_key for leaver in incident.leavers]
    if command.effect_key in known:
        return
    if incident.drill:
        raise _does_not_fit(incident, f"ticket_joined does not fit: {DRILL}")
    if command.page and all(page.dedup_key != command.page for page in incident.pages):
        first = incident.rung == 0 and incident.next_page is not None
        story.record(e.PageAdopted(dedup_key=command.page, first=first))
    body = e.TicketJoined(
        ticket=command.ticket,
        effect_key=command.effect_key,
        since=command.since,
        priority=command.priority,
        owes=command.owes,
        jira_key=command.jira_key,
        version=command.version,
    )
    story.record(body)
    _round_up(story, command)


def _ticket_changed(story: IncidentStory, command: c.TicketNews) -> None:
    """G6: what it owes. Lowered within the guess window, and nobody has it yet: it was none."""
    known = story.incident.ticket(command.ticket)
    if known is None or command.version <= known.version:
        return
    body = e.TicketChanged(
        ticket=command.ticket,
        priority=command.priority,
        owes=command.owes,
        jira_key=command.jira_key,
        version=command.version,
    )
    story.record(body)
    _round_up(story, command)
    incident = story.incident
    urgent = any(joined.priority in (None, Priority.P0, Priority.P1) for joined in incident.tickets)
    if not urgent and _ends_by_itself(incident) and story.at <= incident.declared_at + incident.terms.guess:
        story.record(e.Cancelled(why="lowered"), by=SYSTEM)


def _ends_by_itself(incident: Incident) -> bool:
    """Nobody has it, and nobody but tickets said that there is one."""
    return incident.state == "declared" and not incident.by_hand


def _round_up(story: IncidentStory, command: c.TicketJoined | c.TicketNews) -> None:
    """A P0 among its tickets makes it a P0. People lower it again."""
    if command.priority is Priority.P0 and story.incident.priority is not Priority.P0 and not story.incident.over:
        _change_severity(story, Priority.P0, f"ticket-{command.ticket} is a P0.", by=SYSTEM)


def _page_acknowledged(story: IncidentStory, command: c.PageAcknowledged) -> None:
    """Somebody has it, unless it arrives after the news that this very acknowledgement has timed out."""
    lapsed = story.incident.lapsed_at_pager
    if story.incident.state != "declared" or (lapsed and command.occurred and command.occurred <= lapsed):
        return
    story.record(e.Acknowledged(by_pager=True, page=command.page, occurred=command.occurred))


def _pager_acted(story: IncidentStory, command: c.PagerActed) -> None:
    """What no person did takes nothing on, and stands on the timeline where nobody has the incident.

    An acknowledgement that timed out is over if it is the one by which somebody has the incident. An acknowledgement
    that was given here, and the work that has followed, stand.
    """
    incident = story.incident
    lapsed = False
    if command.what == "unacknowledged":
        later = incident.taken_at_pager is None or incident.taken_at_pager <= command.occurred
        lapsed = incident.state == "acknowledged" and incident.taken_page == command.page and later
        if incident.over:
            return
    elif incident.state != "declared":
        return  # mostly the pager's echo of what we told it ourselves
    story.record(e.PagerActed(what=command.what, page=command.page, occurred=command.occurred, lapsed=lapsed))


def _effect_done(story: IncidentStory, command: c.EffectDone) -> None:
    if any(effect.key == command.key for effect in story.incident.undone):
        story.record(e.EffectDone(key=command.key, jira_key=command.jira_key, jira_url=command.jira_url))


def _effect_failed(story: IncidentStory, command: c.EffectFailed) -> None:
    if any(effect.key == command.key and not effect.failed for effect in story.incident.undone):
        story.record(e.EffectFailed(key=command.key), texts={"reason": command.reason})


def _told(story: IncidentStory, command: c.Told) -> None:
    if command.left:
        for ticket in command.tickets:
            story.record(e.LeaverTold(ticket=ticket, missed=ticket in command.missed))
    else:
        story.record(e.Told(tickets=command.tickets, version=command.version, missed=command.missed))


_DECISIONS: dict[type[c.Command], Callable[[IncidentStory, Any], None]] = {
    c.Acknowledge: _acknowledge,
    c.Mitigate: _mitigate,
    c.PostUpdate: _update,
    c.Approve: _approve,
    c.HandOver: _hand_over,
    c.AssignCommunications: _communications,
    c.Join: _join,
    c.Leave: _leave,
    c.ChangeSeverity: _severity,
    c.Resolve: _resolve,
    c.Cancel: _cancel,
    c.AddAction: _action,
    c.ReviewDone: _review_done,
    c.Retry: _retry,
    c.TicketJoined: _ticket_joined,
    c.TicketNews: _ticket_changed,
    c.PageAcknowledged: _page_acknowledged,
    c.PagerActed: _pager_acted,
    c.EffectDone: _effect_done,
    c.EffectFailed: _effect_failed,
    c.Told: _told,
}

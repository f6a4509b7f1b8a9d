"""What the world must do because of an incident's event, and whom it must tell.

Effects that act are carried out by activities and stay on the incident until they are done; notices are rows of the
outbox, written with the event. Both have keys that survive retry, reset and restart.
"""

from typing import Literal

from domain.core.enums import Priority
from domain.incident import events as e
from domain.incident.state import Effect, EffectKind, Incident, workflow_id
from domain.incident.wording import line
from domain.ticket.effects import Notice

ROOM = (
    e.Declared, e.Unanswered, e.Acknowledged, e.PagerActed, e.Mitigated, e.UpdatePosted, e.UpdateApproved,
    e.UpdateMissed, e.HandedOver, e.CommunicationsAssigned, e.SeverityChanged, e.TicketLeft, e.Resolved, e.Cancelled,
    e.ReviewDue, e.Reviewed,
)  # fmt: skip
"""What the room hears."""

NOTED = (e.Acknowledged, e.Mitigated, e.UpdatePosted, e.SeverityChanged, e.Resolved, e.Cancelled)
"""What the incident's issue says as well."""


def effect_key(number: int, kind: str, seq: int) -> str:
    """`incident-<n>:<effect>:<sequence of the causing event>`, never a run id."""
    return f"{workflow_id(number)}:{kind}:{seq}"


def effects_of(before: Incident | None, incident: Incident, event: e.IncidentEvent) -> tuple[Effect, ...]:
    """The effects of `event`, which made `incident` of `before`."""
    bugs = {joined.jira_key for joined in before.tickets} if before else set()

    def effect(kind: EffectKind, text: str = "", links: tuple[str, ...] = ()) -> Effect:
        key = effect_key(incident.number, kind, event.seq)
        page = key if kind == "page" else None
        return Effect(key=key, kind=kind, seq=event.seq, since=event.at, page=page, text=text, links=links)

    body, said = event.body, line(incident, event)
    effects: list[Effect] = []
    match body:
        case e.Declared():
            effects.append(effect("issue"))
        case e.Paged():
            effects.append(effect("page"))
        case e.TicketJoined() | e.TicketChanged() if body.jira_key and body.jira_key not in bugs:
            effects.append(effect("issue_note", links=(body.jira_key,)))
        case e.PageAdopted() if incident.over:
            effects.append(effect("end_pages"))
        case e.PageAdopted() if incident.acknowledged_at:
            effects.append(effect("acknowledge_pages"))
        case e.Resolved() | e.Cancelled():
            effects.append(effect("close"))
            if incident.pages:
                effects.append(effect("end_pages"))
        case e.ActionAdded():
            effects.append(effect("action_issue"))
        case e.Told(missed=missed) if missed:
            effects.append(effect("catch_up").model_copy(update={"tickets": missed}))
        case e.LeaverTold(ticket=ticket, missed=True):
            effects.append(effect("catch_up").model_copy(update={"tickets": (ticket,)}))
    taken_on = incident.acknowledged_at and not (before and before.acknowledged_at)
    # The pager itself knows of the one page that was answered there, and of no other rung's.
    known = isinstance(body, e.Acknowledged) and body.by_pager and len(incident.pages) == 1
    if taken_on and incident.pages and not incident.over and not known:
        effects.append(effect("acknowledge_pages"))
    if isinstance(body, ROOM):
        nobody_came = isinstance(body, e.Unanswered)
        effects.append(effect("room", said).model_copy(update={"everyone": nobody_came}))
    if isinstance(body, NOTED):
        effects.append(effect("issue_note", said).model_copy(update={"last": incident.over}))
    if isinstance(body, e.Resolved):
        effects.append(effect("review_issue"))
    return tuple(effects)


def notices(incident: Incident, event: e.IncidentEvent) -> list[Notice]:
    """F5: whom `event` is told to. `incident` is as the event left it. A drill tells nobody."""
    name, title = _notice(incident, event)
    if name is None or incident.drill:
        return []
    recipients = {
        "commander": incident.commander,
        "communications": incident.communications or incident.commander,
        "manager": incident.terms.manager,
    }
    return [
        Notice(
            key=f"{effect_key(incident.number, name, event.seq)}:{audience}",
            name=name,
            ticket=None,
            audience=audience,
            recipient=recipients.get(audience),
            title=title,
            at=event.detected,
        )
        for audience in incident.terms.notices.get(name, ())
    ]


def _notice(incident: Incident, event: e.IncidentEvent) -> tuple[str | None, str]:
    """The notice's name in the policy's table, and its one line. Ids only: no personal data."""
    body, name = event.body, workflow_id(incident.number)
    match body:
        case e.UpdateMissed(times=1):
            return "incident_update_due", f"{name}: an update is due"
        case e.UpdateMissed():
            return "incident_update_late", f"{name}: an update is late, and the commander was reminded"
        case e.Unanswered():
            return "incident_unanswered", f"{name}: everybody on the ladder was paged, and nobody came"
        case e.ReviewDue():
            return "incident_review_due", f"{name}: the review is due"
        case e.EffectOverdue():
            return "effect_failing", f"Outstanding for too long: {body.key}"
        case e.EffectFailed():
            return "effect_failing", f"Refused, a person must act: {body.key}"
        case _:
            return None, ""


def page_severity(priority: Priority) -> Literal["critical", "error"]:
    """The severity as pagers know it."""
    return "critical" if priority is Priority.P0 else "error"

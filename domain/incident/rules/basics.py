"""What several rules ask of an incident and of a command."""

from datetime import datetime, timedelta
from typing import Any

from domain.aggregate.effect import effect_key
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Reason
from domain.core.refusal import Refused
from domain.core.text import has_text
from domain.incident.state import (
    RESPONDING,
    Announcement,
    Effect,
    EffectKind,
    Incident,
    workflow_id,
)


def declared(incident: Incident) -> Reason:
    """Allow a command while nobody has the incident."""
    return None if incident.state == "declared" else f"the incident is {incident.state}"


def responding(incident: Incident) -> Reason:
    """Allow a command until the incident is over."""
    return None if incident.state in RESPONDING else f"the incident is {incident.state}"


def not_ended(incident: Incident) -> Reason:
    """Allow a command until the incident is reviewed or cancelled."""
    return f"the incident is {incident.state}" if incident.ended else None


def needed(**fields: Any) -> None:
    """Raise Refused with the names of the fields that are blank, if there are any."""
    blank = [
        name for name, value in fields.items() if value is None or (isinstance(value, str) and not has_text(value))
    ]
    if blank:
        raise Refused("missing_fields", f"missing: {', '.join(blank)}", missing=blank)


def ends_by_itself(incident: Incident) -> bool:
    """Return whether nobody has it, and nobody but tickets said that there is one."""
    return incident.state == "declared" and not incident.by_hand


def counted_from(due: datetime, detected: datetime, interval: timedelta) -> datetime:
    """Return the start of the next interval: `due`, or `detected` if that was later by more than half an interval.

    After an outage, everything that fell due meanwhile would otherwise follow at once, and nobody on the ladder would
    have time to acknowledge.
    """
    return detected if detected - due > interval / 2 else due


def effect_of(incident: Incident, event: Envelope, kind: EffectKind, **fields: Any) -> Effect:
    """Make the effect of `kind` that `event` causes."""
    key = effect_key(workflow_id(incident.number), kind, event.seq)
    return Effect(key=key, kind=kind, seq=event.seq, since=event.at, **fields)


def with_announcement(incident: Incident, event: Envelope, **news: Any) -> Changes:
    """Announce the state of the incident to its tickets, under the next version."""
    announced: Changes = {"state": incident.state, "priority": incident.priority, "by": event.actor.id} | news
    version = incident.version + 1
    return {
        "version": version,
        "announcements": (*incident.announcements, Announcement(version=version, at=event.at, **announced)),
    }


def no_more_pages(incident: Incident) -> Changes:
    """End the ladder. What was not sent yet is not sent: nobody is woken for what somebody has."""
    waking = {effect.page for effect in incident.pending_effects if effect.kind in ("page", "page_elsewhere")}
    pages = tuple(p.model_copy(update={"state": "withdrawn"}) if p.key in waking else p for p in incident.pages)
    pending_effects = tuple(effect for effect in incident.pending_effects if effect.page is None)
    return {"next_page": None, "unanswered": False, "pages": pages, "pending_effects": pending_effects}

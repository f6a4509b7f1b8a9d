"""What a ticket tells the incident that it is part of: its debt, its priority, its bug (G5, G6)."""

from domain.core.enums import Tier
from domain.ticket import events as e
from domain.ticket.effects import effect_key
from domain.ticket.rules.gates import missing
from domain.ticket.state import Effect, Ticket

JOINING = ("incident", "incident_own", "incident_if_open")
"""The effects that make a ticket part of an incident."""


def asked(ticket: Ticket) -> bool:
    """Whether it has asked to be part of one, and has no answer yet."""
    return any(effect.kind in JOINING for effect in ticket.undone)


def joining(ticket: Ticket) -> bool:
    """Whether it is about to become part of one. What was refused says all there is when it is tried again."""
    return any(effect.kind in JOINING and not effect.failed for effect in ticket.undone)


def owes(ticket: Ticket) -> tuple[str, ...]:
    """G6: the fields of its packages that keep the incident from being resolved. A closed ticket can pay nothing."""
    owing = ticket.debt is not None and ticket.debt.paid is None and not ticket.closed
    return tuple(missing(ticket, Tier.T3)) if owing else ()


def tells_incident(before: Ticket, after: Ticket, event: e.Event) -> Effect | None:
    """What `event` gives the ticket's incident to hear: what it owes, its priority, its bug."""
    link = after.incident
    if not (joining(before) or (link and link.open)):
        return None
    match event.body:
        case e.Prioritised():
            tells = True
        case e.IncidentChanged():
            tells = event.body.added
        case e.EffectDone():
            tells = after.jira != before.jira
        case e.Filled() | e.StepNoted() | e.Attached() | e.Amended() | e.DebtPaid() | e.Closed():
            tells = before.debt is not None and before.debt.paid is None
        case _:
            tells = False
    if not tells:
        return None
    key = effect_key(after.id, "tell_incident", event.seq)
    return Effect(key=key, kind="tell_incident", seq=event.seq, since=event.at)

"""A ticket's part in an incident: what the incident says to the ticket, and what the ticket says to the incident.

Facts may arrive twice and in any order: each carries the incident's own version, and what is older than what is known
is dropped without a trace.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field as Bounded

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import Command
from domain.aggregate.effect import effect_key
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import On, Rule
from domain.core.actor import Actor
from domain.core.enums import Role, Tier
from domain.core.input_types import Name, Text
from domain.core.values import Frozen
from domain.ticket.effect_kinds import JOINING
from domain.ticket.rules.conversation import Responded
from domain.ticket.rules.engineering import answer
from domain.ticket.rules.escalation import DebtPaid, go_apart
from domain.ticket.rules.evidence import answer_customer
from domain.ticket.rules.gates import missing
from domain.ticket.rules.package import Attached, Filled, StepNoted
from domain.ticket.rules.pending_effects import EffectDone
from domain.ticket.rules.priority import Amended, Prioritised
from domain.ticket.rules.resolution import DISCARDED, Closed
from domain.ticket.rules.tracker_link import IssueUpdate
from domain.ticket.state import (
    ACTIVE,
    Effect,
    IncidentLink,
    Ticket,
    workflow_id,
)


class IncidentUpdate(Command):
    """The incident says: its state changed. Older than what is known is dropped."""

    do: Literal["incident_changed"] = "incident_changed"
    who: ClassVar[frozenset[Role]] = IssueUpdate.who
    number: Annotated[int, Bounded(ge=1, le=10**9)]
    state: Literal["declared", "acknowledged", "mitigated", "resolved", "cancelled"]
    version: Annotated[int, Bounded(ge=0, le=10**9)]
    comment: Text = ""
    added: bool = False
    """A person added the ticket to the incident: it did not ask."""
    left: Literal["back", "own"] | None = None
    """It was part of it by mistake: it goes back to its agent, or needs an incident of its own."""
    draft: Text = ""
    """An update for the customer, to be sent by a person; or the words that a person has approved."""
    update: int | None = None
    """Which of the incident's updates the draft is."""
    approved_by: Name | None = None
    """Who let the draft go out to the customers."""


class IncidentChanged(Frozen):
    """The incident that this ticket is part of changed."""

    type: Literal["incident_changed"] = "incident_changed"
    number: int
    state: Literal["declared", "acknowledged", "mitigated", "resolved", "cancelled"]
    version: int
    added: bool = False
    """A person made the ticket part of it."""


class IncidentLeft(Frozen):
    """The ticket was part of the incident by mistake."""

    type: Literal["incident_left"] = "incident_left"
    number: int
    version: int


class UpdateDrafted(Frozen):
    """The incident's commander wrote an update for the customer. It goes out when a person sends it."""

    type: Literal["update_drafted"] = "update_drafted"
    number: int
    update: int


def _incident_changed(recording: Recording[Ticket], command: IncidentUpdate) -> None:
    """Record a change of the ticket's incident. A resolved incident sends the ticket to its agent."""
    if not _is_news(recording.state, command):
        return
    if command.left:
        return _leave(recording, command)
    link = recording.state.incident
    over_before = link is not None and link.number == command.number and not link.open
    body = IncidentChanged(number=command.number, state=command.state, version=command.version, added=command.added)
    recording.record(body, texts={"comment": command.comment})
    _draft_update(recording, command)
    if command.state in ("resolved", "cancelled") and not over_before:
        answer(recording, "incident")


def _is_news(ticket: Ticket, command: IncidentUpdate) -> bool:
    """Return whether the fact is of the ticket's incident, and newer than what is known of it."""
    link = ticket.incident
    if link is not None and link.number == command.number:
        return command.version > link.version and (link.state != "left" or command.added or asked(ticket))
    if command.left or command.added:
        return command.added or asked(ticket)
    # A new incident may speak before the effect that joined it has reported back.
    newer = link is None or (link.number < command.number and not link.open) or link.state == "left"
    return newer and asked(ticket)


def _leave(recording: Recording[Ticket], command: IncidentUpdate) -> None:
    """Undo a wrong join: the ticket goes back to its agent, or to an incident of its own."""
    recording.record(IncidentLeft(number=command.number, version=command.version), texts={"reason": command.comment})
    if recording.state.status not in ACTIVE:
        return
    if command.left == "own":
        go_apart(recording)
    else:
        answer(recording, "incident")


def _draft_update(recording: Recording[Ticket], command: IncidentUpdate) -> None:
    """Record an update of the incident as a draft, which the agent may send with `respond`. Once it is approved at the
    incident it goes out, in the name of the person who approved it (C5), unless the agent has answered meanwhile."""
    ticket = recording.state
    if not command.draft.strip() or command.update is None or ticket.closed:
        return
    if command.approved_by is None:
        recording.record(UpdateDrafted(number=command.number, update=command.update), texts={"draft": command.draft})
    elif ticket.incident and ticket.incident.draft == command.update:
        by = Actor(id=command.approved_by, role=Role.AGENT)
        recording.record(Responded(), by=by, texts={"text": command.draft})
        answer_customer(recording, recording.at)


# -- What the ticket says to the incident ------------------------------------------------------------------------


def asked(ticket: Ticket) -> bool:
    """Return whether it has asked to be part of one, and has no answer yet."""
    return any(effect.kind in JOINING for effect in ticket.pending_effects)


def joining(ticket: Ticket) -> bool:
    """Return whether it is about to become part of one. What was refused says all there is when it is tried again."""
    return any(effect.kind in JOINING and not effect.failed for effect in ticket.pending_effects)


def owes(ticket: Ticket) -> tuple[str, ...]:
    """Return the missing fields that keep the incident from being resolved (G6); none for a closed ticket."""
    owing = ticket.debt is not None and ticket.debt.paid is None and not ticket.closed
    return tuple(missing(ticket, Tier.T3)) if owing else ()


def update_of_incident(before: Ticket, after: Ticket, event: Envelope) -> Effect | None:
    """Return the effect that sends the ticket's missing fields, priority and bug to its incident, or None."""
    link = after.incident
    if not (joining(before) or (link and link.open)):
        return None
    match event.body:
        case Prioritised():
            notifies = True
        case IncidentChanged():
            notifies = event.body.added
        case EffectDone():
            notifies = after.issue != before.issue
        case Closed() if event.body.how in DISCARDED:
            notifies = True
        case Filled() | StepNoted() | Attached() | Amended() | DebtPaid() | Closed():
            notifies = before.debt is not None and before.debt.paid is None
        case _:
            notifies = False
    if not notifies:
        return None
    key = effect_key(workflow_id(after.id), "tell_incident", event.seq)
    return Effect(key=key, kind="tell_incident", seq=event.seq, since=event.at)


# -- What follows ----------------------------------------------------------------------------------------------


def _changed(ticket: Ticket, _event: Envelope, body: IncidentChanged) -> Changes:
    draft = ticket.incident.draft if ticket.incident and ticket.incident.number == body.number else None
    return {"incident": IncidentLink(number=body.number, state=body.state, version=body.version, draft=draft)}


def _left(ticket: Ticket, _event: Envelope, body: IncidentLeft) -> Changes:
    others = tuple(effect for effect in ticket.pending_effects if effect.kind not in (*JOINING, "tell_incident"))
    link = IncidentLink(number=body.number, state="left", version=body.version)
    return {"incident": link, "pending_effects": others}


def _drafted(ticket: Ticket, _event: Envelope, body: UpdateDrafted) -> Changes:
    return {"incident": ticket.incident and ticket.incident.model_copy(update={"draft": body.update})}


RULE = Rule[Ticket](
    commands={IncidentUpdate: On(_incident_changed)},
    events={IncidentChanged: _changed, IncidentLeft: _left, UpdateDrafted: _drafted},
)

"""Updates: one text for room, issue and customers, at the pace of the severity; approved by a person who leads."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field as Bounded

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import LEADS, Command
from domain.aggregate.deadline import Deadline
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Lapse, Notified, On, Reason, Rule
from domain.core.input_types import Text
from domain.core.refusal import Refused
from domain.core.values import Frozen, Instant
from domain.incident.deadline_kinds import Kind
from domain.incident.phrases import composed
from domain.incident.rules.basics import counted_from, needed, responding, with_announcement
from domain.incident.state import (
    Incident,
    Update,
    workflow_id,
)


class PostUpdate(Command):
    """Post an update: to the room, the incident's issue, and as a draft to the customer of every ticket."""

    do: Literal["update"] = "update"
    status: Text = ""
    """Where we are: the one part that is always needed."""
    impact: Text = ""
    doing: Text = ""
    """What is being done."""
    workaround: Text = ""


class UpdatePosted(Frozen):
    """One text for the room, the issue, and every ticket as a draft to its customer."""

    type: Literal["update_posted"] = "update_posted"
    number: int


class Approve(Command):
    """Let an update go out to the customers of all tickets, in your name."""

    do: Literal["approve"] = "approve"
    update: Annotated[int, Bounded(ge=1, le=10**6)] | None = None
    """Which one; the latest, if not said."""


class UpdateApproved(Frozen):
    """A person lets an update go out to the customers."""

    type: Literal["update_approved"] = "update_approved"
    number: int


class UpdateMissed(Frozen):
    """An update is late: the commander is reminded, from the second time on the manager is notified of it."""

    type: Literal["update_missed"] = "update_missed"
    due: Instant
    times: int


KEPT = 3
"""How many updates can still be approved."""


def _post(recording: Recording[Incident], command: PostUpdate) -> None:
    """Post one text for all readers. The text says when the next update comes, and that instant is when it is due."""
    needed(status=command.status)
    incident = recording.state
    due = recording.at + incident.terms.of(incident.priority).updates
    text = composed(command.status, command.impact, command.doing, command.workaround, due)
    recording.record(UpdatePosted(number=incident.updates_posted + 1), texts={"update": text})


def _approve(recording: Recording[Incident], command: Approve) -> None:
    """Approve an update. Only a commander, a communications lead or a lead may: nothing else makes it public."""
    incident = recording.state
    if command.by not in (incident.commander, incident.communications) and command.role not in LEADS:
        who = f"{incident.commander}, {incident.communications or 'the communications lead'} or a lead"
        raise Refused("not_allowed", f"an update is approved by {who}")
    number = command.update or incident.updates[-1].number
    update = next((update for update in incident.updates if update.number == number), None)
    if update is None or update.approved_by is not None:
        waiting = ", ".join(str(update.number) for update in incident.updates if update.approved_by is None)
        raise recording.aggregate.not_allowed_now(
            incident, f"update {number} does not wait for approval: {waiting or 'none'} does"
        )
    recording.record(UpdateApproved(number=number))


def _may_approve(incident: Incident) -> Reason:
    waiting = any(update.approved_by is None for update in incident.updates)
    return None if waiting else "no update waits for approval"


def _deadlines(incident: Incident) -> Iterator[Deadline]:
    if incident.update_reminder_at:
        late = "The next update is due" if not incident.update_missed else "An update is late: tell the manager"
        yield Deadline(incident.update_reminder_at, Kind.UPDATE, late)


def _miss(recording: Recording[Incident], _deadline: Deadline, lapse: Lapse) -> None:
    recording.record_lapse(UpdateMissed(due=lapse.due, times=recording.state.update_missed + 1), lapse.due)


# -- What follows ----------------------------------------------------------------------------------------------


def _posted(incident: Incident, event: Envelope, body: UpdatePosted) -> Changes:
    text = event.texts.get("update", "")
    update = Update(number=body.number, seq=event.seq, at=event.at, text=text)
    due = event.at + incident.terms.of(incident.priority).updates
    news = with_announcement(incident, event, draft=text, update=body.number)
    return {
        "updates": (*incident.updates, update)[-KEPT:],
        "updates_posted": body.number,
        "update_due": due,
        "update_reminder_at": due,
        "update_missed": 0,
    } | news


def _approved(incident: Incident, event: Envelope, body: UpdateApproved) -> Changes:
    by = event.actor.id
    updates = tuple(
        u.model_copy(update={"approved_by": by}) if u.number == body.number else u for u in incident.updates
    )
    text = next((update.text for update in updates if update.number == body.number), "")
    return {"updates": updates} | with_announcement(incident, event, draft=text, update=body.number, approved_by=by)


def _missed(incident: Incident, event: Envelope, body: UpdateMissed) -> Changes:
    terms = incident.terms.of(incident.priority)
    wait = incident.terms.update_grace if body.times == 1 else terms.updates
    again = counted_from(body.due, event.detected, wait) + wait
    return {"update_missed": body.times, "update_reminder_at": again}


def _notify(incident: Incident, _event: Envelope, body: UpdateMissed) -> Notified:
    name = workflow_id(incident.number)
    if body.times == 1:
        return "incident_update_due", f"{name}: an update is due"
    return "incident_update_late", f"{name}: an update is late, and the commander was reminded"


RULE = Rule[Incident](
    commands={PostUpdate: On(_post, responding), Approve: On(_approve, _may_approve)},
    events={UpdatePosted: _posted, UpdateApproved: _approved, UpdateMissed: _missed},
    deadlines=_deadlines,
    lapses={Kind.UPDATE: _miss},
    notices={UpdateMissed: _notify},
)

"""After the end: the review, and what should be done so that the problem does not come back."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import Command
from domain.aggregate.deadline import Deadline
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Lapse, On, Reason, Rule
from domain.core.input_types import Name, Text
from domain.core.values import Frozen, Instant
from domain.incident.deadline_kinds import Kind
from domain.incident.rules.basics import counted_from, effect_of, needed, not_ended
from domain.incident.state import (
    Action,
    Effect,
    Incident,
    workflow_id,
)
from domain.incident.terms import business_days


class ReviewDue(Frozen):
    """The review is due, or later than due, and not done."""

    type: Literal["review_due"] = "review_due"
    due: Instant


class ReviewDone(Command):
    """Say that the review was held, and what was learnt. That is the end of the incident."""

    do: Literal["review_done"] = "review_done"
    summary: Text = ""


class Reviewed(Frozen):
    """The review is done: the end."""

    type: Literal["reviewed"] = "reviewed"


class AddAction(Command):
    """Record something that should be done so that it does not come back. It becomes an issue in the tracker."""

    do: Literal["action"] = "action"
    text: Text = ""
    owner: Name | None = None
    due: Instant | None = None


class ActionAdded(Frozen):
    """Something should be done so that it does not come back."""

    type: Literal["action_added"] = "action_added"
    owner: str
    due: Instant | None = None


def _action(recording: Recording[Incident], command: AddAction) -> None:
    needed(text=command.text)
    recording.record(ActionAdded(owner=command.owner or command.by, due=command.due), texts={"text": command.text})


def _review_done(recording: Recording[Incident], command: ReviewDone) -> None:
    needed(summary=command.summary)
    recording.record(Reviewed(), texts={"summary": command.summary})


def _may_review(incident: Incident) -> Reason:
    return None if incident.state == "resolved" else f"the incident is {incident.state}, not resolved"


def _deadlines(incident: Incident) -> Iterator[Deadline]:
    if incident.review_reminder_at:
        yield Deadline(incident.review_reminder_at, Kind.REVIEW, "The review is due")


def _fall_due(recording: Recording[Incident], _deadline: Deadline, lapse: Lapse) -> None:
    recording.record_lapse(ReviewDue(due=lapse.due), lapse.due)


def _review_due(incident: Incident, event: Envelope, body: ReviewDue) -> Changes:
    from_when = counted_from(body.due, event.detected, timedelta(days=1))
    return {"review_reminder_at": business_days(incident.terms, from_when, 1)}


def _added(incident: Incident, event: Envelope, body: ActionAdded) -> Changes:
    return {"actions": (*incident.actions, Action(seq=event.seq, owner=body.owner, due=body.due))}


def _reviewed(_incident: Incident, event: Envelope, _body: Reviewed) -> Changes:
    reviewed = {"state": "reviewed", "state_since": event.at, "reviewed_at": event.at}
    return reviewed | {"review_due": None, "review_reminder_at": None}


def _effects(_before: Incident | None, after: Incident, event: Envelope) -> Iterator[Effect]:
    if isinstance(event.body, ActionAdded):
        yield effect_of(after, event, "action_issue")


RULE = Rule[Incident](
    commands={AddAction: On(_action, not_ended), ReviewDone: On(_review_done, _may_review)},
    events={ReviewDue: _review_due, ActionAdded: _added, Reviewed: _reviewed},
    deadlines=_deadlines,
    lapses={Kind.REVIEW: _fall_due},
    effects=_effects,
    notices={
        ReviewDue: lambda incident, _event, _body: (
            "incident_review_due",
            f"{workflow_id(incident.number)}: the review is due",
        )
    },
)

"""G16: promises. What is promised to the customer, and by when.

A promise is reminded of before it is due. One that is not kept is a notice to the lead, and counted. A follow-up is a
promise that is kept after the ticket was resolved: no ticket closes while a promise is open that can still be kept.

A promise may be one of the fix. It is at risk while the linked issue is to be released after the day on which the
promise is due, or was taken out of its release (F10).
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field as Bounded

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import Command
from domain.aggregate.deadline import Deadline
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Lapse, On, Reason, Rule
from domain.core.input_types import Text
from domain.core.refusal import Refused
from domain.core.values import Frozen, Instant
from domain.ticket.deadline_kinds import Kind
from domain.ticket.rules.basics import instant_text, needed, not_closed
from domain.ticket.state import IssueLink, OpenPromise, Ticket

MOST = 20
"""Promises that may be open at once."""
LONGEST = timedelta(days=366)
"""How far ahead a promise may be due."""
PromiseKind = Literal["promise", "follow_up", "snooze"]


class Promise(Command):
    """Record what is promised to the customer, and by when. You are reminded before it is due."""

    do: Literal["promise"] = "promise"
    text: Text = ""
    due: Instant | None = None
    fix: bool = False
    """It promises the fix of the linked issue: it is at risk when engineering plans that for later (F10)."""


class FollowUp(Command):
    """Promise to come back to the customer after the ticket is resolved. It stays open to that until then."""

    do: Literal["follow_up"] = "follow_up"
    text: Text = ""
    due: Instant | None = None


class Promised(Frozen):
    """Something was promised to the customer (G16)."""

    type: Literal["promised"] = "promised"
    promise: int
    due: Instant
    kind: PromiseKind = "promise"
    fix: bool = False
    """It promises the fix of the linked issue (F10)."""


class Keep(Command):
    """Record that a promise is kept, or that the customer released us from it. Without its number: the next due."""

    do: Literal["keep"] = "keep"
    promise: Annotated[int, Bounded(ge=1)] | None = None
    released: bool = False
    """The customer no longer wants it."""
    text: Text = ""


class PromiseKept(Frozen):
    """A promise was kept, in time or late; or the customer released us from it (G16)."""

    type: Literal["promise_kept"] = "promise_kept"
    promise: int
    late: bool = False
    released: bool = False


class PromiseReminded(Frozen):
    """A promise comes due (G16)."""

    type: Literal["promise_reminded"] = "promise_reminded"
    promise: int
    due: Instant
    by: str
    """Who made the promise."""


class PromiseBroken(Frozen):
    """A promise was due, and is not kept (G16)."""

    type: Literal["promise_broken"] = "promise_broken"
    promise: int
    due: Instant
    by: str


class PromiseAtRisk(Frozen):
    """Engineering plans the fix for later than it was promised, or no longer for a date (F10). Once for each move."""

    type: Literal["promise_at_risk"] = "promise_at_risk"
    promise: int
    due: Instant
    by: str
    """Who made the promise."""
    key: str
    """The issue."""
    release_date: date | None = None
    """When it is to be released; None: that is no longer planned."""


class PromiseOnCourse(Frozen):
    """The fix is planned in time for the promise again (F10)."""

    type: Literal["promise_on_course"] = "promise_on_course"
    promise: int
    key: str
    release_date: date | None = None


def _promise(recording: Recording[Ticket], command: Promise | FollowUp) -> None:
    texts = needed(text=command.text)
    if command.due is None:
        raise Refused("missing_fields", "missing: due", missing=["due"])
    kind: PromiseKind = "follow_up" if isinstance(command, FollowUp) else "promise"
    make_promise(recording, command.due, kind, texts, fix=isinstance(command, Promise) and command.fix)
    if recording.state.issue:
        compare_with_release(recording, recording.state.issue)


def make_promise(
    recording: Recording[Ticket], due: datetime, kind: PromiseKind, texts: dict[str, str], *, fix: bool = False
) -> None:
    """Record a promise. Raises Refused for one that is due in the past or too far ahead, or one too many."""
    ticket = recording.state
    if not recording.at < due <= recording.at + LONGEST:
        message = f"a promise is due after now, within {LONGEST.days} days"
        raise Refused("malformed", message, fields={"due": message})
    if len(ticket.promises) >= MOST:
        raise Refused("does_not_fit", f"{MOST} promises are open already: keep one first", would_fit=["keep"])
    recording.record(Promised(promise=ticket.promises_made + 1, due=due, kind=kind, fix=fix), texts=texts)


def _may_keep(ticket: Ticket) -> Reason:
    return not_closed(ticket) or (None if ticket.promises else "no promise is open")


def _keep(recording: Recording[Ticket], command: Keep) -> None:
    open_ones = sorted(recording.state.promises, key=lambda one: (one.due, one.number))
    found = [one for one in open_ones if command.promise in (None, one.number)]
    if not found:
        numbers = ", ".join(str(one.number) for one in open_ones)
        raise Refused("does_not_fit", f"promise {command.promise} is not open: {numbers}", would_fit=["keep"])
    texts = needed(text=command.text) if command.released else {"text": command.text}
    late = found[0].broken and not command.released
    recording.record(PromiseKept(promise=found[0].number, late=late, released=command.released), texts=texts)


def compare_with_release(recording: Recording[Ticket], before: IssueLink) -> None:
    """Record which promises of the fix a move of its release puts at risk, and which are on course again.

    `before` is the issue as it was known before the move. A release on the day on which a promise is due keeps it: the
    days are those of the ticket's support calendar.
    """
    issue = recording.state.issue
    if issue is None or issue.category == "gone":
        return
    release = issue.release_date
    lost = release is None and before.release_date is not None and issue.open
    for one in (one for one in can_be_kept(recording.state) if one.fix):
        late = release is not None and recording.state.terms.calendar.local(one.due).date() < release
        if late or lost:
            if not one.at_risk or release != before.release_date:
                recording.record(
                    PromiseAtRisk(promise=one.number, due=one.due, by=one.by, key=issue.key, release_date=release)
                )
        elif one.at_risk and (release is not None or not issue.open):
            recording.record(PromiseOnCourse(promise=one.number, key=issue.key, release_date=release))


def can_be_kept(ticket: Ticket) -> list[OpenPromise]:
    """Return the promises that are open and not overdue."""
    return [one for one in ticket.promises if not one.broken]


def _deadlines(ticket: Ticket) -> Iterator[Deadline]:
    if ticket.closed:
        return
    for one in can_be_kept(ticket):
        reminder = one.due - ticket.terms.limits.promise_reminder
        if not one.reminded and reminder > one.since:
            yield Deadline(reminder, Kind.PROMISE_REMINDER, f"Remind of promise {one.number}")
        yield Deadline(one.due, Kind.PROMISE, f"Promise {one.number} is due")


def _remind(recording: Recording[Ticket], deadline: Deadline, lapse: Lapse) -> None:
    ticket = recording.state
    before = ticket.terms.limits.promise_reminder
    one = next(one for one in can_be_kept(ticket) if not one.reminded and one.due - before == deadline.at)
    recording.record_lapse(PromiseReminded(promise=one.number, due=one.due, by=one.by), lapse.due)


def _break(recording: Recording[Ticket], deadline: Deadline, lapse: Lapse) -> None:
    one = next(one for one in can_be_kept(recording.state) if one.due == deadline.at)
    recording.record_lapse(PromiseBroken(promise=one.number, due=lapse.due, by=one.by), lapse.due)


def _promised(ticket: Ticket, event: Envelope, body: Promised) -> Changes:
    made = OpenPromise(
        number=body.promise, by=event.actor.id, since=event.at, due=body.due, kind=body.kind, fix=body.fix
    )
    return {"promises": (*ticket.promises, made), "promises_made": body.promise}


def _at_risk(body: PromiseAtRisk) -> str:
    planned = f"is planned for {body.release_date}" if body.release_date else "is no longer planned for a date"
    return f"Promise {body.promise} is at risk: {body.key} {planned}, promised until {instant_text(body.due)}"


def _marked(ticket: Ticket, number: int, **update: bool) -> tuple[OpenPromise, ...]:
    return tuple(one.model_copy(update=update) if one.number == number else one for one in ticket.promises)


RULE = Rule[Ticket](
    commands={
        Promise: On(_promise, not_closed),
        FollowUp: On(_promise, not_closed),
        Keep: On(_keep, _may_keep),
    },
    events={
        Promised: _promised,
        PromiseKept: lambda ticket, _, body: {
            "promises": tuple(one for one in ticket.promises if one.number != body.promise)
        },
        PromiseAtRisk: lambda ticket, _, body: {"promises": _marked(ticket, body.promise, at_risk=True)},
        PromiseOnCourse: lambda ticket, _, body: {"promises": _marked(ticket, body.promise, at_risk=False)},
        PromiseReminded: lambda ticket, _, body: {"promises": _marked(ticket, body.promise, reminded=True)},
        PromiseBroken: lambda ticket, _, body: {
            "promises": _marked(ticket, body.promise, broken=True),
            "promises_broken": ticket.promises_broken + 1,
        },
    },
    deadlines=_deadlines,
    lapses={Kind.PROMISE_REMINDER: _remind, Kind.PROMISE: _break},
    notices={
        PromiseAtRisk: lambda _ticket, _event, body: ("promise_at_risk", _at_risk(body)),
        PromiseReminded: lambda _ticket, _event, body: ("promise_due", f"Promise {body.promise} comes due"),
        PromiseBroken: lambda _ticket, _event, body: ("promise_broken", f"Promise {body.promise} was not kept"),
    },
)

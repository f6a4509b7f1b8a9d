"""G16: promises. What is promised to the customer, and by when.

A promise is reminded of before it is due. One that is not kept is a notice to the lead, and counted. A follow-up is a
promise that is kept after the ticket was resolved: no ticket closes while a promise is open that can still be kept.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
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
from domain.ticket.rules.basics import needed, not_closed
from domain.ticket.state import OpenPromise, Ticket

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


def _promise(recording: Recording[Ticket], command: Promise | FollowUp) -> None:
    texts = needed(text=command.text)
    if command.due is None:
        raise Refused("missing_fields", "missing: due", missing=["due"])
    kind: PromiseKind = "follow_up" if isinstance(command, FollowUp) else "promise"
    make_promise(recording, command.due, kind, texts)


def make_promise(recording: Recording[Ticket], due: datetime, kind: PromiseKind, texts: dict[str, str]) -> None:
    """Record a promise. Raises Refused for one that is due in the past or too far ahead, or one too many."""
    ticket = recording.state
    if not recording.at < due <= recording.at + LONGEST:
        message = f"a promise is due after now, within {LONGEST.days} days"
        raise Refused("malformed", message, fields={"due": message})
    if len(ticket.promises) >= MOST:
        raise Refused("does_not_fit", f"{MOST} promises are open already: keep one first", would_fit=["keep"])
    recording.record(Promised(promise=ticket.promises_made + 1, due=due, kind=kind), texts=texts)


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
    made = OpenPromise(number=body.promise, by=event.actor.id, since=event.at, due=body.due, kind=body.kind)
    return {"promises": (*ticket.promises, made), "promises_made": body.promise}


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
        PromiseReminded: lambda ticket, _, body: {"promises": _marked(ticket, body.promise, reminded=True)},
        PromiseBroken: lambda ticket, _, body: {
            "promises": _marked(ticket, body.promise, broken=True),
            "promises_broken": ticket.promises_broken + 1,
        },
    },
    deadlines=_deadlines,
    lapses={Kind.PROMISE_REMINDER: _remind, Kind.PROMISE: _break},
    notices={
        PromiseReminded: lambda _ticket, _event, body: ("promise_due", f"Promise {body.promise} comes due"),
        PromiseBroken: lambda _ticket, _event, body: ("promise_broken", f"Promise {body.promise} was not kept"),
    },
)

"""Who has the ticket in hand: taking it, assigning and releasing it."""

from typing import Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import Command
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import On, Rule
from domain.core.enums import Status
from domain.core.input_types import Short, Text
from domain.core.values import Frozen
from domain.ticket.rules.basics import active, needed
from domain.ticket.rules.t1_limit import clock_at, stay_changed
from domain.ticket.state import (
    Ticket,
)


class Take(Command):
    """Take the ticket. In Tier 1 the first take starts the 15-minute limit."""

    do: Literal["take"] = "take"
    over: bool = False
    """Take it over from whoever holds it."""
    override: bool = False
    """A lead's: take it beyond the limit of active tickets (G17)."""


class Taken(Frozen):
    """An agent took it; in Tier 1, the first take starts the limit (G1)."""

    type: Literal["taken"] = "taken"
    agent: str
    clock: Literal["plan", "wall"] = "plan"
    """What a limit that starts now ticks on: the plan's calendar, or the wall if that is closed."""


class Assign(Command):
    """Assign the ticket to somebody. It is theirs to take: the Tier 1 limit starts when they do."""

    do: Literal["assign"] = "assign"
    to: Short = ""
    over: bool = False
    """Assign it although somebody else holds it."""
    override: bool = False
    """A lead's: assign it beyond the limit of active tickets (G17)."""


class Assigned(Frozen):
    """Somebody was given it; nothing has started by that."""

    type: Literal["assigned"] = "assigned"
    agent: str


class Release(Command):
    """Give the ticket back to the queue, for anybody to take. No clock and no limit stops."""

    do: Literal["release"] = "release"
    over: bool = False
    """Release it although somebody else holds it."""
    reason: Text = ""


class Released(Frozen):
    """Nobody holds it any more."""

    type: Literal["released"] = "released"
    agent: str
    """Who held it."""


def _take(recording: Recording[Ticket], command: Take) -> None:
    ticket = recording.state
    if ticket.assignee == command.by and not _is_only_assigned(ticket):
        raise recording.aggregate.not_allowed_now(ticket, "you hold it already")
    if ticket.assignee not in (None, command.by) and not command.over:
        raise recording.aggregate.not_allowed_now(ticket, f"{ticket.assignee} holds it: say `over` to take it over")
    recording.record(Taken(agent=command.by, clock=clock_at(ticket, recording.at)))


def _is_only_assigned(ticket: Ticket) -> bool:
    """Return whether whoever holds the ticket was given it, and has not begun: it is theirs to take still."""
    return ticket.status is Status.NEW or (ticket.stay is not None and ticket.stay.since is None)


def _assign(recording: Recording[Ticket], command: Assign) -> None:
    """Assign the ticket. Raises Refused where that person holds it, or somebody else does and `over` is not given."""
    ticket, to = recording.state, needed(to=command.to)["to"]
    if ticket.assignee == to:
        raise recording.aggregate.not_allowed_now(ticket, f"{to} holds it already")
    if ticket.assignee not in (None, command.by) and not command.over:
        raise recording.aggregate.not_allowed_now(ticket, f"{ticket.assignee} holds it: say `over` to assign it anew")
    recording.record(Assigned(agent=to))


def _release(recording: Recording[Ticket], command: Release) -> None:
    """Give the ticket back to the queue."""
    ticket = recording.state
    if ticket.assignee is None:
        raise recording.aggregate.not_allowed_now(ticket, "nobody holds it")
    if ticket.assignee != command.by and not command.over:
        raise recording.aggregate.not_allowed_now(ticket, f"{ticket.assignee} holds it: say `over` to release it")
    recording.record(Released(agent=ticket.assignee), texts={"reason": command.reason} if command.reason else {})


def _taken(ticket: Ticket, event: Envelope, body: Taken) -> Changes:
    changes: Changes = {"assignee": body.agent}
    if ticket.status is Status.NEW:
        changes["status"] = Status.OPEN
    if ticket.stay and ticket.stay.since is None:  # G1: one budget for each stay, from the first take
        changes |= stay_changed(ticket, since=event.at, clock=body.clock)
    return changes


RULE = Rule[Ticket](
    commands={
        Take: On(_take, active),
        Assign: On(_assign, active),
        Release: On(_release, active),
    },
    events={
        Taken: _taken,
        Assigned: lambda _ticket, _event, body: {"assignee": body.agent},
        Released: lambda _ticket, _event, _body: {"assignee": None},
    },
)

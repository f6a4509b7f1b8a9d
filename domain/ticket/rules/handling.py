"""Who has the ticket in hand: taking it, and internal notes."""

from typing import Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import Command
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import On, Rule
from domain.core.enums import Status
from domain.core.input_types import Text
from domain.core.values import Frozen
from domain.ticket.rules.basics import active, needed, not_closed
from domain.ticket.rules.t1_limit import clock_at, stay_changed
from domain.ticket.state import (
    Ticket,
)


class Take(Command):
    """Take the ticket. In Tier 1 the first take starts the 15-minute limit."""

    do: Literal["take"] = "take"
    over: bool = False
    """Take it over from whoever holds it."""


class Taken(Frozen):
    """An agent took it; in Tier 1, the first take starts the limit (G1)."""

    type: Literal["taken"] = "taken"
    agent: str
    clock: Literal["plan", "wall"] = "plan"
    """What a limit that starts now ticks on: the plan's calendar, or the wall if that is closed."""


class Note(Command):
    """Leave an internal note. No clock hears of it."""

    do: Literal["note"] = "note"
    text: Text = ""


class Noted(Frozen):
    """An internal note: no clock hears of it."""

    type: Literal["noted"] = "noted"


def _take(recording: Recording[Ticket], command: Take) -> None:
    ticket = recording.state
    if ticket.assignee == command.by:
        raise recording.aggregate.not_allowed_now(ticket, "you hold it already")
    if ticket.assignee and not command.over:
        raise recording.aggregate.not_allowed_now(ticket, f"{ticket.assignee} holds it: say `over` to take it over")
    recording.record(Taken(agent=command.by, clock=clock_at(ticket, recording.at)))


def _taken(ticket: Ticket, event: Envelope, body: Taken) -> Changes:
    changes: Changes = {"assignee": body.agent}
    if ticket.status is Status.NEW:
        changes["status"] = Status.OPEN
    if ticket.stay and ticket.stay.since is None:  # G1: one budget for each stay, from the first take
        changes |= stay_changed(ticket, since=event.at, clock=body.clock)
    return changes


def _note(recording: Recording[Ticket], command: Note) -> None:
    recording.record(Noted(), texts=needed(text=command.text))


RULE = Rule[Ticket](
    commands={Take: On(_take, active), Note: On(_note, not_closed)},
    events={Taken: _taken},
)

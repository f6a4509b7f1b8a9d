"""G12: who wrote, to this ticket. Words of machines, and words that were made private afterwards.

Whoever brings a message (`services/webhooks`, `api`) says in which role its author wrote it: the customer, one of ours,
or a machine. A machine is neither of the two: what it says is an internal note, or a message to the customer if it is
marked as public, and meets no clock either way.
"""

from typing import ClassVar, Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import MACHINES, STAFF, Command
from domain.aggregate.rule import On, Rule
from domain.core.enums import Role
from domain.core.input_types import Short, Text
from domain.core.refusal import Refused
from domain.core.values import Frozen
from domain.ticket.rules.basics import needed, not_closed
from domain.ticket.state import Ticket

SINCE = 3
"""The core version from which machines leave notes. Before, the role was refused."""


class Note(Command):
    """Leave an internal note. No clock hears of it."""

    do: Literal["note"] = "note"
    who: ClassVar[frozenset[Role]] = STAFF | MACHINES
    text: Text = ""
    public: bool = False
    """A machine's: the customer sees it. It is no response all the same."""


class Noted(Frozen):
    """An internal note, or a machine's word to the customer: no clock hears of it."""

    type: Literal["noted"] = "noted"
    public: bool = False
    """A machine said it, where the customer sees it."""


class Hide(Command):
    """Say that a message was made private elsewhere: the customer sees it no more. No clock is reopened by that."""

    do: Literal["hide"] = "hide"
    who: ClassVar[frozenset[Role]] = STAFF | {Role.INTEGRATION}
    message: Short = ""
    """The id of the command that brought the message."""


class Hidden(Frozen):
    """A message was made private: the customer sees it no more. Who had read it had been answered."""

    type: Literal["hidden"] = "hidden"
    message: str
    """The id of the command that brought it."""


def _note(recording: Recording[Ticket], command: Note) -> None:
    if command.role in MACHINES and recording.state.terms.core_version < SINCE:
        raise Refused("not_allowed", f"note is not for the role {command.role}: {', '.join(sorted(STAFF))}")
    if command.public and command.role not in MACHINES:
        raise Refused("not_allowed", "a person's word to the customer is a response", would_fit=["respond"])
    recording.record(Noted(public=command.public), texts=needed(text=command.text))


def _hide(recording: Recording[Ticket], command: Hide) -> None:
    recording.record(Hidden(message=needed(message=command.message)["message"]))


RULE = Rule[Ticket](commands={Note: On(_note, not_closed), Hide: On(_hide)})

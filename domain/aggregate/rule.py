"""A rule: one concept of support, whole, in one place."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from domain.aggregate.command import Command
from domain.aggregate.deadline import Deadline
from domain.aggregate.effect import Effect
from domain.aggregate.event import Changes, Envelope, State
from domain.core.values import Frozen

if TYPE_CHECKING:
    from domain.aggregate.aggregate import Recording

S = TypeVar("S", bound=State)
"""The state of the noun: a ticket, an incident."""

Reason = str | None
"""Why the state does not allow a command; None if it does."""


def always(_state: object) -> Reason:
    """Allow a command in every state."""
    return None


class On(NamedTuple, Generic[S]):
    """What a rule does with one kind of command."""

    decide: Callable[["Recording[S]", Any], None]
    """Record what the command leads to; raise Refused where something is missing or not allowed."""
    why_not: Callable[[S], Reason] = always
    """The precondition: return why the state does not allow the command, or None."""
    exempt: Callable[[S, Any], bool] | None = None
    """Whether this command is taken whatever the state: late evidence (C12)."""


class Lapse(NamedTuple):
    """How a deadline lapses."""

    due: datetime
    """When it was due; never before what was already decided, unless late evidence brought it out."""
    upto: datetime
    """Up to when deadlines lapse now."""
    hindsight: bool
    """C12: only late evidence brought it out."""


Notified = tuple[str, str] | None
"""A notice's row in the policy's table, and its one line; None where nobody is notified."""


@dataclass(frozen=True)
class Rule(Generic[S]):
    """One concept: which commands touch it, what its events change, what lapses, and what follows from an event."""

    commands: Mapping[type[Command], On[S]] = field(default_factory=dict)
    events: Mapping[type[Frozen], Callable[[S, Envelope, Any], Changes]] = field(default_factory=dict)
    """Event body -> what it changes in the state. Every decision is in the event already."""
    deadlines: Callable[[S], Iterator[Deadline]] | None = None
    lapses: Mapping[IntEnum, Callable[["Recording[S]", Deadline, Lapse], None]] = field(default_factory=dict)
    """Kind of deadline -> how it is recorded when it passes."""
    effects: Callable[[S | None, S, Envelope], Iterator[Effect]] | None = None
    """The effects that an event causes, given the state before it and after it."""
    notices: Mapping[type[Frozen], Callable[[S, Envelope, Any], Notified]] = field(default_factory=dict)
    """F5: event body -> who is notified of it, given the state as the event left it."""

"""The mechanism: commands become events, events become a state, and deadlines lapse in their order.

Nothing here reads a clock: the caller says what time it is, and the service when it received the command.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from functools import cached_property, partial
from typing import Any, Generic, TypeVar, get_args

from domain.aggregate.command import Command, name_of, parse
from domain.aggregate.deadline import Deadline
from domain.aggregate.effect import Effect, Notice, effect_key
from domain.aggregate.event import Changes, Envelope, State
from domain.aggregate.rule import Lapse, Notified, On, Rule
from domain.core.actor import SYSTEM, Actor
from domain.core.enums import Priority
from domain.core.refusal import Code, Refused
from domain.core.remembered import OF_STATES, remembered
from domain.core.values import Frozen, as_instant, built

S = TypeVar("S", bound=State)


class Aggregate(Generic[S]):
    """One noun: its rules put together, and what cannot be said rule by rule."""

    def __init__(
        self,
        *,
        noun: str,
        rules: Sequence[Rule[S]],
        event: type[Envelope],
        begins_with: type[Frozen],
        begin: Callable[[Envelope, Any], S],
        workflow_id: Callable[[S], str],
        ended: Callable[[S], bool],
        offered: Sequence[type[Command]],
        facts: Sequence[type[Command]],
        refusal: Callable[[Refused, str], Frozen],
        recipients: Callable[[S, Envelope], Mapping[str, str | None]],
        audiences: Callable[[S], Mapping[str, Iterable[str]]],
        follow: Callable[[S | None, S, Envelope], Changes] | None = None,
    ) -> None:
        """`event` is the noun's envelope with its union of bodies; a life starts with `begins_with`, of which `begin`
        makes the first state. `offered` are the commands that people may give, in the order in which they are listed,
        `facts` those by which other systems report. `refusal` makes the event of a message that was refused.
        `recipients` names the person behind each audience of an event's notice, `audiences` whom each notice goes to
        in the state's own terms. `follow` is what changes with every event, derived from the state before and after it.
        """
        self.noun = noun
        self.event = event
        self.workflow_id = workflow_id
        self.ended = ended
        self.offered = {name_of(kind): kind for kind in offered}
        self.facts = {name_of(kind): kind for kind in facts}
        self.known = self.offered | self.facts
        self._rules = tuple(rules)
        self._begins_with, self._begin = begins_with, begin
        self._recipients, self._audiences = recipients, audiences
        self._refusal, self._follow = refusal, follow

    # -- The rules, as tables ------------------------------------------------------------------------------------

    @cached_property
    def commands(self) -> Mapping[type[Command], On[S]]:
        """Return what each kind of command does."""
        return _merged(rule.commands for rule in self._rules)

    @cached_property
    def bodies(self) -> frozenset[type[Frozen]]:
        """Return the kinds of what can happen: the union in the noun's envelope."""
        return frozenset(get_args(self.event.model_fields["body"].annotation))

    @cached_property
    def _effects(self) -> Sequence[Callable[[S | None, S, Envelope], Iterator[Effect]]]:
        return [rule.effects for rule in self._rules if rule.effects]

    @cached_property
    def _deadlines(self) -> Sequence[Callable[[S], Iterator[Deadline]]]:
        return [rule.deadlines for rule in self._rules if rule.deadlines]

    @cached_property
    def _changes(self) -> Mapping[type[Frozen], Callable[[S, Envelope, Any], Changes]]:
        return _merged(rule.events for rule in self._rules)

    @cached_property
    def _lapses(self) -> Mapping[IntEnum, Callable[["Recording[S]", Deadline, Lapse], None]]:
        return _merged(rule.lapses for rule in self._rules)

    @cached_property
    def _notices(self) -> Mapping[type[Frozen], Callable[[S, Envelope, Any], Notified]]:
        return _merged(rule.notices for rule in self._rules)

    # -- Events make the state -----------------------------------------------------------------------------------

    def evolve(self, state: S | None, event: Envelope) -> S:
        """Return the state after `event`. Every decision is in the event already; here it is only carried out.

        Raises ValueError if the event does not follow the state: a gap in the sequence is a bug, never repaired here.
        """
        if state is None:
            if not isinstance(event.body, self._begins_with) or event.seq != 1:
                raise ValueError(f"a life cannot begin with {event.body.type} {event.seq}")
            after = self._begin(event, event.body).model_copy(update={"seq": event.seq})
        elif event.seq != state.seq + 1:
            raise ValueError(f"{self.workflow_id(state)} is at {state.seq}: event {event.seq} does not follow")
        else:
            change = self._changes.get(type(event.body))
            changed = change(state, event, event.body) if change else {}
            after = state.model_copy(update={**changed, "seq": event.seq, "as_of": max(state.as_of, event.at)})
        effects = [effect for cause in self._effects for effect in cause(state, after, event)]
        if effects:
            pending = (*after.pending_effects, *effects)  # type: ignore[attr-defined]
            after = after.model_copy(update={"pending_effects": pending})
        if self._follow and (changes := self._follow(state, after, event)):
            after = after.model_copy(update=changes)
        return after

    def fold(self, events: Iterable[Envelope]) -> S:
        """Return the state that `events` make, from the first on. Raises ValueError if there are none."""
        state: S | None = None
        for event in events:
            state = self.evolve(state, event)
        if state is None:
            raise ValueError("there are no events to make a state of")
        return state

    # -- Commands make events ------------------------------------------------------------------------------------

    def parse(self, payload: Any, name: str | None = None, *, recorded: bool = False) -> Command:
        """Make the command of a raw payload; see `domain.aggregate.command.parse`. Raises Refused."""
        return parse(payload, name, self.known, recorded=recorded)

    def decide(self, state: S, command: Command, now: datetime) -> "Recording[S]":
        """Record what `command` makes of `state`, at `now`.

        It is decided for the instant at which it was received, never before what was already decided, and every
        deadline before that instant lapses first: Temporal hands over messages before timers when a worker comes
        back, and without this a step after the Tier 1 limit would be accepted, and a punctual agent booked as late.
        Raises Refused; then nothing has changed.
        """
        at = max(state.as_of, min(command.received or now, now))
        recording = Recording(self, state, at, now, built(Actor, {"id": command.by, "role": command.role}))
        recording.settle(at, inclusive=False)
        recording.command_id, recording.received = command.id, command.received
        name, on = name_of(type(command)), self.commands[type(command)]
        if command.role not in command.who:
            raise Refused("not_allowed", f"{name} is not for the role {command.role}: {', '.join(sorted(command.who))}")
        exempt = on.exempt is not None and on.exempt(recording.state, command)
        if not exempt and (reason := on.why_not(recording.state)):
            raise self.not_allowed_now(recording.state, f"{name} is not allowed now: {reason}")
        on.decide(recording, command)
        return recording

    def refuse(self, state: S, refused: Refused, what: str, now: datetime) -> "Recording[S]":
        """Record that the message `what`, which has no answer, was refused: it stands on the timeline."""
        recording = Recording(self, state, max(state.as_of, now), now)
        recording.settle(recording.at, inclusive=False)
        recording.record(self._refusal(refused, what[:100]), texts={"message": refused.message[:1000]})
        return recording

    def settle(self, state: S, now: datetime) -> "Recording[S]":
        """Record what has lapsed by `now`."""
        recording = Recording(self, state, now, now)
        recording.settle(now)
        return recording

    def allowed_commands(self, state: S) -> list[str]:
        """Return the names of the commands that the state allows, of those that people may give."""
        return [name for name, kind in self.offered.items() if self.commands[kind].why_not(state) is None]

    def not_allowed_now(self, state: S, message: str) -> Refused:
        """Make the refusal of a command that the state does not allow. It names the commands that are allowed."""
        code: Code = "closed" if self.ended(state) else "does_not_fit"
        return Refused(code, message, would_fit=self.allowed_commands(state))

    # -- Deadlines lapse -----------------------------------------------------------------------------------------

    def deadlines(self, state: S) -> Iterator[Deadline]:
        """Yield everything that lapses if nobody acts, in no order."""
        for lapsing in self._deadlines:
            yield from lapsing(state)

    def next_deadline(self, state: S, *without: IntEnum) -> Deadline | None:
        """Return the earliest deadline that is of none of the kinds `without`, or None if nothing can lapse."""
        ahead = _earliest(self, state)
        return next((deadline for deadline in ahead if deadline.kind not in without), None)

    def lapse(self, recording: "Recording[S]", deadline: Deadline, lapse: Lapse) -> None:
        """Record that a deadline passed."""
        self._lapses[deadline.kind](recording, deadline, lapse)

    # -- Whom an event concerns ----------------------------------------------------------------------------------

    def notices(
        self,
        state: S,
        event: Envelope,
        *,
        priority: Priority,
        deadline: datetime | None,
        ticket: str | None = None,
        incident: int | None = None,
    ) -> list[Notice]:
        """Return the notices of `event` (F5). `state` is as the event left it; the notices name the rest."""
        find = self._notices.get(type(event.body))
        found = find(state, event, event.body) if find else None
        if found is None:
            return []
        name, title = found
        recipients = self._recipients(state, event)
        return [
            Notice(
                key=f"{effect_key(self.workflow_id(state), name, event.seq)}:{audience}",
                name=name,
                ticket=ticket,
                incident=incident,
                priority=priority,
                deadline=deadline,
                audience=audience,
                recipient=recipients.get(audience),
                title=title,
                at=event.detected,
            )
            for audience in self._audiences(state).get(name, ())
        ]


class Recording(Generic[S]):
    """A state, and the events that were recorded on it. Each event counts at once: the next decision sees it."""

    def __init__(
        self, aggregate: Aggregate[S], state: S | None, at: datetime, detected: datetime, actor: Actor = SYSTEM
    ) -> None:
        """`at` is the instant that is decided for, `detected` the instant of recording."""
        self.aggregate = aggregate
        self._state = state
        self.at = at
        self.detected = detected
        self.actor = actor
        self.command_id: str | None = None
        self.received: datetime | None = None
        self.source: str | None = None
        self.events: list[Any] = []
        """The events, in their order; each is of the aggregate's own class."""

    @property
    def state(self) -> S:
        """Return the state as the latest event left it."""
        assert self._state is not None, "nothing has begun yet"
        return self._state

    def record(
        self,
        body: Frozen,
        *,
        at: datetime | None = None,
        occurred: datetime | None = None,
        by: Actor | None = None,
        texts: Mapping[str, str] | None = None,
    ) -> None:
        """Append one event, and bring the state up to date. Blank texts are left out.

        Raises TypeError for a body that is none of the aggregate's.
        """
        if type(body) not in self.aggregate.bodies:
            raise TypeError(f"{type(body).__name__} is no event of a {self.aggregate.noun}")
        at = as_instant(at or self.at)
        facts = {
            "seq": self._state.seq + 1 if self._state is not None else 1,
            "at": at,
            "detected": as_instant(self.detected),
            "received": self.received,
            "occurred": as_instant(occurred) if occurred and occurred != at else None,
            "actor": by or self.actor,
            "command_id": self.command_id,
            "source": self.source,
            "body": body,
            "texts": {name: text for name, text in texts.items() if text.strip()} if texts else {},
        }
        event = built(self.aggregate.event, facts)
        self._state = self.aggregate.evolve(self._state, event)
        self.events.append(event)

    def settle(
        self, upto: datetime, *, inclusive: bool = True, hindsight: bool = False, without: Collection[IntEnum] = ()
    ) -> None:
        """Lapse every deadline that is due up to `upto`, in their order, each at its own due instant; of the kinds
        `without`, none.

        C4: before a command `inclusive` is False, since what happens at the due instant is in time. C12: `hindsight`
        marks what only late evidence brought out; it keeps its own instant, while what a change moved into the past
        is due at the change (C8).
        """
        last = upto if inclusive else upto - datetime.resolution
        before: Deadline | None = None
        while (deadline := self.aggregate.next_deadline(self.state, *without)) and deadline.at <= last:
            if deadline == before:  # a bug: stopped here, before it fills the memory with events
                who = self.aggregate.workflow_id(self.state)
                raise RuntimeError(f"{who}: {deadline.kind.name} at {deadline.at} does not lapse")
            before = deadline
            due = deadline.at if hindsight else max(deadline.at, self.state.as_of)
            self.aggregate.lapse(self, deadline, Lapse(due, last, hindsight))

    def record_lapse(self, body: Frozen, due: datetime) -> datetime:
        """Record what lapsed at `due`, as Tierline's own doing. Returns the instant at which it counts: never before
        what was already recorded."""
        at = max(due, self.state.as_of)
        self.record(body, at=at, by=SYSTEM)
        return at


@partial(remembered, most=OF_STATES)
def _earliest(aggregate: Aggregate[Any], state: Any) -> tuple[Deadline, ...]:
    """Return the earliest deadline of each kind, in their order. One state is asked for them some five times: before
    a command and after it, for the timer, and for what people see."""
    earliest: dict[IntEnum, Deadline] = {}
    for deadline in aggregate.deadlines(state):
        known = earliest.get(deadline.kind)
        if known is None or deadline.at < known.at:
            earliest[deadline.kind] = deadline
    return tuple(sorted(earliest.values(), key=_order))


def _order(deadline: Deadline) -> tuple[datetime, IntEnum]:
    return deadline.at, deadline.kind


Key = TypeVar("Key")
Value = TypeVar("Value")


def _merged(tables: Iterable[Mapping[Key, Value]]) -> Mapping[Key, Value]:
    """Put the tables of the rules together. Raises ValueError where two rules claim the same thing."""
    merged: dict[Key, Value] = {}
    for table in tables:
        if twice := merged.keys() & table.keys():
            raise ValueError(f"two rules claim {', '.join(sorted(map(str, twice)))}")
        merged |= table
    return merged

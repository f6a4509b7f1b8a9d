"""What comes of an open ticket if nobody acts: every deadline lapses at its own instant, and what follows from it.

The deadlines are lapsed by the ticket's own rules, on a copy: nothing is recorded. The issue tracker and the pager
answer at once, so no failure of theirs is foreseen. The reminders of the Tier 1 limit (G2) are one entry.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import Command
from domain.aggregate.deadline import Deadline
from domain.aggregate.effect import Notice
from domain.core.actor import SYSTEM
from domain.ticket.aggregate import TICKET, notices
from domain.ticket.deadline_kinds import Kind
from domain.ticket.effect_kinds import EffectKind
from domain.ticket.events import EffectDone, Event, Lapsed, LimitNoted, LimitReminded, Warned
from domain.ticket.outside_world import done_at_once
from domain.ticket.state import Ticket

MOST = 1_000
"""Deadlines that one forecast lapses at most: those of a ticket are far fewer."""
TRACKER = "FORECAST"


@dataclass(frozen=True)
class Foreseen:
    """One event that comes if nobody acts."""

    event: Event
    after: Ticket
    """The ticket as the event leaves it."""
    notices: tuple[Notice, ...]
    starts: tuple[EffectKind, ...]
    """What the outside world is asked to do because of it."""
    until: datetime | None = None
    """Of a reminder that repeats: the instant of the last one that is foreseen."""

    @property
    def at(self) -> datetime:
        return self.event.at

    @property
    def about(self) -> list[tuple[str, ...]]:
        """Return what the event is about, whenever it comes: by that two forecasts are compared. Warnings that coincide
        are one event about several things."""
        match body := self.event.body:
            case Lapsed():
                return [(body.type, body.side, body.metric)]
            case Warned():
                return [(body.type, metric, str(share)) for metric, share in body.shares.items()]
            case LimitNoted():
                return [(body.type, body.left)]
        return [(body.type,)]


@dataclass(frozen=True)
class Difference:
    """What one supposition changes of a forecast."""

    about: tuple[str, ...]
    """The type of the event, and what tells it from others of its type."""
    before: Foreseen | None
    """None: it comes only under the supposition."""
    after: Foreseen | None
    """None: it comes no more."""


def if_nobody_acts(ticket: Ticket, now: datetime, until: datetime, first: Command | None = None) -> list[Foreseen]:
    """Return every event that comes of `ticket` between `now` and `until` if nobody acts, in order.

    What has lapsed before `now` and is not recorded yet comes first, at its own instant; then, where one is supposed,
    what the command `first` leads to at `now`. A calendar that is looked further ahead (C16) is left out: it changes
    nothing that a forecast of days can show. Raises Refused where `first` would be refused.
    """
    ahead = _Ahead(ticket)
    ahead.answer(now)
    if first is not None:
        ahead.act(first, now)
    for _ in range(MOST):
        deadline = ahead.next()
        if deadline is None or deadline.at > until:
            break
        ahead.lapse(deadline.at, now)
    if ahead.reminding():
        ahead.lapse(until, now)
    return ahead.foreseen


def differences(before: Sequence[Foreseen], after: Sequence[Foreseen]) -> list[Difference]:
    """Return what differs between two forecasts of one ticket, by the earlier instant of each.

    Events are the same if they are about the same, and the same in number: a second missed promise is compared with a
    second one.
    """
    old, new = _numbered(before), _numbered(after)
    keys = [*old, *(key for key in new if key not in old)]
    found = [Difference(key[0], old.get(key), new.get(key)) for key in keys]
    changed = [one for one in found if not (one.before and one.after and one.before.at == one.after.at)]
    return sorted(changed, key=lambda one: min(side.at for side in (one.before, one.after) if side))


def _numbered(foreseen: Sequence[Foreseen]) -> dict[tuple[tuple[str, ...], int], Foreseen]:
    """Return the events by what they are about, and which of several it is."""
    seen: Counter[tuple[str, ...]] = Counter()
    numbered: dict[tuple[tuple[str, ...], int], Foreseen] = {}
    for one in foreseen:
        for about in one.about:
            seen[about] += 1
            numbered[about, seen[about]] = one
    return numbered


class _Ahead:
    """A copy of a ticket whose deadlines are lapsed ahead of time."""

    def __init__(self, ticket: Ticket) -> None:
        self._ticket = ticket
        self._reminder: int | None = None
        """The place in `foreseen` of the reminder that repeats."""
        self.foreseen: list[Foreseen] = []

    def next(self) -> Deadline | None:
        """Return the next deadline; of reminders that repeat, only the first."""
        return TICKET.next_deadline(self._ticket, *self._left_out())

    def reminding(self) -> bool:
        """Return whether reminders go on to the end."""
        repeats = any(one.kind is Kind.T1_REMINDER for one in TICKET.deadlines(self._ticket))
        return repeats and self._reminder is not None

    def lapse(self, upto: datetime, now: datetime) -> None:
        """Lapse whatever is due up to `upto`, each at its own due instant, as if it were recorded then."""
        at = max(upto, now)
        recording = Recording(TICKET, self._ticket, at, at)
        recording.settle(upto, without=(Kind.HORIZON,))
        for event in recording.events:
            self._add(event)
        self.answer(at)

    def act(self, command: Command, now: datetime) -> None:
        """Give a command at `now`. Raises Refused."""
        recording = TICKET.decide(self._ticket, command, max(now, self._ticket.as_of))
        for event in recording.events:
            self._add(event)
        self.answer(now)

    def answer(self, at: datetime) -> None:
        """Have the outside world do all that the ticket waits for."""
        for effect in self._ticket.pending_effects:
            if not effect.failed:
                recording = Recording(TICKET, self._ticket, at, at)
                recording.record(done_at_once(effect, TRACKER), by=SYSTEM)
                self._ticket = recording.state

    def _add(self, event: Event) -> None:
        before, self._ticket = self._ticket, TICKET.evolve(self._ticket, event)
        known = {effect.key for effect in before.pending_effects}
        starts = tuple(effect.kind for effect in self._ticket.pending_effects if effect.key not in known)
        if isinstance(event.body, EffectDone):
            return
        if isinstance(event.body, LimitReminded) and self._reminder is not None:
            self.foreseen[self._reminder] = replace(self.foreseen[self._reminder], until=event.at)
            return
        if isinstance(event.body, LimitReminded):
            self._reminder = len(self.foreseen)
        self.foreseen.append(Foreseen(event, self._ticket, tuple(notices(self._ticket, event)), starts))

    def _left_out(self) -> tuple[Kind, ...]:
        return (Kind.HORIZON,) if self._reminder is None else (Kind.HORIZON, Kind.T1_REMINDER)

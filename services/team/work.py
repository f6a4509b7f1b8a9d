"""The work of a team as it was recorded: what arrived for which team, when somebody took it, and how long that took.

A piece of work begins when a ticket comes to a team, or comes back from its customer; it is taken by an agent, and
ends when it is handed on, waits on the customer, or is resolved. Times are seconds since 1970 in UTC.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from domain.core.enums import Priority
from domain.ticket import events as e
from domain.ticket.state import Route
from integrations.recorded.adapter import AUTOMATIC, PRIORITIES
from integrations.recorded.log import Recorded, State

SHORTEST = 30.0
"""Seconds of an agent that every piece of work takes at least."""
LAST_ACT = 900.0
"""Seconds for which an agent is at work after the last act of a day."""
DAY = 86_400


class Piece(NamedTuple):
    """One piece of work of one ticket."""

    ticket: str
    team: str
    """Whose queue it waited in; the tier where no team is known."""
    urgent: bool
    arrived: float
    taken: float
    ended: float
    agent: str

    @property
    def waited(self) -> float:
        return self.taken - self.arrived


class Shift(NamedTuple):
    """A time in which an agent was at work: from the first act of a day to soon after the last."""

    begins: float
    ends: float


@dataclass
class Work:
    """All that was recorded of a team."""

    pieces: list[Piece] = field(default_factory=list)
    """Each ticket's together, in order."""
    shifts: dict[str, list[Shift]] = field(default_factory=dict)
    """Agent -> shifts, in order, at most one for each day in UTC."""

    def teams(self) -> list[str]:
        """Return the teams that had work, those with the most first."""
        return [team for team, _ in Counter(piece.team for piece in self.pieces).most_common()]

    def home(self) -> dict[str, str]:
        """Return the team for which each agent took most of what they took."""
        taken: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for piece in self.pieces:
            taken[piece.agent][piece.team] += 1
        return {agent: max(sorted(teams), key=lambda team: teams[team]) for agent, teams in taken.items()}

    def serves(self) -> dict[str, tuple[str, ...]]:
        """Return the teams for which each agent took anything."""
        served: defaultdict[str, set[str]] = defaultdict(set)
        for piece in self.pieces:
            served[piece.agent].add(piece.team)
        return {agent: tuple(sorted(teams)) for agent, teams in served.items()}

    def efforts(self) -> list[float]:
        """Return how many seconds of its agent each piece took.

        Of an agent who has several in hand at once, each gets an equal part of the time; nothing is worked on between
        two shifts. So nobody works longer than they were there.
        """
        efforts = [0.0] * len(self.pieces)
        of_agent: defaultdict[str, list[int]] = defaultdict(list)
        for place, piece in enumerate(self.pieces):
            of_agent[piece.agent].append(place)
        for agent, places in of_agent.items():
            _share(self.pieces, places, self.shifts.get(agent, []), efforts)
        return [max(effort, SHORTEST) for effort in efforts]


def of_log(recorded: Iterable[Recorded]) -> Work:
    """Return the work in a log of another system."""
    work, acts = Work(), _Acts()
    for one in recorded:
        urgent = PRIORITIES[one.impact] in (Priority.P0, Priority.P1)
        follower = _Follower(one.id, urgent, work.pieces)
        follower.arrives(one.opened_at, one.events[0].team)
        for event in one.events:
            if event.actor != AUTOMATIC:
                acts.add(event.actor, event.at)
            if event.team != follower.team:
                follower.arrives(event.at, event.team)
            if event.state.completed or event.state is State.WAIT_USER:
                follower.ends(event.at)
            elif event.state is State.QUEUED:
                follower.arrives(event.at, event.team)
            elif event.state in (State.IN_PROGRESS, State.ASSIGNED) and event.actor != AUTOMATIC:
                follower.takes(event.at, event.actor)
            else:
                follower.waits_again(event.at)
    work.shifts = acts.shifts()
    return work


def of_journal(lives: Iterable[Sequence[e.Event]]) -> Work:
    """Return the work in our own journal."""
    work, acts = Work(), _Acts()
    for events in lives:
        opened = events[0].body
        assert isinstance(opened, e.Opened)
        follower = _Follower(
            f"{opened.source}:{opened.external_id}", opened.priority in (Priority.P0, Priority.P1), work.pieces
        )
        for event in events:
            if event.actor.role in ("agent", "lead", "engineer"):
                acts.add(event.actor.id, event.at)
            match event.body:
                case e.Opened() as body:
                    follower.arrives(event.at, _team(body.route, "T1"))
                case e.Taken() as body:
                    follower.takes(event.at, body.agent)
                case e.Escalated() | e.Returned() as body:
                    follower.arrives(event.at, _team(body.route, body.to.value))
                case e.Answered() as body:
                    follower.arrives(event.at, _team(body.route, body.tier.value))
                case e.Released() | e.Reopened() | e.WaitEnded():
                    follower.arrives(event.at, follower.team)
                case e.WaitStarted() | e.Resolved() | e.Closed():
                    follower.ends(event.at)
    work.shifts = acts.shifts()
    return work


def _team(route: Route | None, tier: str) -> str:
    return route.team if route else tier


class _Follower:
    """Follows one ticket, and writes down its pieces of work."""

    def __init__(self, ticket: str, urgent: bool, pieces: list[Piece]) -> None:
        self._ticket, self._urgent, self._pieces = ticket, urgent, pieces
        self.team = ""
        self._arrived: float | None = None
        self._taken: tuple[float, str] | None = None

    def arrives(self, at: datetime, team: str) -> None:
        """Wait for somebody of a team to take it."""
        self.ends(at)
        self.team, self._arrived = team, at.timestamp()

    def waits_again(self, at: datetime) -> None:
        """Wait for somebody, if nobody has it and it did not wait before."""
        if self._taken is None and self._arrived is None:
            self._arrived = at.timestamp()

    def takes(self, at: datetime, agent: str) -> None:
        """Begin a piece of work, if that agent does not have it already."""
        if self._taken and self._taken[1] == agent:
            return
        arrived = at.timestamp() if self._arrived is None else self._arrived
        self.ends(at)
        self._arrived, self._taken = arrived, (at.timestamp(), agent)

    def ends(self, at: datetime) -> None:
        """End the piece of work that is under way."""
        if self._taken and self._arrived is not None:
            taken, agent = self._taken
            piece = Piece(self._ticket, self.team, self._urgent, self._arrived, taken, at.timestamp(), agent)
            self._pieces.append(piece)
        self._arrived, self._taken = None, None


class _Acts:
    """The first and the last act of each agent on each day."""

    def __init__(self) -> None:
        self._days: dict[tuple[str, int], tuple[float, float]] = {}

    def add(self, agent: str, at: datetime) -> None:
        moment = at.timestamp()
        first, last = self._days.get((agent, int(moment // DAY)), (moment, moment))
        self._days[agent, int(moment // DAY)] = (min(first, moment), max(last, moment))

    def shifts(self) -> dict[str, list[Shift]]:
        found: defaultdict[str, list[Shift]] = defaultdict(list)
        for (agent, day), (first, last) in sorted(self._days.items()):
            found[agent].append(Shift(first, min(last + LAST_ACT, (day + 1.0) * DAY)))
        return dict(found)


def _share(pieces: Sequence[Piece], places: Sequence[int], shifts: Sequence[Shift], efforts: list[float]) -> None:
    """Share the time of one agent among the pieces that they have in hand."""
    changes: list[tuple[float, int, int]] = []
    for place in places:
        changes += [(pieces[place].taken, 1, place), (pieces[place].ended, 0, place)]
    for shift in shifts:
        changes += [(shift.begins, 2, -1), (shift.ends, 3, -1)]
    in_hand: set[int] = set()
    at_work, before = False, 0.0
    for moment, what, place in sorted(changes):
        if at_work and in_hand:
            part = (moment - before) / len(in_hand)
            for one in in_hand:
                efforts[one] += part
        before = moment
        if what == 1:
            in_hand.add(place)
        elif what == 0:
            in_hand.discard(place)
        else:
            at_work = what == 2


def days_of(work: Work) -> Iterator[int]:
    """Yield the working days, in days since 1970: those from Monday to Friday on which anybody was at work."""
    found = {int(shift.begins // DAY) for shifts in work.shifts.values() for shift in shifts}
    yield from (day for day in sorted(found) if datetime.fromtimestamp(day * DAY, UTC).weekday() < 5)

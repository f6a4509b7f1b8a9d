"""What would have become of the queues, had the team been another: a simulation of events over recorded work.

Each agent is at work in their shifts, and works on one piece at a time; whoever is free takes what is urgent first,
then what waits longest, of the teams that are theirs. A ticket's next piece arrives as long after the one before as it
did in the record. How much effort a piece takes is drawn anew in each run from those of its team and urgency, so that
runs differ as weeks do.
"""

import heapq
import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from services.team.work import DAY, Piece, Shift, Work, days_of

RUNS = 10
HOUR = 3600.0


@dataclass(frozen=True)
class Change:
    """Another team: more agents in a team, longer shifts, teams that share their agents."""

    more: int = 0
    team: str = ""
    """Where the additional agents are."""
    longer: float = 0.0
    """Seconds by which each shift is longer: half of them before it, half after."""
    pooled: tuple[str, ...] = ()
    """Teams whose agents take each other's work."""


class Waits(NamedTuple):
    """How long work waited until somebody of a team took it, in hours."""

    pieces: int
    median: float
    ninth: float
    """Nine of ten waited no longer."""

    @classmethod
    def of(cls, seconds: Iterable[float]) -> "Waits":
        ordered = sorted(one / HOUR for one in seconds)
        if not ordered:
            return cls(0, 0.0, 0.0)
        return cls(len(ordered), median(ordered), ordered[min(len(ordered) * 9 // 10, len(ordered) - 1)])


@dataclass(frozen=True)
class Result:
    """One team: as recorded, as the simulation has it without the change, and with it, run by run."""

    team: str
    agents: int
    recorded: Waits
    as_it_was: tuple[Waits, ...]
    changed: tuple[Waits, ...]


def simulate(work: Work, change: Change, runs: int = RUNS) -> list[Result]:
    """Return what becomes of the waits of each team, those with the most work first.

    Both sides of a run draw the same efforts.
    """
    efforts, home = work.efforts(), work.home()
    with_change = _roster(work, home, change)
    as_it_was = _roster(work, home, Change())
    waits: list[tuple[dict[str, list[float]], dict[str, list[float]]]] = []
    for run in range(runs):
        drawn = _drawn(work.pieces, efforts, random.Random(run))
        waits.append((_run(work.pieces, drawn, as_it_was, run), _run(work.pieces, drawn, with_change, run)))
    recorded: defaultdict[str, list[float]] = defaultdict(list)
    for piece in work.pieces:
        recorded[piece.team].append(piece.waited)
    return [
        Result(
            team,
            sum(team == one for one in home.values()),
            Waits.of(recorded[team]),
            tuple(Waits.of(before[team]) for before, _ in waits),
            tuple(Waits.of(after[team]) for _, after in waits),
        )
        for team in work.teams()
    ]


class _Agent(NamedTuple):
    shifts: list[Shift]
    teams: tuple[str, ...]


def _roster(work: Work, home: Mapping[str, str], change: Change) -> list[_Agent]:
    """Return who is there when, and for which teams."""

    def teams(served: tuple[str, ...]) -> tuple[str, ...]:
        shared = change.pooled if set(served) & set(change.pooled) else ()
        return tuple(sorted({*served, *shared}))

    half = change.longer / 2
    agents = [
        _Agent(_apart([Shift(one.begins - half, one.ends + half) for one in work.shifts.get(agent, [])]), teams(served))
        for agent, served in sorted(work.serves().items())
    ]
    begins, ends = _usual_hours(work, home, change.team)
    usual = [Shift(day * DAY + begins - half, day * DAY + ends + half) for day in days_of(work)]
    return agents + [_Agent(_apart(usual), teams((change.team,))) for _ in range(change.more)]


def _usual_hours(work: Work, home: Mapping[str, str], team: str) -> tuple[float, float]:
    """Return when a day of work usually begins and ends in a team, in seconds of a day in UTC."""
    theirs = [one for agent, at in home.items() if at == team for one in work.shifts.get(agent, [])]
    if not theirs:
        return 9 * HOUR, 17 * HOUR
    begins = median(one.begins % DAY for one in theirs)
    return begins, max(median((one.ends - 1) % DAY for one in theirs), begins + HOUR)


def _apart(shifts: Sequence[Shift]) -> list[Shift]:
    """Return the shifts with those that overlap as one."""
    found: list[Shift] = []
    for one in sorted(shifts):
        if found and one.begins <= found[-1].ends:
            found[-1] = Shift(found[-1].begins, max(found[-1].ends, one.ends))
        else:
            found.append(one)
    return found


def _drawn(pieces: Sequence[Piece], efforts: Sequence[float], dice: random.Random) -> list[float]:
    """Return efforts drawn, with return, from those of the same team and urgency."""
    alike: defaultdict[tuple[str, bool], list[float]] = defaultdict(list)
    for piece, effort in zip(pieces, efforts, strict=True):
        alike[piece.team, piece.urgent].append(effort)
    return [dice.choice(alike[piece.team, piece.urgent]) for piece in pieces]


def _run(pieces: Sequence[Piece], efforts: Sequence[float], agents: list[_Agent], run: int) -> dict[str, list[float]]:
    return _Run(pieces, efforts, agents, random.Random(1_000 + run)).waits


class _Run:
    """One run: arrivals and agents in the order of time."""

    def __init__(
        self, pieces: Sequence[Piece], efforts: Sequence[float], agents: list[_Agent], dice: random.Random
    ) -> None:
        self._pieces, self._efforts, self._agents, self._dice = pieces, efforts, agents, dice
        self._begins = [[shift.begins for shift in agent.shifts] for agent in agents]
        self._idle: defaultdict[str, set[int]] = defaultdict(set)
        """Team -> agents who are at work and free."""
        self._queues: defaultdict[str, list[tuple[bool, float, int]]] = defaultdict(list)
        self._arrived: dict[int, float] = {}
        self.waits: dict[str, list[float]] = {piece.team: [] for piece in pieces}
        # (instant, what, which): agents come first, so that who begins at an instant takes what arrives then.
        self._coming: list[tuple[float, int, int]] = [
            (shift.begins, 0, number) for number, agent in enumerate(agents) for shift in agent.shifts
        ]
        first = (place for place, one in enumerate(pieces) if place == 0 or pieces[place - 1].ticket != one.ticket)
        self._coming += [(pieces[place].arrived, 1, place) for place in first]
        heapq.heapify(self._coming)
        self._busy: set[int] = set()
        while self._coming:
            moment, what, which = heapq.heappop(self._coming)
            if what == 0:
                self._is_free(moment, which)
            elif what == 1:
                self._arrives(moment, which)
            else:
                self._busy.discard(which)
                self._is_free(moment, which)

    def _shift_at(self, agent: int, moment: float) -> Shift | None:
        place = bisect_right(self._begins[agent], moment) - 1
        shift = self._agents[agent].shifts[place] if place >= 0 else None
        return shift if shift and moment < shift.ends else None

    def _is_free(self, moment: float, agent: int) -> None:
        """Let an agent take what waits; where nothing does, they wait for it."""
        if agent in self._busy or self._shift_at(agent, moment) is None:
            return
        waiting = [(self._queues[team][0], team) for team in self._agents[agent].teams if self._queues[team]]
        if waiting:
            _, team = min(waiting)
            self._begin(moment, agent, heapq.heappop(self._queues[team])[2])
        else:
            for team in self._agents[agent].teams:
                self._idle[team].add(agent)

    def _arrives(self, moment: float, place: int) -> None:
        piece = self._pieces[place]
        self._arrived[place] = moment
        there = [agent for agent in sorted(self._idle[piece.team]) if self._shift_at(agent, moment)]
        for gone in self._idle[piece.team].difference(there):
            self._forget(gone)
        if there:
            agent = self._dice.choice(there)
            self._forget(agent)
            self._begin(moment, agent, place)
        else:
            heapq.heappush(self._queues[piece.team], (not piece.urgent, moment, place))

    def _forget(self, agent: int) -> None:
        for team in self._agents[agent].teams:
            self._idle[team].discard(agent)

    def _begin(self, moment: float, agent: int, place: int) -> None:
        piece = self._pieces[place]
        self.waits[piece.team].append(moment - self._arrived.pop(place))
        self._forget(agent)
        self._busy.add(agent)
        done = self._advanced(agent, moment, self._efforts[place])
        heapq.heappush(self._coming, (done, -1, agent))
        following = place + 1
        if following < len(self._pieces) and self._pieces[following].ticket == piece.ticket:
            gap = max(self._pieces[following].arrived - piece.ended, 0.0)
            heapq.heappush(self._coming, (done + gap, 1, following))

    def _advanced(self, agent: int, moment: float, effort: float) -> float:
        """Return when so much effort of an agent is done, who works in their shifts only."""
        shifts = self._agents[agent].shifts
        place = bisect_right(self._begins[agent], moment) - 1
        at = moment
        while place < len(shifts):
            left = shifts[place].ends - max(at, shifts[place].begins)
            if effort <= left:
                return max(at, shifts[place].begins) + effort
            effort -= max(left, 0.0)
            place += 1
        return max(at, shifts[-1].ends) + effort

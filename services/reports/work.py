"""What agents did in a week, as far as the record tells: time in hand, time at work, and what one agent more would do.

From pieces of work, of which only it is recorded when they were taken and ended. So what is said of time is the most
that it can be: while something is in hand, hands may rest. Nobody is named.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby, pairwise
from statistics import median
from typing import NamedTuple

from domain.core.enums import Priority
from domain.core.values import Frozen
from domain.report.record import URGENT
from services.team.simulation import Change, simulate
from services.team.work import DAY, LAST_ACT, Piece, Shift, Work
from store.week_report import Worked

MOST_PIECES = 2_000
"""Pieces of work that one agent more is simulated over: the newest."""
RUNS = 4
HOUR = 3600.0


class Effort(NamedTuple):
    """What agents did in a time, in hours."""

    in_hand: float
    """Hours of agents in which at least one ticket was in hand while they were at work."""
    at_work: float
    """From the first act of each day to a quarter of an hour after the last."""
    agents: int
    by_channel: dict[str, float]
    by_plan: dict[str, float]
    """With the work that ended before the time, too."""
    by_account: dict[str, float]
    """The same."""


class OneMore(Frozen):
    """What one agent more would have changed, by a simulation of the work that was recorded."""

    team: str
    """The team with the most work, or its tier."""
    agents: int
    pieces: int
    recorded: float
    """The median of the hours until somebody took a piece of work; as recorded,"""
    as_it_was: float
    """simulated as it was,"""
    with_one_more: float
    """and simulated with one agent more."""
    fits: bool
    """The simulation comes near the record. Where it does not, habits decide how long work waits, and not hands."""


def pieced(found: Sequence[Worked]) -> Work:
    """Return pieces of work as the simulation takes them: each ticket's together, in order."""
    pieces, days = [], dict[tuple[str, int], tuple[float, float]]()
    for ticket, theirs in groupby(found, key=lambda one: one.ticket):
        for one in theirs:
            arrived, taken, ended = one.arrived.timestamp(), one.taken.timestamp(), one.ended.timestamp()
            urgent = Priority(one.priority) in URGENT
            pieces.append(Piece(ticket, one.team, urgent, min(arrived, taken), taken, ended, one.agent))
            for at in (taken, ended):
                begins, ends = days.get((one.agent, int(at // DAY)), (at, at))
                days[one.agent, int(at // DAY)] = (min(begins, at), max(ends, at))
    shifts = defaultdict(list)
    for (agent, day), (begins, ends) in sorted(days.items()):
        shifts[agent].append(Shift(begins, min(ends + LAST_ACT, (day + 1.0) * DAY)))
    return Work(pieces, dict(shifts))


def effort(found: Sequence[Worked], first: datetime, last: datetime) -> Effort:
    """Return what agents did in a time, counted with the pieces of work that ended in it."""
    return efforts(found, (first, last))[0]


def efforts(found: Sequence[Worked], edges: Sequence[datetime]) -> list[Effort]:
    """Return what agents did between each two edges, counted with the pieces of work that ended there."""
    work = pieced(found)
    spent = [seconds / HOUR for seconds in work.efforts()]
    did = []
    for first, last in pairwise(edges):
        begins, ends = first.timestamp(), last.timestamp()
        at_work = sum(
            max(0.0, min(shift.ends, ends) - max(shift.begins, begins)) for of in work.shifts.values() for shift in of
        )
        agents = set[str]()
        by_channel, by_plan, by_account = (defaultdict[str, float](float) for _ in range(3))
        for one, hours in zip(found, spent, strict=True):
            if one.ended < last:
                by_plan[one.plan] += hours
                by_account[one.account] += hours
            if first <= one.ended < last:
                by_channel[one.channel] += hours
                agents.add(one.agent)
        took = dict(by_channel), dict(by_plan), dict(by_account)
        did.append(Effort(sum(by_channel.values()), at_work / HOUR, len(agents), *took))
    return did


def one_more(found: Sequence[Worked]) -> OneMore | None:
    """Return what one agent more in the busiest team would have changed; None where nobody took anything."""
    work = pieced(found)
    if not work.pieces:
        return None
    team = work.teams()[0]
    result = next(one for one in simulate(work, Change(more=1, team=team), RUNS) if one.team == team)
    was = [run.median for run in result.as_it_was]
    recorded = result.recorded.median
    return OneMore(
        team=team, agents=result.agents, pieces=result.recorded.pieces, recorded=recorded, as_it_was=median(was),
        with_one_more=median(run.median for run in result.changed),
        fits=min(was) / 2 - 0.1 <= recorded <= max(was) * 2 + 0.1,
    )  # fmt: skip

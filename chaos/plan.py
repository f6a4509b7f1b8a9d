"""What happens in a run, drawn from a seed: the tickets and their ways, and what is done to Tierline meanwhile.

A disturbance comes after a number of answered requests, and not after a time: the same seed brings the same plan on any
machine, whether it is fast or slow.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Way(StrEnum):
    """How a ticket goes."""

    SOLVED = "solved in Tier 1"
    ENGINEERING = "to engineering and back"
    OUTAGE = "an outage, with an incident"
    MISSED = "its limit and its contract are missed"


STEPS = {Way.SOLVED: 5, Way.ENGINEERING: 9, Way.OUTAGE: 6, Way.MISSED: 4}
"""About how many requests each way takes."""
SHARES = {Way.SOLVED: 4, Way.ENGINEERING: 3, Way.OUTAGE: 1, Way.MISSED: 2}
"""Of ten tickets."""

KILLED = ("worker", "relay", "api", "temporal", "postgres")
"""What is killed with signal 9, in turn, so that each of them is."""


@dataclass(frozen=True)
class Disturbance:
    """What is done to Tierline once so many requests have been answered."""

    after: int
    what: str
    seconds: float
    """How long it lasts."""


@dataclass(frozen=True)
class Plan:
    """A whole run."""

    seed: int
    ways: Sequence[Way]
    """Of each ticket, in the order in which they are opened."""
    disturbances: Sequence[Disturbance]
    """In their order."""

    @property
    def kills(self) -> int:
        return sum(one.what.startswith("kill ") for one in self.disturbances)


FAULTS = (
    "Jira drops answers",
    "Jira answers 504 after it acted",
    "Jira's search is late",
    "the pager drops answers",
    "notices are answered late",
    "webhooks come five times",
    "webhooks come in reverse",
    "webhooks are lost",
    "queries",
)
"""Faults of the outside world; `queries` reads every ticket at once, past the journal, from workflows."""


def draw(seed: int, tickets: int, kills: int) -> Plan:
    """Draw a plan. With the same three numbers it is the same plan."""
    dice = random.Random(seed)
    pattern = [way for way, share in SHARES.items() for _ in range(share)]
    ways = (pattern * (tickets // len(pattern) + 1))[: max(0, tickets - len(Way))] + list(Way)
    ways = ways[-tickets:]
    dice.shuffle(ways)
    requests = sum(STEPS[way] for way in ways)
    names = [f"kill {KILLED[number % len(KILLED)]}" for number in range(kills)]
    names += [FAULTS[number % len(FAULTS)] for number in range(max(len(FAULTS), kills // 2) if kills else 0)]
    dice.shuffle(names)
    moments = sorted(dice.randrange(requests) for _ in names)
    return Plan(
        seed,
        tuple(ways),
        tuple(
            Disturbance(moment, name, round(dice.uniform(0, 2), 2)) for moment, name in zip(moments, names, strict=True)
        ),
    )

"""Deadlines: instants at which something lapses if nobody acts before."""

from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

from domain.core.enums import Metric


class Deadline(NamedTuple):
    """An instant at which something lapses."""

    at: datetime
    kind: IntEnum
    """What lapses. Of deadlines at one instant, the lower kind lapses first."""
    summary: str = ""
    """A line for people: it stands on the timer in the Temporal UI."""
    key: str = ""
    """Of a pending effect: its key."""
    metric: Metric | None = None
    """Of an SLA clock: what it measures."""

"""F8: which clocks of the contract were kept in a month, and which were missed, as an account's statement counts them.

A kept clock belongs to when it was met, a missed or waived one to its due instant. Best effort (C13) keeps and misses
nothing. A breach that was withdrawn (C12) is none.
"""

from datetime import datetime
from typing import Literal, NamedTuple

from domain.clocks.clock import Clock
from domain.core.enums import Side

Outcome = Literal["kept", "missed", "waived"]


class Counted(NamedTuple):
    """What became of a clock, and the instant to which that belongs."""

    outcome: Outcome
    at: datetime


def counted(clock: Clock) -> Counted | None:
    """Return what became of a clock of the contract; None for one that is open, or that counts for nothing."""
    if clock.side is not Side.CONTRACT or not clock.binding:
        return None
    breach = clock.breach
    if breach and breach.status != "withdrawn":
        return Counted("missed" if breach.upheld else "waived", breach.due)
    return Counted("kept", clock.met_at) if clock.met_at else None

"""F8: which clocks of the contract were kept in a month, and which were missed, as an account's statement counts them.

A kept clock belongs to when it was met, a missed or waived one to its due instant. Best effort (C13) keeps and misses
nothing. A breach that was withdrawn (C12) is none.
"""

from datetime import datetime
from typing import Literal, NamedTuple

from domain.clocks.clock import Clock
from domain.core.enums import Metric, Side

Outcome = Literal["kept", "missed", "waived"]


class Counted(NamedTuple):
    """What became of a clock."""

    metric: Metric
    outcome: Outcome
    due: datetime | None
    """When it was due; of a breach, the instant that passed."""
    met_at: datetime | None

    @property
    def at(self) -> datetime:
        """Return the instant to which it belongs."""
        at = self.met_at if self.outcome == "kept" else self.due
        assert at is not None  # `counted` sees to it
        return at


def counted(clock: Clock) -> Counted | None:
    """Return what became of a clock of the contract; None for one that is open, or that counts for nothing."""
    if clock.side is not Side.CONTRACT or not clock.binding:
        return None
    breach = clock.breach
    due = breach.due if breach else clock.due
    if breach and breach.status != "withdrawn":
        return Counted(clock.metric, "missed" if breach.upheld else "waived", due, clock.met_at)
    return Counted(clock.metric, "kept", due, clock.met_at) if clock.met_at else None

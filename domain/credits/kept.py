"""F8: which clocks of the contract were kept in a month, and which were missed, as an account's statement counts them.

A kept clock belongs to when it was met, a missed or waived one to its due instant. Best effort (C13) keeps and misses
nothing. A breach that was withdrawn (C12) is none.

They are the moments that the report of a week counts (F3), so that both say the same. A ticket's clocks alone do not
say it: a promise that was kept may be gone from them, since another question came (C14) or new terms do not make it
any more (C8).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, NamedTuple

from domain.clocks.clock import Clock
from domain.core.enums import Metric, Side
from domain.report.record import Moment

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


def became(moments: Iterable[Moment], clocks: Iterable[Clock]) -> list[Counted]:
    """Return what became of the contract clocks of a ticket, from the moments of its life. Its clocks as they are say
    when what was kept had been due, and when what was missed was met in the end, as far as they are there."""
    own = [clock for clock in clocks if clock.side is Side.CONTRACT]
    found: list[Counted] = []
    for one in moments:
        if one.side is not Side.CONTRACT or one.metric is None or one.status == "withdrawn":
            continue
        of_it = [clock for clock in own if clock.metric is one.metric]
        if one.kind == "kept":
            dues = [_due(clock) for clock in of_it if clock.met_at == one.at and clock.binding]
            found.append(Counted(one.metric, "kept", dues[0] if dues else None, one.at))
        elif one.kind == "missed":
            met = [clock.met_at for clock in of_it if clock.breach and clock.breach.due == one.at]
            outcome: Outcome = "waived" if one.status == "waived" else "missed"
            found.append(Counted(one.metric, outcome, one.at, met[0] if met else None))
    return found


def counted(clock: Clock) -> Counted | None:
    """Return what became of a clock of the contract, as it is now: where no more is known. None for one that is open,
    or that counts for nothing."""
    if clock.side is not Side.CONTRACT or not clock.binding:
        return None
    breach = clock.breach
    due = _due(clock)
    if breach and breach.status != "withdrawn":
        return Counted(clock.metric, "missed" if breach.upheld else "waived", due, clock.met_at)
    return Counted(clock.metric, "kept", due, clock.met_at) if clock.met_at else None


def _due(clock: Clock) -> datetime | None:
    return clock.breach.due if clock.breach else clock.due

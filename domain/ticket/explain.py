"""Why is it due then? A line for each stretch of time, which add up."""

from datetime import datetime, timedelta

from domain.calendars.calendar import StretchKind
from domain.clocks.clock import Clock, effective, leg_calendar, stops
from domain.core.enums import Metric, Side
from domain.core.values import Frozen, Instant
from domain.ticket.state import Ticket


class Line(Frozen):
    """One stretch: what it was, what it counted, and the running total after it."""

    start: Instant
    end: Instant
    kind: StretchKind
    label: str = ""
    counted: timedelta
    total: timedelta


class Explanation(Frozen):
    """One clock, explained (C1): where its promise stands, and how its due instant came about."""

    side: Side
    metric: Metric
    effective: bool
    cell: str
    """The table, row and column that it comes from: `plans.standard.first_response`."""
    ticks: str
    """C3: what it is counted on: a calendar's name and zone, or the wall."""
    policy: str
    start: Instant
    budget: timedelta
    """In the time of its clock; of a cell in business days, what those came to."""
    days: int | None = None
    lines: tuple[Line, ...]
    used: timedelta
    """The running total at the end of the lines: the whole budget, unless the clock stands still."""
    due: Instant | None = None
    """None while it stands still."""
    floor: Instant | None = None
    """C8: the change before which it was not allowed to be due, where that decided."""
    met_at: Instant | None = None
    breach: str | None = None
    """The status of its breach: `upheld`, `withdrawn` or `waived`; None where there is none."""


def explain(ticket: Ticket, at: datetime) -> list[Explanation]:
    """Return every clock of the ticket, explained as of `at`; contract before target, first response before
    resolution."""
    return [_explain(ticket, clock, at) for clock in ticket.clocks]


def _explain(ticket: Ticket, clock: Clock, at: datetime) -> Explanation:
    leg = clock.leg
    calendar = leg_calendar(leg, ticket.terms)
    # What does not count is shown until now; everything as far as the calendar is known.
    end = min(max(leg.start, clock.due or at), calendar.horizon)
    pauses = tuple((s.start, s.end or max(s.start, at)) for s in ticket.suspensions if stops(s, clock.metric))
    lines: list[Line] = []
    total = timedelta(0)
    for stretch in calendar.stretches(min(leg.start, end), end, pauses):
        total += stretch.counted
        lines.append(
            Line(
                start=stretch.start,
                end=stretch.end,
                kind=stretch.kind,
                label=stretch.label,
                counted=stretch.counted,
                total=total,
            )
        )
    floored = clock.due is not None and clock.not_before == clock.due
    return Explanation(
        side=clock.side,
        metric=clock.metric,
        effective=effective(ticket.clocks, clock.metric) is clock,
        cell=leg.cell.source,
        ticks="the wall" if leg.cell.clock == "wall" else f"{calendar.name}, {calendar.zone}",
        policy=leg.policy or ticket.terms.policy,
        start=leg.start,
        budget=leg.cell.budget if leg.cell.budget is not None else total,
        days=leg.cell.days,
        lines=tuple(lines),
        used=total,
        due=clock.due,
        floor=clock.not_before if floored else None,
        met_at=clock.met_at,
        breach=clock.breach.word if clock.breach else None,
    )

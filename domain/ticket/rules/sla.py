"""C4, C11: what it means that an SLA clock passes its due instant, and the warnings before it.

How the clocks count (C1) is in `domain.clocks`; what meets them, in `evidence`. A breach may be waived (C8).
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import ClassVar, Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import LEADS, Command
from domain.aggregate.deadline import Deadline
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Lapse, Notified, On, Reason, Rule
from domain.clocks.clock import Breach, Clock, Suspension, effective, share_instant, timed
from domain.clocks.terms import Terms
from domain.core.enums import Metric, Role, Side
from domain.core.input_types import Text
from domain.core.refusal import Refused
from domain.core.remembered import remembered
from domain.core.text import has_text
from domain.core.values import Frozen, Instant
from domain.ticket.deadline_kinds import Kind
from domain.ticket.rules.basics import instant_text
from domain.ticket.state import (
    ACTIVE,
    Ticket,
)

_METRICS = tuple(Metric)


class Warned(Frozen):
    """C11: shares of the effective clocks are used up. Warnings that coincide are one."""

    type: Literal["warned"] = "warned"
    due: Instant
    shares: dict[Metric, int]
    hindsight: bool = False
    """C12: as of `Lapsed`."""


class Lapsed(Frozen):
    """A due instant passed unmet: a breach of the contract, or a missed target (C1)."""

    type: Literal["lapsed"] = "lapsed"
    side: Side
    metric: Metric
    due: Instant
    cell: str
    hindsight: bool = False
    """C12: it came out by evidence that arrived late; nobody is paged for the past."""


class Waive(Command):
    """Waive a breach of the contract, with the reason. It stays on record."""

    do: Literal["waive"] = "waive"
    who: ClassVar[frozenset[Role]] = LEADS
    metric: Metric | None = None
    reason: Text = ""


class Waived(Frozen):
    """A breach of the contract was waived by ops or a lead, with a reason (C8)."""

    type: Literal["waived"] = "waived"
    metric: Metric


def clocks_changed(ticket: Ticket, change: Callable[[Clock], Clock]) -> Changes:
    """Change each clock."""
    return {"clocks": tuple(change(clock) for clock in ticket.clocks)}


def retimed(ticket: Ticket) -> Changes:
    """Compute again when each clock that is not met is due."""

    def again(clock: Clock) -> Clock:
        return clock if clock.met_at else timed(clock, ticket.terms, ticket.suspensions)

    return clocks_changed(ticket, again)


def without_past_warnings(ticket: Ticket, at: datetime, metrics: Iterable[Metric] = _METRICS) -> Changes:
    """Keep to the warnings of the clock that is effective now, after a change of the clocks (C8): none lies in the
    past."""
    warned = dict(ticket.warned)
    for metric in metrics:
        if clock := _effective(ticket.clocks, ticket.terms, metric):
            shares = ticket.terms.limits.warnings
            past = [s for s in shares if share_instant(clock, s, ticket.terms, ticket.suspensions) <= at]
            warned[metric] = max(past, default=0)
    return {"warned": warned}


def _effective(clocks: Iterable[Clock], terms: Terms, metric: Metric) -> Clock | None:
    """Return the clock that is warned of (C11). Before version 4 of the core, a clock that was missed stayed it."""
    if terms.core_version >= 4:
        return effective(clocks, metric)
    ticking = [c for c in clocks if c.metric is metric and c.binding and c.met_at is None and c.due]
    return min(ticking, key=lambda clock: (clock.due, clock.side), default=None)


# -- Deadlines -------------------------------------------------------------------------------------------------


def _deadlines(ticket: Ticket) -> Iterator[Deadline]:
    if ticket.status in ACTIVE:
        yield from _lapses(ticket.clocks)
        yield from _warnings(ticket)


@remembered
def _lapses(clocks: tuple[Clock, ...]) -> tuple[Deadline, ...]:
    """Return the due instants of all clocks that run (C4)."""
    found = []
    for clock in clocks:
        if clock.running and clock.due:
            contract = clock.side is Side.CONTRACT
            name = clock.metric.replace("_", " ")
            summary = f"Contract SLA: {name}" if contract else f"Internal target: {name}"
            found.append(Deadline(clock.due, Kind.CONTRACT if contract else Kind.TARGET, summary, metric=clock.metric))
    return tuple(found)


def _warnings(ticket: Ticket) -> tuple[Deadline, ...]:
    """Return the next warning of each effective clock that runs and has not lapsed (C11)."""
    return _next_warnings(ticket.clocks, ticket.warned, ticket.terms, ticket.suspensions)


@remembered
def _next_warnings(
    clocks: tuple[Clock, ...], warned: dict[Metric, int], terms: Terms, suspensions: tuple[Suspension, ...]
) -> tuple[Deadline, ...]:
    found = []
    for metric in _METRICS:
        clock = _effective(clocks, terms, metric)
        if clock is None or clock.lapsed or clock.due is None:
            continue
        latest = warned.get(metric, 0)
        share = next((share for share in terms.limits.warnings if share > latest), None)
        if share is not None:
            at = share_instant(clock, share, terms, suspensions)
            if at < clock.due:
                name = metric.replace("_", " ")
                found.append(Deadline(at, Kind.WARNING, f"Warn of the SLA: {name}", metric=metric))
    return tuple(found)


def _next_share(ticket: Ticket, metric: Metric) -> int:
    warned = ticket.warned.get(metric, 0)
    return next(share for share in ticket.terms.limits.warnings if share > warned)


def _warn(recording: Recording[Ticket], deadline: Deadline, lapse: Lapse) -> None:
    ticket = recording.state
    together = [other for other in _warnings(ticket) if other.at == deadline.at and other.metric]
    shares = {other.metric: _next_share(ticket, other.metric) for other in together if other.metric}
    recording.record_lapse(Warned(due=lapse.due, shares=shares, hindsight=lapse.hindsight), lapse.due)


def _miss(recording: Recording[Ticket], deadline: Deadline, lapse: Lapse) -> None:
    side = Side.CONTRACT if deadline.kind is Kind.CONTRACT else Side.TARGET
    clocks = recording.state.clocks
    clock = next(c for c in clocks if (c.side, c.metric) == (side, deadline.metric) and c.running)
    cell = clock.leg.cell.source
    body = Lapsed(side=side, metric=clock.metric, due=lapse.due, cell=cell, hindsight=lapse.hindsight)
    recording.record_lapse(body, lapse.due)


# -- Waivers ---------------------------------------------------------------------------------------------------


def _may_waive(ticket: Ticket) -> Reason:
    upheld = any(c.side is Side.CONTRACT and c.breach and c.breach.upheld for c in ticket.clocks)
    return None if upheld else "no breach of the contract is upheld"


def _waive(recording: Recording[Ticket], command: Waive) -> None:
    """Waive an upheld breach, by ops or a lead, with a reason (C8). The breach stays on record."""
    blank = [name for name in ("metric", "reason") if not has_text(getattr(command, name) or "")]
    if blank:
        raise Refused("missing_fields", f"missing: {', '.join(blank)}", missing=blank)
    assert command.metric is not None
    upheld = [k for k in recording.state.clocks if k.side == "contract" and k.breach and k.breach.upheld]
    if command.metric not in [clock.metric for clock in upheld]:
        listed = ", ".join(clock.metric for clock in upheld)
        raise Refused("does_not_fit", f"no breach of {command.metric} is upheld: {listed} is")
    recording.record(Waived(metric=command.metric), texts={"reason": command.reason})


# -- What follows ----------------------------------------------------------------------------------------------


def _lapsed(ticket: Ticket, event: Envelope, body: Lapsed) -> Changes:
    """Note the miss. What is warned of from then on is the other clock of the metric, if that still runs (C11)."""
    breach = Breach(due=body.due, detected=event.detected)
    changes = clocks_changed(
        ticket,
        lambda c: (
            c.model_copy(update={"breach": breach})
            if (c.side, c.metric) == (body.side, body.metric) and c.met_at is None
            else c
        ),
    )
    if ticket.terms.core_version < 4:
        return changes
    return changes | without_past_warnings(ticket.model_copy(update=changes), body.due, (body.metric,))


def _waived(ticket: Ticket, _event: Envelope, body: Waived) -> Changes:
    def waived(clock: Clock) -> Clock:
        breach = clock.breach
        if clock.side is Side.CONTRACT and clock.metric is body.metric and breach and breach.upheld:
            return clock.model_copy(update={"breach": breach.model_copy(update={"status": "waived"})})
        return clock

    return clocks_changed(ticket, waived)


def _notify_warned(ticket: Ticket, _event: Envelope, body: Warned) -> Notified:
    shares = ", ".join(f"{share} % of {_named(ticket, metric)}" for metric, share in body.shares.items())
    return None if body.hindsight else ("warning", f"{shares} is used up")


def _named(ticket: Ticket, metric: Metric) -> str:
    """Name what is warned of; which of the two clocks, where the other one is missed already (C11)."""
    name = metric.replace("_", " ")
    missed = any(clock.metric is metric and clock.lapsed for clock in ticket.clocks)
    clock = effective(ticket.clocks, metric) if missed else None
    return f"{name} ({clock.side})" if clock else name


def _notify_lapsed(_ticket: Ticket, _event: Envelope, body: Lapsed) -> Notified:
    if body.hindsight:
        return None
    metric = body.metric.replace("_", " ")
    if body.side is Side.CONTRACT:
        return "contract_breach", f"Contract breached: {metric} was due at {instant_text(body.due)}"
    return "target_missed", f"Target missed: {metric} was due at {instant_text(body.due)}"


RULE = Rule[Ticket](
    commands={Waive: On(_waive, _may_waive)},
    events={
        Warned: lambda ticket, _event, body: {"warned": ticket.warned | body.shares},
        Lapsed: _lapsed,
        Waived: _waived,
    },
    deadlines=_deadlines,
    lapses={Kind.WARNING: _warn, Kind.TARGET: _miss, Kind.CONTRACT: _miss},
    notices={Warned: _notify_warned, Lapsed: _notify_lapsed},
)

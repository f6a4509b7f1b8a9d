"""Deadlines: what is next, and what it means when it passes.

`settle` runs before every command, up to the command's instant. Temporal hands over messages before timers when a
worker comes back: without this a step after the T1 limit would be accepted, and a punctual agent booked as late.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

from domain.calendars.calendar import FOREVER
from domain.clocks.clock import effective, share_instant
from domain.core.enums import Metric, Side, Status, Tier
from domain.ticket import events as e
from domain.ticket.rules import t1_limit as limit
from domain.ticket.rules.escalation import go_critical, hand_up
from domain.ticket.rules.gates import missing
from domain.ticket.state import ACTIVE, SYSTEM, Ticket
from domain.ticket.story import Story


class Kind(IntEnum):
    """The kinds of deadline, in the order in which they lapse when they fall on one instant."""

    T1_NOTE = 1
    WARNING = 2
    TARGET = 3
    CONTRACT = 4
    T1_LIMIT = 5
    T1_REMINDER = 6
    GUESS = 7
    DEBT = 8
    EFFECT = 9
    QUIET = 10
    HORIZON = 11


class Deadline(NamedTuple):
    """An instant at which something lapses."""

    at: datetime
    kind: Kind
    metric: Metric | None = None
    key: str = ""

    @property
    def summary(self) -> str:
        """A line for people: it stands on the timer in the Temporal UI."""
        metric = self.metric.replace("_", " ") if self.metric else ""
        return _SUMMARIES[self.kind].format(metric=metric, key=self.key)


_SUMMARIES = {
    Kind.T1_NOTE: "Tell the agent that the T1 troubleshooting limit comes",
    Kind.WARNING: "Warn of the SLA: {metric}",
    Kind.TARGET: "Internal target: {metric}",
    Kind.CONTRACT: "Contract SLA: {metric}",
    Kind.T1_LIMIT: "T1 troubleshooting limit, {key}",
    Kind.T1_REMINDER: "Remind the lead: past the T1 limit",
    Kind.GUESS: "Page, unless the guessed P0 is lowered",
    Kind.DEBT: "Packages of the P0 are due",
    Kind.EFFECT: "Tell ops that an effect is outstanding",
    Kind.QUIET: "Close after the quiet period",
    Kind.HORIZON: "Look further ahead in the calendar",
}


def next_deadline(ticket: Ticket) -> Deadline | None:
    """The earliest instant at which something lapses that people wait for, or None if nothing can."""
    return _earliest(ticket, Kind.HORIZON)


def next_timer(ticket: Ticket, *, effects: bool = False) -> Deadline | None:
    """The earliest deadline that needs a timer.

    An outstanding effect rings by its activity's own time-out, unless `effects` asks for it. And a calendar is only
    looked at when something happens: its horizon needs a timer where a clock ends beyond it, which never rings.
    """
    beyond = any(c.binding and c.met_at is None and c.due is None for c in ticket.clocks) and not ticket.suspended
    idle = (() if effects else (Kind.EFFECT,)) + (() if beyond else (Kind.HORIZON,))
    return _earliest(ticket, *idle)


def _earliest(ticket: Ticket, *without: Kind) -> Deadline | None:
    deadlines = (deadline for deadline in _deadlines(ticket) if deadline.kind not in without)
    return min(deadlines, key=lambda deadline: deadline[:2], default=None)


def settle(story: Story, upto: datetime, *, inclusive: bool = True, hindsight: bool = False) -> None:
    """Lapse every deadline due up to `upto`, in due order, each at its own due instant.

    C4: before a command `inclusive` is False, since what happens at the due instant is in time. C12: `hindsight`
    marks what only late evidence brought out.
    """
    last = upto if inclusive else upto - datetime.resolution
    lapsed: Deadline | None = None
    while (deadline := _earliest(story.ticket)) and deadline.at <= last:
        if deadline == lapsed:  # a bug: stopped here, before it fills the memory with events
            raise RuntimeError(f"ticket {story.ticket.id}: {deadline.kind.name} at {deadline.at} does not lapse")
        lapsed = deadline
        _lapse(story, deadline, last, hindsight)


def _deadlines(ticket: Ticket) -> Iterator[Deadline]:
    limits = ticket.terms.limits
    for effect in ticket.undone:
        if not effect.alerted and not effect.failed:
            yield Deadline(effect.since + limits.effect_alert, Kind.EFFECT, key=effect.key)
    if ticket.status is Status.RESOLVED and ticket.resolved_at:
        yield Deadline(ticket.resolved_at + limits.quiet, Kind.QUIET)
    if ticket.status not in ACTIVE:
        return
    for clock in ticket.clocks:
        if clock.running and clock.due:
            kind = Kind.CONTRACT if clock.side is Side.CONTRACT else Kind.TARGET
            yield Deadline(clock.due, kind, clock.metric)
    yield from _warnings(ticket)
    yield from _limit(ticket)
    if ticket.guess_due:
        yield Deadline(ticket.guess_due, Kind.GUESS)
    horizon = ticket.terms.calendar.horizon
    if horizon < FOREVER and not any(effect.kind == "terms" for effect in ticket.undone):
        yield Deadline(horizon - limits.renewal, Kind.HORIZON)
    if ticket.debt and not ticket.debt.paid and not ticket.debt.overdue:
        yield Deadline(ticket.debt.due, Kind.DEBT)


def _warnings(ticket: Ticket) -> Iterator[Deadline]:
    """C11: the next share of each effective clock, while it ticks and has not lapsed."""
    for metric in Metric:
        clock = effective(ticket.clocks, metric)
        if clock is None or clock.lapsed or clock.due is None:
            continue
        warned = ticket.warned.get(metric, 0)
        share = next((share for share in ticket.terms.limits.warnings if share > warned), None)
        if share is not None:
            at = share_instant(clock, share, ticket.terms, ticket.suspensions)
            if at < clock.due:
                yield Deadline(at, Kind.WARNING, metric)


def _limit(ticket: Ticket) -> Iterator[Deadline]:
    """G1, G2: notes before the T1 limit, the limit, and the reminders after it. No nagging on Free."""
    stay = ticket.stay
    if stay is None or not limit.ticks(ticket):
        return
    limits = ticket.terms.limits
    if stay.reached:
        if stay.over == "enforced" and ticket.terms.plan.paid and (at := limit.reminder_at(ticket)):
            yield Deadline(at, Kind.T1_REMINDER)
        return
    told = ticket.terms.plan.paid and limits.t1_mode == "enforce"
    notes = [note for note in limits.t1_notes[stay.noted :] if told and note < limits.t1_limit]
    budget, kind = (notes[0], Kind.T1_NOTE) if notes else (limits.t1_limit, Kind.T1_LIMIT)
    if at := limit.used_up_at(ticket, budget):
        yield Deadline(at, kind, key=f"{limits.t1_limit.total_seconds() / 60:g} min")


def _lapse(story: Story, deadline: Deadline, upto: datetime, hindsight: bool) -> None:
    """Record one deadline. C8: what a change moved into the past is due at the change; what only late evidence
    brought out keeps its own instant, and is recorded now (C12)."""
    ticket, limits = story.ticket, story.ticket.terms.limits
    due = deadline.at if hindsight else max(deadline.at, ticket.as_of)

    def record(body: e.Body) -> None:
        story.record(body, at=max(due, story.ticket.as_of), by=SYSTEM)

    match deadline.kind:
        case Kind.WARNING:
            together = [d for d in _warnings(ticket) if d.at == deadline.at and d.metric]
            shares = {d.metric: _next_share(ticket, d.metric) for d in together if d.metric}
            record(e.Warned(due=due, shares=shares, hindsight=hindsight))
        case Kind.TARGET | Kind.CONTRACT:
            side = Side.CONTRACT if deadline.kind is Kind.CONTRACT else Side.TARGET
            clock = next(c for c in ticket.clocks if (c.side, c.metric) == (side, deadline.metric) and c.running)
            cell = clock.leg.cell.source
            record(e.Lapsed(side=side, metric=clock.metric, due=due, cell=cell, hindsight=hindsight))
        case Kind.T1_NOTE:
            left = limits.t1_limit - limits.t1_notes[ticket.stay.noted if ticket.stay else 0]
            record(e.LimitNoted(due=due, minutes_left=left.total_seconds() / 60))
        case Kind.T1_LIMIT:
            _reach_limit(story, due)
        case Kind.T1_REMINDER:
            # What was missed while nothing ran is one reminder, not many: the last one before anything else lapses.
            others = [other.at - datetime.resolution for other in _deadlines(ticket) if other.kind is not deadline.kind]
            due = max(due, limit.reminder_at(ticket, min([upto, *others])) or due)
            record(e.LimitReminded(due=due))
        case Kind.GUESS:
            record(e.GuessStood(due=due))
            go_critical(story, at=max(due, ticket.as_of))
        case Kind.DEBT:
            record(e.DebtOverdue(due=due))
        case Kind.EFFECT:
            record(e.EffectOverdue(key=deadline.key, due=due))
        case Kind.HORIZON:
            record(e.TermsAged(due=due))
        case Kind.QUIET:
            record(e.Closed(how="quiet"))


def _next_share(ticket: Ticket, metric: Metric) -> int:
    warned = ticket.warned.get(metric, 0)
    return next(share for share in ticket.terms.limits.warnings if share > warned)


def _reach_limit(story: Story, due: datetime) -> None:
    """G2: at the limit a complete package escalates by itself; otherwise the escalation is due."""
    ticket = story.ticket
    observed = ticket.terms.limits.t1_mode == "observe"
    stay = ticket.stay.number if ticket.stay else 1
    at = max(due, ticket.as_of)
    body = e.LimitReached(due=due, stay=stay, over="observed" if observed else "enforced")
    story.record(body, at=at, by=SYSTEM)
    if not observed and ticket.terms.plan.paid and not missing(ticket, Tier.T2):
        hand_up(story, Tier.T2, "at_limit", at=at)

"""G1, G2: the Tier 1 limit. 15 minutes of troubleshooting from the first take, one budget for each stay.

Before the limit the agent is notified. At the limit a complete package escalates by itself; otherwise the escalation
is due, no more steps are taken, and the lead is reminded until the ticket moves.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.deadline import Deadline
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Lapse, Notified, Reason, Rule
from domain.calendars.calendar import WALL, BeyondHorizon, Calendar
from domain.clocks.terms import Terms
from domain.core.enums import Priority, Tier
from domain.core.values import Frozen, Instant
from domain.ticket.deadline_kinds import Kind
from domain.ticket.rules.escalation import hand_up
from domain.ticket.rules.gates import missing
from domain.ticket.state import (
    ACTIVE,
    Stay,
    Ticket,
)


class LimitNoted(Frozen):
    """G2: the agent is notified that the T1 limit comes."""

    type: Literal["limit_noted"] = "limit_noted"
    due: Instant
    minutes_left: float

    @property
    def left(self) -> str:
        """Return what is left, for people."""
        return f"{self.minutes_left:g} min" if self.minutes_left >= 1 else f"{self.minutes_left * 60:.0f} s"


class LimitReached(Frozen):
    """G2: the T1 limit is used up."""

    type: Literal["limit_reached"] = "limit_reached"
    due: Instant
    stay: int
    over: Literal["enforced", "observed"]


class LimitReminded(Frozen):
    """G2: the lead is reminded of a ticket past its T1 limit."""

    type: Literal["limit_reminded"] = "limit_reminded"
    due: Instant


def ticks(ticket: Ticket) -> bool:
    """Return whether the limit is counting: in Tier 1, taken, and not waiting on the customer (C6)."""
    if not applies(ticket.priority, ticket.terms):
        return False
    taken = ticket.stay is not None and ticket.stay.since is not None
    return taken and ticket.status in ACTIVE and not ticket.suspended


def applies(priority: Priority, terms: Terms) -> bool:
    """Return whether the limit applies: not to a P0 on a paid plan (G6)."""
    return priority is not Priority.P0 or not terms.plan.paid


def within_limit(ticket: Ticket) -> Reason:
    """Allow a command until the Tier 1 limit is reached (G2). On Free nobody escalates: the reason names other ways."""
    if not ticket.escalation_due:
        return None
    ways = "complete the package, escalate or resolve" if ticket.terms.plan.paid else "answer, resolve or refer it"
    return f"the Tier 1 limit is reached: {ways}"


def used_up_at(ticket: Ticket, budget: timedelta) -> datetime | None:
    """Return when `budget` of the stay is used up, or None past the calendar's horizon.

    G1: on the plan's calendar, on the wall when taken outside it; pending does not count. The ticket must tick.
    """
    stay = ticket.stay
    assert stay is not None
    assert stay.since is not None
    pauses = tuple((s.start, s.end) for s in ticket.suspensions if s.end)
    try:
        return _calendar(ticket).add(stay.since, max(budget - stay.used, timedelta(0)), pauses)
    except BeyondHorizon:
        return None


def reminder_at(ticket: Ticket, upto: datetime | None = None) -> datetime | None:
    """Return when the lead is reminded next: a grace period after the last notice; None past the horizon (G2).

    The grace period ticks as the limit did, so nobody is reminded through a closed weekend. With `upto`: the last
    of all reminders that fall due until then.
    """
    stay, grace = ticket.stay, ticket.terms.limits.t1_grace
    assert stay is not None
    last = stay.reminded or stay.reached
    assert last is not None
    calendar = _calendar(ticket)
    try:
        periods = max(1, calendar.elapsed(last, upto) // grace) if upto else 1
        return calendar.add(last, periods * grace)
    except BeyondHorizon:
        return None


def after_change(
    ticket: Ticket, at: datetime, *, priority: Priority, terms: Terms, clock: Literal["plan", "wall"]
) -> Stay | None:
    """Return the stay after new priority or terms at `at`. Its limit never becomes due in the past (C8).

    A limit that begins to apply (G6) starts with the change, on `clock`. Other support hours leave what was used up.
    """
    stay = ticket.stay
    if stay is None or stay.since is None:
        return stay
    if stay.reached:  # G2: on Free nobody was notified of it; on a paid plan it counts anew
        bought = terms.core_version >= 4 and terms.plan.paid and not ticket.terms.plan.paid
        return Stay(number=stay.number, since=at, clock=clock) if bought and applies(priority, terms) else stay
    if not applies(ticket.priority, ticket.terms) and applies(priority, terms):
        return Stay(number=stay.number, since=at, clock=clock)
    if stay.clock == "wall" or terms.calendar == ticket.terms.calendar:
        return stay
    pauses = ((s.start, s.end or at) for s in ticket.suspensions)
    try:
        used = stay.used + ticket.terms.calendar.elapsed(stay.since, at, pauses)
    except BeyondHorizon:
        return stay
    return stay.model_copy(update={"since": at, "used": used})


def clock_at(ticket: Ticket, at: datetime) -> Literal["plan", "wall"]:
    """Return what a limit that starts at `at` counts by: the plan's calendar, or the wall while closed (G1)."""
    try:
        return "plan" if ticket.terms.calendar.is_open(at) else "wall"
    except BeyondHorizon:
        return "wall"


def _calendar(ticket: Ticket) -> Calendar:
    """Return what the stay's limit is counted on."""
    return ticket.terms.calendar if ticket.stay and ticket.stay.clock == "plan" else WALL


def stay_changed(ticket: Ticket, **update: Any) -> Changes:
    """Change the current stay in Tier 1."""
    return {"stay": (ticket.stay or Stay()).model_copy(update=update)}


# -- Deadlines -------------------------------------------------------------------------------------------------


def _deadlines(ticket: Ticket) -> Iterator[Deadline]:
    """Yield the notes before the limit, the limit, and the reminders after it. Free has no reminders."""
    stay = ticket.stay
    if stay is None or ticket.status not in ACTIVE or not ticks(ticket):
        return
    limits = ticket.terms.limits
    if stay.reached:
        if stay.over == "enforced" and ticket.terms.plan.paid and (at := reminder_at(ticket)):
            yield Deadline(at, Kind.T1_REMINDER, "Remind the lead: past the T1 limit")
        return
    reminded = ticket.terms.plan.paid and limits.t1_mode == "enforce"
    notes = [note for note in limits.t1_notes[stay.noted :] if reminded and note < limits.t1_limit]
    if at := used_up_at(ticket, notes[0] if notes else limits.t1_limit):
        if notes:
            yield Deadline(at, Kind.T1_NOTE, "Tell the agent that the T1 troubleshooting limit comes")
        else:
            minutes = limits.t1_limit.total_seconds() / 60
            yield Deadline(at, Kind.T1_LIMIT, f"T1 troubleshooting limit, {minutes:g} min")


def _note(recording: Recording[Ticket], _deadline: Deadline, lapse: Lapse) -> None:
    ticket = recording.state
    left = ticket.terms.limits.t1_limit - ticket.terms.limits.t1_notes[ticket.stay.noted if ticket.stay else 0]
    recording.record_lapse(LimitNoted(due=lapse.due, minutes_left=left.total_seconds() / 60), lapse.due)


def _reach(recording: Recording[Ticket], _deadline: Deadline, lapse: Lapse) -> None:
    """Escalate a complete package at the limit, else make the escalation due (G2)."""
    ticket = recording.state
    observed = ticket.terms.limits.t1_mode == "observe"
    stay = ticket.stay.number if ticket.stay else 1
    body = LimitReached(due=lapse.due, stay=stay, over="observed" if observed else "enforced")
    at = recording.record_lapse(body, lapse.due)
    if not observed and ticket.terms.plan.paid and not missing(ticket, Tier.T2):
        hand_up(recording, Tier.T2, "at_limit", at=at)


def _remind(recording: Recording[Ticket], deadline: Deadline, lapse: Lapse) -> None:
    """Remind the lead (G2). What was missed while nothing ran is one reminder: the last one, after all
    that lapsed before it."""
    ticket = recording.state
    if ticket.terms.core_version < 4:
        return _remind_before_others(recording, deadline, lapse)
    due = max(lapse.due, reminder_at(ticket, lapse.upto) or lapse.due)
    recording.settle(due, inclusive=False, hindsight=lapse.hindsight, without=(deadline.kind,))
    if any(other.kind is deadline.kind for other in recording.aggregate.deadlines(recording.state)):
        recording.record_lapse(LimitReminded(due=due), due)


def _remind_before_others(recording: Recording[Ticket], deadline: Deadline, lapse: Lapse) -> None:
    """Remind the lead as versions of the core before 4 did: missed reminders were one only up to the next deadline of
    another kind."""
    ticket = recording.state
    others = [
        other.at - datetime.resolution
        for other in recording.aggregate.deadlines(ticket)
        if other.kind is not deadline.kind
    ]
    due = max(lapse.due, reminder_at(ticket, min([lapse.upto, *others])) or lapse.due)
    recording.record_lapse(LimitReminded(due=due), due)


# -- What follows ----------------------------------------------------------------------------------------------


def _noted(ticket: Ticket, _event: Envelope, _body: LimitNoted) -> Changes:
    return stay_changed(ticket, noted=(ticket.stay or Stay()).noted + 1)


def _reached(ticket: Ticket, _event: Envelope, body: LimitReached) -> Changes:
    return stay_changed(ticket, reached=body.due, over=body.over)


def _reminded(ticket: Ticket, _event: Envelope, body: LimitReminded) -> Changes:
    return stay_changed(ticket, reminded=body.due)


def _notify_note(_ticket: Ticket, event: Envelope, body: LimitNoted) -> Notified:
    """Send the note of the T1 limit, unless the limit has been reached already (after an outage, or by late
    evidence)."""
    still_true = event.detected - body.due < timedelta(minutes=body.minutes_left)
    return ("t1_note", f"Tier 1 limit: {body.left} left") if still_true else None


def _notify_reached(ticket: Ticket, _event: Envelope, body: LimitReached) -> Notified:
    enforced = body.over == "enforced" and ticket.terms.plan.paid
    return ("t1_limit", "Tier 1 limit reached") if enforced else None


RULE = Rule[Ticket](
    events={LimitNoted: _noted, LimitReached: _reached, LimitReminded: _reminded},
    deadlines=_deadlines,
    lapses={Kind.T1_NOTE: _note, Kind.T1_LIMIT: _reach, Kind.T1_REMINDER: _remind},
    notices={
        LimitNoted: _notify_note,
        LimitReached: _notify_reached,
        LimitReminded: lambda *_: ("t1_reminder", "Still past the Tier 1 limit"),
    },
)

"""The priority (C8), and what else of a ticket is corrected. How the clocks follow is in `clock_changes`."""

from collections.abc import Collection, Container, Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field as Bounded
from pydantic import StringConstraints

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import Command
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Notified, On, Rule
from domain.core.enums import Category, Metric, Priority, Side
from domain.core.input_types import Short, Text
from domain.core.refusal import Refused
from domain.core.values import Frozen, Instant
from domain.ticket.effect_kinds import ISSUE
from domain.ticket.rules import clock_changes
from domain.ticket.rules.basics import active, effect_of, needed, not_closed
from domain.ticket.rules.cancellation import note_cancellation
from domain.ticket.rules.escalation import follow_priority, pay_debt
from domain.ticket.rules.package import after_filling
from domain.ticket.rules.routing import reroute
from domain.ticket.rules.sla import retimed, without_past_warnings
from domain.ticket.rules.t1_limit import after_change, clock_at
from domain.ticket.state import (
    Effect,
    Route,
    Ticket,
)
from domain.ticket.state import Reason as Why


class Prioritise(Command):
    """Change the priority, with the reason. The clocks follow; nothing becomes due in the past."""

    do: Literal["prioritise"] = "prioritise"
    priority: Priority | None = None
    reason: Text = ""


class DueChange(Frozen):
    """What a change of priority makes of one clock that is not met (C8)."""

    side: Side
    metric: Metric
    before: Instant | None = None
    """None: it did not run, or there was no such clock."""
    after: Instant | None = None


class Prioritised(Frozen):
    """The priority changed (C8)."""

    type: Literal["prioritised"] = "prioritised"
    old: Priority
    new: Priority
    free: bool = False
    """On a plan that is not paid (G6)."""
    clock: Literal["plan", "wall"] = "plan"
    """What a T1 limit that starts with it ticks on: a P0 has none, what it is lowered to does."""
    overruled: tuple[str, ...] = ()
    """The rules of the policy that had said otherwise: they are counted."""
    dues: tuple[DueChange, ...] = ()
    """When each clock was due before, and is due now."""


class Amend(Command):
    """Correct the category, product area, language or tags."""

    do: Literal["amend"] = "amend"
    category: Category | None = None
    product_area: Short | None = None
    language: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$")] | None = None
    tags: tuple[Short, ...] | None = Bounded(default=None, max_length=50)


class Amended(Frozen):
    """Category, area, language or tags were corrected."""

    type: Literal["amended"] = "amended"
    category: Category | None = None
    product_area: str | None = None
    language: str | None = None
    tags: tuple[str, ...] | None = None
    overruled: tuple[str, ...] = ()
    """The rules of the policy that had said otherwise: they are counted."""
    route: Route | None = None


def _prioritise(recording: Recording[Ticket], command: Prioritise) -> None:
    """Change or confirm the priority, with the reason. Clocks follow (C8), and so may an incident (G6)."""
    texts = needed(priority=command.priority or "", reason=command.reason)
    ticket, new = recording.state, command.priority
    assert new is not None
    if new is ticket.priority and not ticket.priority_guessed:
        raise Refused(
            "does_not_fit", f"the ticket is {new} already", would_fit=recording.aggregate.allowed_commands(ticket)
        )
    free = not ticket.terms.plan.paid
    fields = ("impact", "urgency") if new is not ticket.priority else ()
    overruled, clock = _overruled(ticket, fields), clock_at(ticket, recording.at)
    dues = tuple(_dues(ticket, new, recording.at)) if ticket.terms.core_version >= 4 else ()
    body = Prioritised(old=ticket.priority, new=new, free=free, clock=clock, overruled=overruled, dues=dues)
    recording.record(body, texts={"reason": texts["reason"]})
    pay_debt(recording)
    follow_priority(recording)


def _dues(ticket: Ticket, new: Priority, at: datetime) -> Iterator[DueChange]:
    """Yield when each clock that is not met was due, and is due with the new priority."""
    if new is ticket.priority:
        return
    changed = _reclocked(ticket, new, at)["clocks"]
    old, late = ({(c.side, c.metric): c.due for c in clocks if not c.met_at} for clocks in (ticket.clocks, changed))
    for side, metric in [*old, *(place for place in late if place not in old)]:
        before, after = old.get((side, metric)), late.get((side, metric))
        if before or after:
            yield DueChange(side=side, metric=metric, before=before, after=after)


def _amend(recording: Recording[Ticket], command: Amend) -> None:
    fields: dict[str, Any] = {
        name: value
        for name in ("category", "product_area", "language", "tags")
        if (value := getattr(command, name)) is not None
    }
    if not fields:
        names = ["category", "product_area", "language", "tags"]
        raise Refused("missing_fields", f"nothing to correct: give one of {', '.join(names)}", missing=names)
    changed = [name for name, value in fields.items() if value != getattr(recording.state, name) and name != "tags"]
    corrected = {name: fields[name] for name in changed}
    route = reroute(
        recording.state,
        recording.at,
        area=corrected.get("product_area"),
        category=corrected.get("category"),
        language=corrected.get("language"),
    )
    recording.record(Amended(**fields, overruled=_overruled(recording.state, changed), route=route))
    if "category" in changed:
        note_cancellation(recording)
    after_filling(recording)  # of another category less may be missing


def _overruled(ticket: Ticket, fields: Collection[str]) -> tuple[str, ...]:
    """Return the rules that had said otherwise of these fields. Tags add up, so nobody is proven wrong by them."""
    rules = [reason.rule for reason in ticket.reasons if reason.field in fields and reason.by == "rule"]
    return tuple(dict.fromkeys(rules))


# -- What follows ----------------------------------------------------------------------------------------------


def _prioritised(ticket: Ticket, event: Envelope, body: Prioritised) -> Changes:
    changes: Changes = {"priority": body.new, "priority_guessed": False, "guess_due": None}
    changes["stay"] = after_change(ticket, event.at, priority=body.new, terms=ticket.terms, clock=body.clock)
    changes["reasons"] = _without_reasons(ticket, ("impact", "urgency", "priority"))
    changes |= _reclocked(ticket, body.new, event.at)
    return changes | without_past_warnings(ticket.model_copy(update=changes), event.at)


def _reclocked(ticket: Ticket, new: Priority, at: datetime) -> Changes:
    """Change the clocks to another priority at `at`, and compute when they are due (C8)."""
    return retimed(ticket.model_copy(update={"clocks": clock_changes.reprioritise(ticket, new, at)}))


def _amended(ticket: Ticket, event: Envelope, body: Amended) -> Changes:
    amended = {name: getattr(body, name) for name in ("category", "product_area", "language", "tags", "route")}
    changes: Changes = {name: value for name, value in amended.items() if value is not None}
    changes["reasons"] = _without_reasons(ticket, changes)
    if body.category is not None:
        changes["clocks"] = clock_changes.recategorise(ticket, body.category, event.at)
        changes |= retimed(ticket.model_copy(update=changes))
        changes |= without_past_warnings(ticket.model_copy(update=changes), event.at)
    return changes


def _without_reasons(ticket: Ticket, fields: Container[str]) -> tuple[Why, ...]:
    """Return the changes that drop the reasons of rules: a person has decided the priority now."""
    return tuple(reason for reason in ticket.reasons if reason.field not in fields)


def _effects(_before: Ticket | None, after: Ticket, event: Envelope) -> Iterator[Effect]:
    """Return the effects of a new priority. A Free ticket that becomes a P0 joins an incident that is open, and never
    opens one (G6). A ticket that is raised raises its issue (G5), also one that is on its way."""
    body = event.body
    if not isinstance(body, Prioritised):
        return
    if body.new is Priority.P0 and body.free:
        yield effect_of(after, event, "incident_if_open")
    there = after.issue is not None and after.issue.open
    coming = any(effect.kind in ISSUE and not effect.failed for effect in after.pending_effects)
    if body.new < body.old and (there or coming) and after.terms.core_version >= 4:
        yield effect_of(after, event, "jira_priority")


def _notify(_ticket: Ticket, _event: Envelope, body: Prioritised) -> Notified:
    free_p0 = body.new is Priority.P0 and body.free
    return ("guessed_p0", "A P0 on a plan that is not paid: nobody is paged") if free_p0 else None


RULE = Rule[Ticket](
    commands={Prioritise: On(_prioritise, active), Amend: On(_amend, not_closed)},
    events={Prioritised: _prioritised, Amended: _amended},
    effects=_effects,
    notices={Prioritised: _notify},
)

"""F1: an account with many critical tickets may leave, so customer success is alerted in time."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from domain.core.enums import Category, Priority
from domain.core.values import Frozen, Instant
from domain.ticket.effect_kinds import JOINING
from domain.ticket.state import Ticket


class ChurnRule(Frozen):
    """The policy's `churn` table; the field names are the same."""

    tickets: int = 2
    priorities: tuple[Priority, ...] = (Priority.P0, Priority.P1)
    within: timedelta = timedelta(days=30)
    arr_over: Decimal = Decimal(50_000)
    cancellations: bool = True


class Hit(Frozen):
    """A ticket of an account that counts: a critical one, or a cancellation."""

    ticket: str
    opened_at: Instant
    incident: int | None = None
    cancellation: bool = False
    """The customer wants to cancel (F11)."""


class Alert(Frozen):
    """What customer success is told: the tickets of one window, oldest first."""

    window_start: Instant
    """When the window's first ticket opened. With the account it identifies the alert."""
    tickets: tuple[str, ...]
    cancellations: int = 0
    """How many of them are cancellations."""


def csm_of(ticket: Ticket) -> str | None:
    """Return who is notified as the CSM: the account's own; where it has none, the one that its plan's accounts share.

    None: nobody is named. Then the notice goes to whoever has the part.
    """
    return ticket.account.csm or ticket.terms.plan.shared_csm


def watched(ticket: Ticket, rule: ChurnRule) -> bool:
    """Return whether the account has a CSM, or enough revenue to be worth an alert (F1).

    An account whose plan has a shared or a named one has one, also while nobody is set.
    """
    account = ticket.account
    has_csm = account.csm is not None or ticket.terms.plan.csm != "none"
    return has_csm or (account.arr is not None and account.arr > rule.arr_over)


def decided(ticket: Ticket) -> bool:
    """Return whether it is known what the ticket counts as.

    A priority that only a rule guessed is none yet, and while the incident is being looked for, the ticket may turn
    out to be part of one that is counted already.
    """
    looking = any(effect.kind in JOINING and not effect.failed for effect in ticket.pending_effects)
    return not looking and not ticket.priority_guessed


def counts(priority: str, category: str, rule: ChurnRule) -> bool:
    """Return whether a ticket counts for its account: by its priority, or as a cancellation (F11)."""
    return priority in rule.priorities or (rule.cancellations and category == Category.CANCELLATION)


def hit(ticket: Ticket | None, rule: ChurnRule) -> Hit | None:
    """Return what the ticket counts as now, or None."""
    if ticket is None or not counts(ticket.priority, ticket.category, rule) or not decided(ticket):
        return None
    incident = ticket.incident.number if ticket.incident else None
    cancels = rule.cancellations and ticket.category is Category.CANCELLATION
    return Hit(ticket=ticket.id, opened_at=ticket.opened_at, incident=incident, cancellation=cancels)


def window(at: datetime, rule: ChurnRule, running: datetime | None) -> datetime:
    """Return the start of the window that counts at `at`: that of the alert `running`, else one window back."""
    return running or at - rule.within


def alert(hits: Iterable[Hit], rule: ChurnRule, running: datetime | None) -> Alert | None:
    """Return the alert that the hits of a window give (F1). The tickets of one incident count once; one cancellation
    is enough (F11).

    `running` is the start of an alert whose window is not over: it is updated, whatever became of its tickets.
    """
    ordered = sorted(hits, key=lambda one: (one.opened_at, one.ticket))
    problems = {one.incident or one.ticket for one in ordered}
    cancellations = sum(one.cancellation for one in ordered)
    if not ordered or (running is None and not cancellations and len(problems) < rule.tickets):
        return None
    return Alert(
        window_start=running or ordered[0].opened_at,
        tickets=tuple(one.ticket for one in ordered),
        cancellations=cancellations,
    )

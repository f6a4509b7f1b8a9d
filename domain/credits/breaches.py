"""The contract breaches of a ticket that stand, as the ledger of credits (F2) needs them.

A breach is worth what the terms said under which the clock lapsed: terms that a ticket was given later change no month
that is past. Where nobody knew the account then, or the ticket belongs to another one by now, the terms that came with
the account count.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from domain.clocks.terms import Terms
from domain.core.enums import Metric, Resolution, Side
from domain.core.values import Frozen, Instant
from domain.ticket.state import Account, IncidentLink, Ticket

MOST_LINKS = 20
"""Tickets of a chain of duplicates that are followed."""
_TICKET = "ticket:"


class Owed(Frozen):
    """One contract breach that stands, and what it is worth."""

    ticket: str
    account: str
    metric: Metric
    problem: str
    """What counts once: `incident:7`, or `ticket:<id>` for a ticket and its duplicates."""
    due: Instant
    month: str
    """Of the due instant in the zone of the account's support hours: `2026-11`."""
    percent: Decimal
    """Of the month's fee, as the plan says."""
    fee: Decimal | None
    """A month's fee, or a twelfth of the yearly revenue; None: neither is known."""


class Missed(NamedTuple):
    """A due instant of the contract that passed, and stands."""

    metric: Metric
    due: datetime


def missed(ticket: Ticket) -> list[Missed]:
    """Return the contract breaches that stand, neither waived (C8) nor withdrawn (C12), in the order of the clocks."""
    return [
        Missed(clock.metric, clock.breach.due)
        for clock in ticket.clocks
        if clock.side is Side.CONTRACT and clock.breach and clock.breach.upheld
    ]


class Links(NamedTuple):
    """What says which problem a ticket is about: the fields of a ticket, by their names."""

    id: str
    incident: IncidentLink | None
    resolution: Resolution | None
    parent: str | None


def own_problem(ticket: Links) -> str:
    """Return what the ticket counts as by itself: its incident, the ticket that it is a duplicate of, or itself.

    An incident that was called off, or that the ticket was part of by mistake, is none.
    """
    if (link := ticket.incident) and link.state not in ("left", "cancelled"):
        return f"incident:{link.number}"
    return of_ticket(ticket.parent if ticket.resolution is Resolution.DUPLICATE and ticket.parent else ticket.id)


def of_ticket(ticket: str) -> str:
    """Return the problem that is a ticket of its own, with its duplicates."""
    return f"ticket:{ticket}"


class Problem(NamedTuple):
    """What a breach counts for, and the tickets through which that was found."""

    key: str
    via: tuple[str, ...]
    """The tickets that it is a duplicate of, one of the other. If one of them moves, the problem is another."""


def problem_of(start: Links, find: Callable[[str], Links | None]) -> Problem:
    """Return the problem of a ticket: that of the last ticket in the chain of duplicates (`find` looks them up).

    A duplicate of something that is not here is one with its like. Tickets that are duplicates of each other are one
    problem, named by the first of their ids. A longer chain than `MOST_LINKS` is cut.
    """
    via: list[str] = []
    at = start
    while (key := own_problem(at)) != of_ticket(at.id) and key.startswith(_TICKET) and len(via) < MOST_LINKS:
        name = key.removeprefix(_TICKET)
        if name == start.id or name in via:
            return Problem(of_ticket(min([name, *via[via.index(name) if name in via else 0 :]])), tuple(via))
        via.append(name)
        found = find(name)
        if found is None:
            break
        at = found
    return Problem(key, tuple(via))


def month_fee(account: Account) -> Decimal | None:
    """Return what a month costs the account, by its fee or a twelfth of its yearly revenue; None: neither is known."""
    if account.fee is not None:
        return account.fee
    return None if account.arr is None else account.arr / 12


def worth(ticket: Ticket, one: Missed, problem: str, terms: Terms, account: Account) -> Owed:
    """Return what a breach is worth under the terms, and for the account, that count for it."""
    return Owed(
        ticket=ticket.id,
        account=ticket.account.id,
        metric=one.metric,
        problem=problem,
        due=one.due,
        month=f"{terms.calendar.local(one.due):%Y-%m}",
        percent=terms.plan.credit_percent,
        fee=month_fee(account),
    )

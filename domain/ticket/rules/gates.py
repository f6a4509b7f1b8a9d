"""G3, G4: the gates. What a hand-off needs. All missing names are reported together, in order."""

from decimal import Decimal

from domain.core.enums import Category, Priority, Tier
from domain.ticket.state import (
    Ticket,
)

BUG_REPORT = ("summary", "steps", "expected", "actual", "environment", "frequency", "code_change")
"""The parts of the bug report, in order."""


def is_request(ticket: Ticket) -> bool:
    """Return whether the ticket becomes a request in the tracker: P4 and features, without a bug report (G5)."""
    return ticket.priority is Priority.P4 or ticket.category is Category.FEATURE


def missing(ticket: Ticket, to: Tier) -> list[str]:
    """Return the names of the fields that the ticket lacks for tier `to`, in the order of the gates (G3, G4).

    For Tier 3 the names of both gates are reported together, so that nobody fills one only to meet the other.
    """
    names = [name for name in ticket.terms.gates.t2 if not _filled(ticket, name)]
    if to is Tier.T3 and not is_request(ticket):
        for name in ticket.terms.gates.t3:
            names += _missing_of(ticket, name)
    return names


def in_order(ticket: Ticket, names: list[str]) -> list[str]:
    """Sort names, or parts of them such as `bug_report.summary`, in the order of the gates."""
    order = {name: place for place, name in enumerate((*ticket.terms.gates.t2, *ticket.terms.gates.t3))}
    return sorted(names, key=lambda name: order.get(name.split(".")[0], len(order)))


def _filled(ticket: Ticket, name: str) -> bool:
    """Return whether a field stands. "Not applicable" stands only in the categories that have it: not for what was
    taken for a how-to and is a bug."""
    field = ticket.fields.get(name)
    return field is not None and (field.absent != "not_applicable" or may_not_apply(ticket, name))


def may_not_apply(ticket: Ticket, name: str) -> bool:
    """Return whether a field may be declared not applicable in the ticket's category."""
    return ticket.category in ticket.terms.gates.not_applicable.get(name, ())


def _missing_of(ticket: Ticket, name: str) -> list[str]:
    if name == "bug_report":
        lacking = [part for part in BUG_REPORT if not _has_part(ticket, part)]
        reported = any(f"bug_report.{part}" in ticket.fields for part in BUG_REPORT)
        return [f"bug_report.{part}" for part in lacking] if reported else ["bug_report"]
    if not _filled(ticket, name):
        return [name]
    if name == "business_impact" and ticket.arr is None and ticket.account.arr is None:
        return ["business_impact.arr"]
    return []


def _has_part(ticket: Ticket, part: str) -> bool:
    """Return whether a part of the bug report is there. The steps are taken over from Tier 2's package (G4)."""
    inherited = part == "steps" and _filled(ticket, "reproduction_steps")
    return inherited or f"bug_report.{part}" in ticket.fields


def arr_of(ticket: Ticket) -> Decimal | None:
    """Return the yearly revenue at stake, from the package, else from the account. None is unknown."""
    if ticket.arr and ticket.arr != "unknown":
        return Decimal(ticket.arr)
    return ticket.account.arr if ticket.arr is None else None

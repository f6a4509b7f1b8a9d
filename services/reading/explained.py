"""`domain.ticket.explain` as an object: why a ticket is due when it is, stretch by stretch."""

from collections.abc import Hashable, Sequence
from datetime import UTC, datetime
from typing import Any

from domain.calendars.calendar import Calendar
from domain.clocks.terms import Terms
from domain.ticket.explain import Explanation, explain
from domain.ticket.state import Ticket
from services.policy_file.places import calendar_unclear
from services.reading.instants import iso

MOST_KEPT = 500
"""Tickets whose clocks are kept explained."""
_KEPT: dict[Hashable, tuple[Terms, Sequence[dict[str, Any]]]] = {}
"""By clocks, suspensions and the identity of the terms, which are kept beside, so that no others can get it."""


def explained(ticket: Ticket) -> dict[str, Any]:
    """Return every clock of the ticket, explained as of now. Spans are seconds (`_s`), instants ISO 8601 in UTC."""
    return {
        "ticket": ticket.id,
        "support_hours": _support_hours(ticket.terms.calendar),
        "clocks": list(_clocks(ticket)),
    }


def _clocks(ticket: Ticket) -> Sequence[dict[str, Any]]:
    """Return every clock, explained. What does not go on with the time that passes is kept: pages of a ticket are
    loaded more often than its clocks change."""
    now, terms = datetime.now(UTC), ticket.terms
    if any(clock.due is None for clock in ticket.clocks) or any(one.end is None for one in ticket.suspensions):
        return [_as_object(one) for one in explain(ticket, now)]
    key = ticket.clocks, ticket.suspensions, id(terms)
    known = _KEPT.get(key)
    if known is None or known[0] is not terms:
        if len(_KEPT) >= MOST_KEPT:
            _KEPT.clear()
        known = _KEPT[key] = terms, tuple(_as_object(one) for one in explain(ticket, now))
    return known[1]


def _support_hours(calendar: Calendar) -> dict[str, str | None]:
    """Say where the ticket's support hours come from, and what is not known of its holidays (C16). Of a calendar from
    before these were noted, `holidays` and `time_zones` are null."""
    return {
        "calendar": calendar.name,
        "zone": calendar.zone,
        "holidays": calendar.holidays or None,
        "unclear": calendar_unclear(calendar.holidays, calendar.zone) or None,
        "time_zones": calendar.time_zones or None,
        "known_until": iso(calendar.horizon),
    }


def _as_object(one: Explanation) -> dict[str, Any]:
    metric = one.model_dump(mode="json", exclude={"lines", "budget", "used"})
    metric["budget_s"] = one.budget.total_seconds()
    metric["used_s"] = one.used.total_seconds()
    metric["lines"] = [
        {
            "from": iso(line.start),
            "to": iso(line.end),
            "kind": line.kind.value,
            "label": line.label,
            "counted_s": line.counted.total_seconds(),
            "total_s": line.total.total_seconds(),
        }
        for line in one.lines
    ]
    return metric

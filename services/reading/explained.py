"""`domain.ticket.explain` as an object: why a ticket is due when it is, stretch by stretch."""

from datetime import UTC, datetime
from typing import Any

from domain.calendars.calendar import Calendar
from domain.ticket.explain import Explanation, explain
from domain.ticket.state import Ticket
from services.policy_file.places import calendar_unclear
from services.reading.instants import iso


def explained(ticket: Ticket) -> dict[str, Any]:
    """Return every clock of the ticket, explained as of now. Spans are seconds (`_s`), instants ISO 8601 in UTC."""
    return {
        "ticket": ticket.id,
        "support_hours": _support_hours(ticket.terms.calendar),
        "clocks": [_as_object(one) for one in explain(ticket, datetime.now(UTC))],
    }


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

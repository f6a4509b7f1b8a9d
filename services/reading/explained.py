"""`domain.ticket.explain` as an object: why a ticket is due when it is, stretch by stretch."""

from datetime import UTC, datetime
from typing import Any

from domain.ticket.explain import Explanation, explain
from domain.ticket.state import Ticket
from services.reading.instants import iso


def explained(ticket: Ticket) -> dict[str, Any]:
    """Every clock of the ticket, explained as of now. Spans are seconds (`_s`), instants ISO 8601 in UTC."""
    return {"ticket": ticket.id, "clocks": [_as_object(one) for one in explain(ticket, datetime.now(UTC))]}


def _as_object(one: Explanation) -> dict[str, Any]:
    told = one.model_dump(mode="json", exclude={"lines", "budget", "used"})
    told["budget_s"] = one.budget.total_seconds()
    told["used_s"] = one.used.total_seconds()
    told["lines"] = [
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
    return told

"""What a critical problem would set off at a given instant: whom it pages and when, and what is due by then.

It is worked out from the policy alone: no ticket, no incident and no server is needed.
"""

from datetime import datetime, timedelta
from typing import Any

from domain.core.enums import Plan, Priority, Role
from domain.incident.aggregate import declare
from domain.incident.commands import Declare
from domain.incident.events import Paged
from domain.incident.forecast import if_nobody_acts
from domain.incident.wording import line
from domain.policy.policy import Policy
from domain.ticket.state import Account
from services.intake.opening import opening_recording
from services.intake.request import OpenRequest
from services.policy_file.load import resolve_incident_terms
from services.reading.instants import iso

WHO = "forecast"


def forecast_incident(
    policy: Policy, area: str, priority: Priority, plan: Plan, at: datetime, ahead: timedelta
) -> dict[str, Any]:
    """Return what an incident of `area` that begins at `at` sets off within `ahead` if nobody acknowledges it.

    `dues` are the clocks of a ticket of that priority that an account on `plan` opens at `at`. Instants are ISO 8601 in
    UTC. Raises Refused where the area is none.
    """
    terms = resolve_incident_terms(policy, area, at)
    declaration = Declare(number=1, product_area=area, priority=priority, terms=terms, by=WHO, role=Role.LEAD)
    incident = declare(declaration, at).state
    coming = []
    for one in if_nobody_acts(incident, at + ahead):
        body, instant = one.event.body, one.event.at
        page = body if isinstance(body, Paged) else None
        coming.append(
            {
                "at": iso(instant),
                "type": body.type,
                "what": f"step {page.step} of the ladder is paged" if page else line(one.after, one.event),
                "pages": page.audience if page else None,
                "second_channel_at": iso(instant + terms.second_channel) if page else None,
                "notified": sorted({told.recipient or told.audience for told in one.notices}),
            }
        )
    return {
        "area": area,
        "priority": priority.value,
        "plan": plan.value,
        "at": iso(at),
        "commander": terms.commander,
        "coming": coming,
        "dues": _dues(policy, area, priority, plan, at),
    }


def _dues(policy: Policy, area: str, priority: Priority, plan: Plan, at: datetime) -> list[dict[str, Any]]:
    request = OpenRequest.parse(
        {
            "external_id": WHO,
            "account": {"id": WHO, "plan": plan.value},
            "priority": priority.value,
            "product_area": area,
            "subject": WHO,
        }
    )
    ticket = opening_recording(policy, request, at, Account(id=WHO, plan=plan)).state
    return [
        {"side": clock.side.value, "metric": clock.metric.value, "due": iso(clock.due), "cell": clock.leg.cell.source}
        for clock in ticket.clocks
    ]

"""The incident: all of its rules put together. `INCIDENT.decide` and `INCIDENT.fold` are where the core is entered.

Read `terms` and `state` first, then the rules in the order of `RULES`, then `ticket_updates`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

from domain.aggregate.aggregate import Aggregate, Recording
from domain.aggregate.effect import Notice
from domain.aggregate.event import Envelope
from domain.core.actor import Actor
from domain.core.enums import Priority
from domain.incident import commands as c
from domain.incident.events import IncidentEvent
from domain.incident.rules import (
    announcements,
    declaring,
    paging,
    pending_effects,
    responding,
    review,
    tickets,
    updates,
)
from domain.incident.state import Incident, workflow_id

RULES = (declaring, paging, responding, updates, tickets, review, pending_effects, announcements)
"""Every rule of an incident, in an order in which to read them. The order is also that of the effects of one event."""


def _recipients(incident: Incident, _event: Envelope) -> Mapping[str, str | None]:
    return {
        "commander": incident.commander,
        "communications": incident.communications or incident.commander,
        "manager": incident.terms.manager,
    }


def _audiences(incident: Incident) -> Mapping[str, Iterable[str]]:
    """Return the audiences of each notice; none for a drill, which notifies nobody."""
    return {} if incident.drill else incident.terms.notices


INCIDENT = Aggregate[Incident](
    noun="incident",
    rules=[rule.RULE for rule in RULES],
    event=IncidentEvent,
    begins_with=declaring.Declared,
    begin=declaring.begin,
    workflow_id=lambda incident: workflow_id(incident.number),
    ended=lambda incident: incident.ended,
    offered=c.UPDATES,
    facts=c.FACTS,
    refusal=lambda refused, what: declaring.MessageRefused(code=refused.code, what=what),
    recipients=_recipients,
    audiences=_audiences,
)


def declare(declaration: c.Declare, at: datetime) -> Recording[Incident]:
    """Record the first event of an incident."""
    recording = Recording(INCIDENT, None, at, at, Actor(id=declaration.by, role=declaration.role))
    body = declaring.Declared(
        number=declaration.number,
        product_area=declaration.product_area,
        priority=declaration.priority,
        terms=declaration.terms,
        drill=declaration.drill,
    )
    recording.record(body)
    return recording


def notices(incident: Incident, event: Envelope) -> list[Notice]:
    """Return the notices of an event of an incident (F5). `incident` is as the event left it."""
    return INCIDENT.notices(
        incident, event, incident=incident.number, priority=incident.priority, deadline=incident.update_due
    )


def page_severity(priority: Priority) -> Literal["critical", "error"]:
    """Return the severity as pagers know it."""
    return "critical" if priority is Priority.P0 else "error"

"""An incident as its core lets it live, in UTC instants after its declaration."""

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.aggregate.aggregate import Recording
from domain.core.enums import Priority, Role
from domain.incident import commands as c
from domain.incident.aggregate import INCIDENT, declare
from domain.incident.events import IncidentEvent
from services.policy_file.load import load_policy, resolve_incident_terms

T0 = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


class IncidentLife:
    """An incident as its core lets it live."""

    def __init__(self, area: str = "API", *, drill: bool = False) -> None:
        terms = resolve_incident_terms(load_policy(), area, T0)
        declaration = c.Declare(number=7, product_area=area, priority=Priority.P0, terms=terms, drill=drill)
        self.events: list[IncidentEvent] = list(declare(declaration, T0).events)

    def handle(self, do: str, after: timedelta, **payload: Any) -> None:
        at = T0 + after
        command = c.parse({"by": "ada", "received": at.isoformat()} | payload, do)
        self.events += INCIDENT.decide(INCIDENT.fold(self.events), command, at).events

    def until(self, after: timedelta) -> None:
        recording = Recording(INCIDENT, INCIDENT.fold(self.events), T0 + after, T0 + after)
        recording.settle(T0 + after)
        self.events += recording.events

    def joined(self, ticket: str, after: timedelta, *, since: timedelta, jira: str | None = None) -> None:
        self.handle("ticket_joined", after, ticket=ticket, effect_key=f"ticket-{ticket}:incident:2", role=Role.SYSTEM,
                  since=(T0 + since).isoformat(), priority="P0", jira_key=jira, version=2)  # fmt: skip

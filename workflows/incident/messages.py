"""What goes into an incident's workflow and comes out of it. Add-only: every field stands in histories."""

from collections.abc import Iterable
from typing import Self

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.core.values import Frozen
    from domain.incident.aggregate import INCIDENT
    from domain.incident.commands import Declare
    from domain.incident.events import IncidentEvent
    from domain.incident.state import Incident, IncidentState
    from workflows.handlers import handles
    from workflows.messages import AnyCarried

FACTS = "facts"
"""The Signal that brings several facts at once."""


class IncidentAnswer(Frozen):
    """What a command did, and where the incident stands now."""

    incident: int
    seq: int
    did: tuple[str, ...]
    """The types of the events that it led to, deadlines that lapsed before it included."""
    state: IncidentState
    version: int
    commander: str

    @classmethod
    def of(cls, incident: Incident, events: Iterable[IncidentEvent]) -> Self:
        """Make the answer to a command that led to `events`, and to `incident`."""
        return cls(
            incident=incident.number,
            seq=incident.seq,
            did=tuple(event.body.type for event in events),
            state=incident.state,
            version=incident.version,
            commander=incident.commander,
        )


@handles(INCIDENT, IncidentAnswer)
class IncidentHandlers:
    """Every command of people as an Update, every fact as a Signal."""


class IncidentCarried(AnyCarried[IncidentEvent, IncidentAnswer]):
    """All that one run hands to the next."""

    incident: Incident


class IncidentStart(Frozen):
    """The input: how it is declared, or what the previous run carried over."""

    declare: Declare | None = None
    carried: IncidentCarried | None = None


class IncidentEnd(Frozen):
    """How the incident ended."""

    incident: int
    seq: int
    state: IncidentState

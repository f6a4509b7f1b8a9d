"""What goes into an incident's workflow and comes out of it. Add-only: every field stands in histories."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.core.values import Frozen
    from domain.incident.commands import Declare
    from domain.incident.events import IncidentEvent
    from domain.incident.state import Incident, IncidentState


class IncidentAnswer(Frozen):
    """What a command did, and where the incident stands now."""

    incident: int
    seq: int
    did: tuple[str, ...]
    """The types of the events that it led to, deadlines that lapsed before it included."""
    state: IncidentState
    version: int
    commander: str


class IncidentCarried(Frozen):
    """All that one run hands to the next."""

    incident: Incident
    unrecorded: tuple[IncidentEvent, ...] = ()
    answers: dict[str, IncidentAnswer] = {}
    given: str = ""
    """The ids of all commands, as `workflows.known_ids` packs them."""


class IncidentStart(Frozen):
    """The input: how it is declared, or what the previous run carried over."""

    declare: Declare | None = None
    carried: IncidentCarried | None = None


class IncidentEnd(Frozen):
    """How the incident ended."""

    incident: int
    seq: int
    state: IncidentState

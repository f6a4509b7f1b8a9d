"""An incident, and what has just happened to it."""

from datetime import datetime

from domain.incident.events import IncidentBody, IncidentEvent
from domain.incident.evolve import evolve
from domain.incident.state import Incident
from domain.ticket.state import SYSTEM, Actor


class IncidentStory:
    """Each recorded event is evolved at once, so that the next decision sees it.

    `at` is the instant that is decided for, `detected` the instant of recording.
    """

    def __init__(self, incident: Incident | None, at: datetime, detected: datetime, actor: Actor = SYSTEM) -> None:
        self._incident = incident
        self.at = at
        self.detected = detected
        self.actor = actor
        self.command_id: str | None = None
        self.received: datetime | None = None
        self.events: list[IncidentEvent] = []

    @property
    def incident(self) -> Incident:
        assert self._incident is not None, "nothing was declared yet"
        return self._incident

    def record(
        self,
        body: IncidentBody,
        *,
        at: datetime | None = None,
        by: Actor | None = None,
        texts: dict[str, str] | None = None,
    ) -> None:
        """Append one event and evolve the incident by it. Blank texts are left out."""
        event = IncidentEvent(
            seq=self._incident.seq + 1 if self._incident else 1,
            at=at or self.at,
            detected=self.detected,
            received=self.received,
            actor=by or self.actor,
            command_id=self.command_id,
            body=body,
            texts={name: text for name, text in (texts or {}).items() if text.strip()},
        )
        self._incident = evolve(self._incident, event)
        self.events.append(event)

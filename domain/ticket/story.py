"""A ticket, and what has just happened to it."""

from datetime import datetime

from domain.ticket.events import Body, Event
from domain.ticket.evolve import evolve
from domain.ticket.state import SYSTEM, Actor, Ticket


class Story:
    """Each recorded event is evolved at once, so that the next decision sees it.

    `at` is the instant that is decided for, `detected` the instant of recording.
    """

    def __init__(self, ticket: Ticket | None, at: datetime, detected: datetime, actor: Actor = SYSTEM) -> None:
        self._ticket = ticket
        self.at = at
        self.detected = detected
        self.actor = actor
        self.command_id: str | None = None
        self.received: datetime | None = None
        self.source: str | None = None
        self.events: list[Event] = []

    @property
    def ticket(self) -> Ticket:
        assert self._ticket is not None, "nothing has opened yet"
        return self._ticket

    def record(
        self,
        body: Body,
        *,
        at: datetime | None = None,
        occurred: datetime | None = None,
        by: Actor | None = None,
        texts: dict[str, str] | None = None,
    ) -> None:
        """Append one event and evolve the ticket by it. Blank texts are left out."""
        event = Event(
            seq=self._ticket.seq + 1 if self._ticket else 1,
            at=at or self.at,
            detected=self.detected,
            received=self.received,
            occurred=occurred if occurred != (at or self.at) else None,
            actor=by or self.actor,
            command_id=self.command_id,
            source=self.source,
            body=body,
            texts={name: text for name, text in (texts or {}).items() if text.strip()},
        )
        self._ticket = evolve(self._ticket, event)
        self.events.append(event)

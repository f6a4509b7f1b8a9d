"""Both nouns of the journal, so that what is said of one is tested of both."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import Command
from domain.core.enums import Priority, Role
from domain.incident import commands as i
from domain.incident.aggregate import INCIDENT, declare
from domain.ticket import commands as c
from services.policy_file.load import resolve_incident_terms
from store import incidents, journal
from store.database import Database
from tests.support.policy import POLICY
from tests.support.ticket_life import MONDAY, opened

LATER = timedelta(minutes=1)


@dataclass(frozen=True)
class Noun:
    """A ticket or an incident, and how the tests tell of it."""

    name: str
    journal: journal.Journal[Any, Any, Any]
    begin: Callable[[Database, str, datetime], Recording[Any]]
    """Decide how it opens, at an instant, in a database that knows where it belongs."""
    say: Callable[[str], Command]
    """A command with a text, which leads to one event."""
    text: str
    """How that text is called."""

    def open(self, database: Database, name: str = "1", at: datetime = MONDAY) -> "Story":
        """Begin the story of one."""
        recording = self.begin(database, name, at)
        story = Story(self, recording.state, list(recording.events))
        return story.wait_until(at)


@dataclass
class Story:
    """One ticket or incident, and all of its events."""

    noun: Noun
    state: Any
    events: list[Any]

    @property
    def key(self) -> Any:
        return self.noun.journal.key_of(self.state)

    @property
    def stored(self) -> Any:
        return self.noun.journal.stored(self.state)

    def say(self, text: str, after: timedelta = LATER) -> "Story":
        """One more event with a text, so much later than the last one."""
        return self.give(self.noun.say(text), after)

    def give(self, command: Command, after: timedelta = LATER) -> "Story":
        """One more command, so much later than the last event."""
        return self._add(self.noun.journal.aggregate.decide(self.state, command, self.state.as_of + after))

    def wait_until(self, at: datetime) -> "Story":
        """Let every deadline up to `at` lapse."""
        recording = Recording(self.noun.journal.aggregate, self.state, at, at)
        recording.settle(at)
        return self._add(recording)

    def fork(self) -> "Story":
        """The same past, from which another future may be lived."""
        return Story(self.noun, self.state, copy.copy(self.events))

    def record(self, database: Database, run: str = "run-1", first: int = 1) -> journal.Appended[Any]:
        """Append all events from the sequence `first` on."""
        with database.begin() as session:
            return self.noun.journal.append(session, self.key, run, self.events[first - 1 :])

    def _add(self, recording: Recording[Any]) -> "Story":
        self.state = recording.state
        self.events += recording.events
        return self


def _declared(database: Database, name: str, at: datetime) -> Recording[Any]:
    with database.begin() as session:
        number = incidents.find_or_allocate(session, name, "", MONDAY, "a", f"ticket-{name}:incident:2")
    terms = resolve_incident_terms(POLICY, name, at)
    recording = declare(i.Declare(number=number, product_area=name, priority=Priority.P0, terms=terms), at)
    key = f"ticket-{name}:incident:2"
    join = i.JoinTicket(
        by="ticket-a", role=Role.SYSTEM, ticket="a", effect_key=key, since=at, version=2, priority=Priority.P0
    )
    joined = INCIDENT.decide(recording.state, join, at)
    joined.events = [*recording.events, *joined.events]
    return joined


def _ticket(_database: Database, name: str, at: datetime) -> Recording[Any]:
    return opened(name, detected=at)


NOUNS = (
    Noun("ticket", journal.TICKETS, _ticket, lambda text: c.Note(by="ada", text=text), "text"),
    Noun(
        "incident",
        journal.INCIDENTS,
        _declared,
        lambda text: i.PostUpdate(by="ron", role=Role.ENGINEER, status=text),
        "update",
    ),
)

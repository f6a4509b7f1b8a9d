"""What comes of an incident if nobody acknowledges it: whom it pages, and when (G6).

The deadlines are lapsed by the incident's own rules, on a copy: nothing is recorded, and nobody is paged. The pager and
the issue tracker answer at once, so no failure of theirs is foreseen.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.aggregate.aggregate import Recording
from domain.aggregate.effect import Notice
from domain.core.actor import SYSTEM
from domain.incident.aggregate import INCIDENT, notices
from domain.incident.deadline_kinds import Kind
from domain.incident.events import IncidentEvent
from domain.incident.rules.pending_effects import EffectDone
from domain.incident.state import Effect, Incident

MOST = 1_000
"""Deadlines that one forecast lapses at most."""
MAKING = ("issue", "review_issue", "action_issue")
"""Effects that make an issue."""


@dataclass(frozen=True)
class Foreseen:
    """One event that comes if nobody acts."""

    event: IncidentEvent
    after: Incident
    """The incident as the event leaves it."""
    notices: tuple[Notice, ...]


def if_nobody_acts(incident: Incident, until: datetime) -> list[Foreseen]:
    """Return every event that comes of `incident` up to `until` if nobody acts, in order."""
    foreseen: list[Foreseen] = []
    state = _answered(incident, incident.as_of)
    for _ in range(MOST):
        deadline = INCIDENT.next_deadline(state, Kind.EFFECT)
        if deadline is None or deadline.at > until:
            break
        recording = Recording(INCIDENT, state, deadline.at, deadline.at)
        recording.settle(deadline.at, without=(Kind.EFFECT,))
        for event in recording.events:
            state = INCIDENT.evolve(state, event)
            foreseen.append(Foreseen(event, state, tuple(notices(state, event))))
        state = _answered(state, deadline.at)
    return foreseen


def _answered(incident: Incident, at: datetime) -> Incident:
    """Return the incident after the outside world has done all that it waits for."""
    recording = Recording(INCIDENT, incident, at, at)
    for effect in incident.pending_effects:
        if not effect.failed:
            recording.record(_done(effect), by=SYSTEM)
    return recording.state


def _done(effect: Effect) -> EffectDone:
    return EffectDone(key=effect.key, jira_key=f"FORECAST-{effect.seq}" if effect.kind in MAKING else None)

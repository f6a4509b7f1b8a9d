"""An incident's deadlines: what is next, and what it means when it passes.

`settle` runs before every command, up to the command's instant: somebody who acknowledged in time is not overtaken by
the next page because a worker was away.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

from domain.documents.markdown import inert
from domain.incident import events as e
from domain.incident.state import Incident
from domain.incident.story import IncidentStory
from domain.ticket.state import SYSTEM


class Kind(IntEnum):
    """The kinds of deadline, in the order in which they lapse when they fall on one instant."""

    PAGE = 1
    UPDATE = 2
    REVIEW = 3
    EFFECT = 4


class Deadline(NamedTuple):
    """An instant at which something lapses."""

    at: datetime
    kind: Kind
    summary: str
    """A line for people: it stands on the timer in the Temporal UI."""
    key: str = ""


def next_deadline(incident: Incident) -> Deadline | None:
    """The earliest instant at which something lapses, or None if nothing can."""
    return min(_deadlines(incident), key=lambda deadline: deadline[:2], default=None)


def settle(story: IncidentStory, upto: datetime, *, inclusive: bool = True) -> None:
    """Lapse every deadline due up to `upto`, in due order, each at its own due instant.

    Before a command `inclusive` is False: who acknowledges at the due instant is in time.
    """
    last = upto if inclusive else upto - datetime.resolution
    lapsed: Deadline | None = None
    while (deadline := next_deadline(story.incident)) and deadline.at <= last:
        if deadline == lapsed:  # a bug: stopped here, before it fills the memory with events
            raise RuntimeError(f"incident-{story.incident.number}: {deadline.kind.name} does not lapse")
        lapsed = deadline
        _lapse(story, deadline)


def _deadlines(incident: Incident) -> Iterator[Deadline]:
    if incident.next_page:
        rungs = incident.terms.ladder[incident.rung : incident.rung + 1]
        summary = f"Page {inert(rungs[0].audience)}, unless somebody acknowledges" if rungs else "Say that nobody came"
        yield Deadline(incident.next_page, Kind.PAGE, summary)
    if incident.update_nag:
        late = "The next update is due" if not incident.update_missed else "An update is late: tell the manager"
        yield Deadline(incident.update_nag, Kind.UPDATE, late)
    if incident.review_nag:
        yield Deadline(incident.review_nag, Kind.REVIEW, "The review is due")
    for effect in incident.undone:
        if not effect.alerted and not effect.failed:
            due = effect.since + incident.terms.effect_alert
            yield Deadline(due, Kind.EFFECT, f"Tell ops that {effect.kind} is outstanding", effect.key)


def _lapse(story: IncidentStory, deadline: Deadline) -> None:
    """Record one deadline. What a change moved into the past is due at the change."""
    incident = story.incident
    due = max(deadline.at, incident.as_of)
    body: e.IncidentBody
    match deadline.kind:
        case Kind.PAGE:
            rungs = incident.terms.ladder[incident.rung : incident.rung + 1]
            body = e.Unanswered(due=due)
            if rungs:
                level, before = rungs[0].level, [page for page in incident.pages if page.level == rungs[0].level]
                place = {"rung": incident.rung + 1, "level": level, "round": len(before) + 1}
                body = e.Paged(due=due, audience=rungs[0].audience, **place)
        case Kind.UPDATE:
            body = e.UpdateMissed(due=due, times=incident.update_missed + 1)
        case Kind.REVIEW:
            body = e.ReviewDue(due=due)
        case Kind.EFFECT:
            body = e.EffectOverdue(key=deadline.key, due=due)
    story.record(body, at=due, by=SYSTEM)

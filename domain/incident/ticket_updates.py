"""What tickets are told of their incident: each every change, in order, once; in bounded batches.

Nothing here is an event: it follows from what each ticket was told last. A version makes a repeat harmless.
"""

from collections.abc import Callable, Collection
from itertools import islice
from typing import NamedTuple

from domain.core.enums import Role
from domain.incident.state import Incident, IncidentState, workflow_id
from domain.ticket.commands import IncidentUpdate

BATCH = 100
"""Tickets that are told in one go."""


class Telling(NamedTuple):
    """One thing to be told to some tickets."""

    fact: IncidentUpdate
    tickets: tuple[str, ...]
    version: int
    summary: str

    @property
    def left(self) -> bool:
        return self.fact.left is not None


def next_telling(incident: Incident) -> Telling | None:
    """What is told next, or None if everybody knows everything, but for those who are behind."""
    behind = incident.behind
    return _next(incident, lambda ticket: ticket not in behind)


def catching_up(incident: Incident, tickets: Collection[str]) -> Telling | None:
    """The next thing for tickets that could not be told in their turn. Once they hear that, the rest comes by turns."""
    return _next(incident, lambda ticket: ticket in tickets)


def _next(incident: Incident, hears: Callable[[str], bool]) -> Telling | None:
    return _farewell(incident, hears) or _news(incident, hears) or _welcome(incident, hears)


def _farewell(incident: Incident, hears: Callable[[str], bool]) -> Telling | None:
    """A ticket that was part of it by mistake."""
    leaver = next((leaver for leaver in incident.leavers if not leaver.told and hears(leaver.ticket)), None)
    if leaver is None:
        return None
    fact = _fact(incident, leaver.version, incident.state).model_copy(update={"left": "own" if leaver.own else "back"})
    summary = f"Tell ticket-{leaver.ticket} that it is not part of {workflow_id(incident.number)}"
    return Telling(fact, (leaver.ticket,), leaver.version, summary)


def _news(incident: Incident, hears: Callable[[str], bool]) -> Telling | None:
    """The oldest change that somebody has not heard."""
    for news in incident.news:
        # Who has just joined hears where it stands, and not how it came about.
        waiting = (x.ticket for x in incident.tickets if 0 < x.told < news.version and hears(x.ticket))
        if batch := list(islice(waiting, BATCH)):
            update = {
                "received": news.at,
                "comment": news.comment,
                "draft": news.draft,
                "update": news.update,
                "approved_by": news.approved_by,
            }
            fact = _fact(incident, news.version, news.state).model_copy(update=update)
            return Telling(fact, tuple(batch), news.version, _summary(batch, news.state, news.update))
    return None


def _welcome(incident: Incident, hears: Callable[[str], bool]) -> Telling | None:
    """Those who have just joined hear where it stands, with the latest update."""
    new = [joined for joined in incident.tickets if joined.told == 0 and hears(joined.ticket)]
    if not new:
        return None
    batch = [joined.ticket for joined in new if joined.added is new[0].added][:BATCH]
    fact = _fact(incident, incident.version, incident.state).model_copy(update={"added": new[0].added})
    if incident.updates:
        latest = incident.updates[-1]
        fact = fact.model_copy(update={"draft": latest.text, "update": latest.number})
    return Telling(fact, tuple(batch), incident.version, _summary(batch, incident.state, None))


def _fact(incident: Incident, version: int, state: IncidentState) -> IncidentUpdate:
    return IncidentUpdate(
        by=workflow_id(incident.number),
        role=Role.SYSTEM,
        number=incident.number,
        state="resolved" if state == "reviewed" else state,
        version=version,
    )


def _summary(tickets: list[str], state: IncidentState, update: int | None) -> str:
    what = f"update {update}" if update else state
    whom = f"ticket-{tickets[0]}" if len(tickets) == 1 else f"{len(tickets)} tickets"
    return f"Tell {whom}: {what}"

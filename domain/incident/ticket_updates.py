"""The updates that tickets get of their incident: each ticket every change, in order, once; in bounded batches.

Nothing here is an event: what is due follows from the version that each ticket was notified of last. The version makes
a repeat harmless.
"""

from collections.abc import Callable, Collection
from itertools import islice
from typing import NamedTuple

from domain.core.enums import Role
from domain.incident.state import Incident, IncidentState, workflow_id
from domain.ticket.commands import IncidentUpdate

BATCH = 100
"""Tickets that one activity notifies."""


class UpdateBatch(NamedTuple):
    """One update, and the tickets that are to get it."""

    fact: IncidentUpdate
    tickets: tuple[str, ...]
    version: int
    summary: str

    @property
    def left(self) -> bool:
        return self.fact.left is not None


def next_batch(incident: Incident) -> UpdateBatch | None:
    """Return the next batch for the tickets that are not behind; None if all of them know everything."""
    behind = incident.behind
    return _next(incident, lambda ticket: ticket not in behind)


def catch_up_batch(incident: Incident, tickets: Collection[str]) -> UpdateBatch | None:
    """Return the next batch for `tickets` that could not be notified in turn. After it, they get the rest in turn."""
    return _next(incident, lambda ticket: ticket in tickets)


def _next(incident: Incident, wanted: Callable[[str], bool]) -> UpdateBatch | None:
    return _farewell(incident, wanted) or _news(incident, wanted) or _welcome(incident, wanted)


def _farewell(incident: Incident, wanted: Callable[[str], bool]) -> UpdateBatch | None:
    """Return the batch for a ticket that was part of the incident by mistake, or None."""
    leaver = next((leaver for leaver in incident.former_members if not leaver.notified and wanted(leaver.ticket)), None)
    if leaver is None:
        return None
    fact = _fact(incident, leaver.version, incident.state).model_copy(update={"left": "own" if leaver.own else "back"})
    summary = f"Tell ticket-{leaver.ticket} that it is not part of {workflow_id(incident.number)}"
    return UpdateBatch(fact, (leaver.ticket,), leaver.version, summary)


def _news(incident: Incident, wanted: Callable[[str], bool]) -> UpdateBatch | None:
    """Return the batch with the oldest change that a ticket was not notified of, or None."""
    for news in incident.announcements:
        # A ticket that has just joined gets the present state alone, by `_welcome`.
        waiting = (x.ticket for x in incident.tickets if 0 < x.notified_up_to < news.version and wanted(x.ticket))
        if batch := list(islice(waiting, BATCH)):
            update = {
                "received": news.at,
                "comment": news.comment,
                "draft": news.draft,
                "update": news.update,
                "approved_by": news.approved_by,
            }
            fact = _fact(incident, news.version, news.state).model_copy(update=update)
            return UpdateBatch(fact, tuple(batch), news.version, _summary(batch, news.state, news.update))
    return None


def _welcome(incident: Incident, wanted: Callable[[str], bool]) -> UpdateBatch | None:
    """Return the batch for tickets that have just joined: the present state, with the latest update. Or None."""
    new = [joined for joined in incident.tickets if joined.notified_up_to == 0 and wanted(joined.ticket)]
    if not new:
        return None
    batch = [joined.ticket for joined in new if joined.added is new[0].added][:BATCH]
    fact = _fact(incident, incident.version, incident.state).model_copy(update={"added": new[0].added})
    if incident.updates:
        latest = incident.updates[-1]
        fact = fact.model_copy(update={"draft": latest.text, "update": latest.number})
    return UpdateBatch(fact, tuple(batch), incident.version, _summary(batch, incident.state, None))


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

"""Incidents as they can be seen now, and as objects with stable keys: what the CLI draws, and the API sends."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Literal, NamedTuple

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from domain.base import Frozen
from domain.incident import Incident, IncidentState, Sent, workflow_id
from domain.incident_decide import would_fit
from domain.incident_events import IncidentEvent
from domain.incident_report import entries
from domain.refusal import Refused
from domain.words import Priority
from frontdoor.desk import Unavailable, is_away
from frontdoor.reading.instants import iso
from frontdoor.reading.seen import Connect
from store import incident_journal, incidents
from store.database import Database, DatabaseDown

PATIENCE = timedelta(seconds=5)
"""How long a worker may take to answer, before the journal is shown instead."""
_NOBODY = (RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION)
_AWAY = (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)


class SeenIncident(NamedTuple):
    """An incident as it could be seen."""

    incident: Incident
    live: bool
    """Whether its workflow said so; otherwise the journal did."""
    note: str = ""
    """Why something could not be seen, for a person."""


async def look_up(db: Database, connect: Connect, number: int) -> SeenIncident:
    """The incident as its workflow or its journal has it, whichever answers and knows more.

    Raises Refused (`not_found`), Unavailable where neither answers.
    """
    known, lost = await asyncio.to_thread(_from_journal, db, number)
    if known is not None and known.ended and not known.undone:
        return SeenIncident(known, live=False)  # its workflow has said all that it will
    try:
        live = await _from_workflow(await connect(), number)
    except Unavailable as error:
        live, lost = None, f"{lost}; {error}" if lost else str(error)
    if live is not None and (known is None or live.seq >= known.seq):
        return SeenIncident(live, live=True, note=lost)
    if known is not None:
        return SeenIncident(known, live=False, note=lost or "no worker answers: this is what the journal knows")
    if lost:
        raise Unavailable(lost)
    raise Refused("not_found", f"there is no {workflow_id(number)}")


def timeline(db: Database, number: int) -> list[dict[str, Any]]:
    """What happened to it, in order, in words, as far as the journal has it: it follows the workflow within moments.

    Raises Refused (`not_found`), DatabaseDown.
    """
    with db.session() as session:
        if not incidents.is_known(session, number):
            raise Refused("not_found", f"there is no {workflow_id(number)}")
        return lines_of([entry.event for entry in incident_journal.timeline(session, number)])


def _from_journal(db: Database, number: int) -> tuple[Incident | None, str]:
    try:
        with db.session() as session:
            return incident_journal.load(session, number), ""
    except DatabaseDown as error:
        return None, str(error)


async def _from_workflow(client: Client, number: int) -> Incident | None:
    """The incident as its workflow has it; None where there is none, or nobody answers for it. Raises Unavailable."""
    handle = client.get_workflow_handle(workflow_id(number))
    try:
        now: Incident = await handle.query("incident", result_type=Incident, rpc_timeout=PATIENCE)
        return now
    except WorkflowQueryFailedError:
        return None
    except RPCError as error:
        if error.status in _NOBODY or error.status in _AWAY:
            return None
        raise Unavailable(f"Temporal does not answer ({error.status.name})") from None
    except RuntimeError as error:
        if not is_away(error):
            raise
        raise Unavailable("Temporal does not answer (no connection)") from None


# -- As objects ----------------------------------------------------------------------------------------------


def line(incident: Incident) -> dict[str, Any]:
    """One incident in a list. Instants are ISO 8601 in UTC."""
    return {
        "id": workflow_id(incident.number),
        "number": incident.number,
        "priority": incident.priority.value,
        "product_area": incident.product_area,
        "state": incident.state,
        "drill": incident.drill,
        "commander": incident.commander,
        "declared_at": iso(incident.declared_at),
        "next_update_due": iso(incident.update_due),
        "review_due": iso(incident.review_due),
        "tickets": len(incident.tickets),
        "degraded": len(incident.degraded),
        "unanswered": incident.unanswered,
    }


def view(seen: SeenIncident) -> dict[str, Any]:
    """One incident, whole but for its timeline."""
    incident = seen.incident
    return line(incident) | {
        "live": seen.live,
        "note": seen.note,
        "seq": incident.seq,
        "state_since": iso(incident.state_since),
        "acknowledged_at": iso(incident.acknowledged_at),
        "mitigated_at": iso(incident.mitigated_at),
        "resolved_at": iso(incident.resolved_at),
        "reviewed_at": iso(incident.reviewed_at),
        "roles": {
            "commander": incident.commander,
            "communications": incident.communications or incident.commander,
            "manager": incident.terms.manager,
        },
        "ladder": _ladder(incident),
        "pages": [_page(page) for page in incident.pages],
        "updates": {
            "posted": incident.updates_posted,
            "next_due": iso(incident.update_due),
            "late": incident.update_missed,
            "to_approve": [update.number for update in incident.updates if update.approved_by is None],
        },
        "tickets": [
            {
                "id": joined.ticket,
                "priority": joined.priority.value if joined.priority else None,
                "owes": list(joined.owes),
                "jira": joined.jira_key,
                "joined_at": iso(joined.at),
                "told": joined.told >= incident.version,
            }
            for joined in incident.tickets
        ],
        "degraded": [
            {
                "what": effect.kind,
                "key": effect.key,
                "since": iso(effect.since),
                "failed": effect.failed,
                "retry": "retry" if effect.failed else "by itself",
            }
            for effect in incident.degraded
        ],
        "outstanding": [effect.kind for effect in incident.undone],
        "links": {
            "workflow": workflow_id(incident.number),
            "jira": _issue(incident.jira_key, incident.jira_url),
            "review": _issue(incident.review_key, incident.review_url),
        },
        "review": {"due": iso(incident.review_due), "done": iso(incident.reviewed_at)},
        "actions": [
            {"owner": action.owner, "due": iso(action.due), "jira": action.jira_key} for action in incident.actions
        ],
        "would_fit": would_fit(incident),
    }


def lines_of(events: Iterable[IncidentEvent]) -> list[dict[str, Any]]:
    """A timeline. `told` is "" for what people need not read."""
    return [_entry(event, text) for event, text in entries(events)]


class Incidents(Frozen):
    """Part of a list of incidents, the newest first."""

    incidents: list[dict[str, Any]]
    next: int | None = None
    """What to ask for as `after` to get the next page; none if this is the last."""


class AskIncidents(Frozen):
    """Which incidents are asked for."""

    ended: bool = False
    """Those of which nothing more is asked, too: reviewed, or cancelled."""
    area: str | None = None
    priority: Literal[Priority.P0, Priority.P1] | None = None
    state: IncidentState | None = None
    limit: int = 50
    after: int | None = None
    """Those with a lower number than this."""


def listed(db: Database, ask: AskIncidents) -> Incidents:
    """A page of incidents, each as `line` makes it. Raises DatabaseDown."""
    with db.session() as session:
        found = incident_journal.listed(
            session,
            over=ask.ended,
            area=ask.area,
            priority=ask.priority,
            state=ask.state,
            before=ask.after,
            limit=ask.limit + 1,
        )
    page = found[: ask.limit]
    return Incidents(
        incidents=[line(incident) for incident in page],
        next=page[-1].number if len(found) > ask.limit else None,
    )


def _ladder(incident: Incident) -> list[dict[str, Any]]:
    """Whom it pages, in order, and how far that has come."""
    return [
        {
            "audience": rung.audience,
            "level": rung.level,
            "paged": place < incident.rung,
            "due": iso(incident.next_page) if place == incident.rung else None,
        }
        for place, rung in enumerate(incident.terms.ladder)
    ]


def _page(page: Sent) -> dict[str, Any]:
    """`accepted` by the pager, `failed` there, taken `elsewhere` (the second channel), or still `sending`."""
    return {"audience": page.audience, "level": page.level, "time": page.round, "state": page.state}


def _issue(key: str | None, url: str | None) -> dict[str, Any] | None:
    return {"key": key, "url": url} if key else None


def _entry(event: IncidentEvent, told: str) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "type": event.body.type,
        "at": iso(event.at),
        "detected": iso(event.detected),
        "by": event.actor.id,
        "role": event.actor.role.value,
        "told": told,
    }

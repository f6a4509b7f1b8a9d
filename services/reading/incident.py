"""Incidents as they can be seen now, and as objects with stable keys: what the CLI draws, and the API sends."""

import asyncio
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from domain.core.enums import Priority
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from domain.core.values import Frozen
from domain.incident.aggregate import INCIDENT
from domain.incident.events import IncidentEvent
from domain.incident.state import Incident, IncidentState, Page, workflow_id
from domain.tracker.incident_report import entries
from services.reading.instants import iso
from services.reading.running import Connect, Waiting, as_objects, asked, describe, notes_on, stopped
from store import incidents, journal
from store.database import Database, DatabaseDown
from store.journal import INCIDENTS


class SeenIncident(NamedTuple):
    """An incident as it could be seen."""

    incident: Incident
    live: bool
    """Whether its workflow runs."""
    note: str = ""
    """What hinders it, or why something could not be seen, for a person."""
    status: str = "running"
    """The status of its workflow, as `Described` has it."""
    waiting: tuple[Waiting, ...] = ()
    """Why pending effects wait."""


async def look_up(db: Database, connect: Connect, number: int, seq: int = 0) -> SeenIncident:
    """Return the incident as the journal has it, with what Temporal says of its workflow.

    `seq` is the number of an event that the caller knows of, from the answer to a command: where the journal is not
    that far yet, or cannot be read, the workflow itself is queried. Raises Refused (`not_found`), Unavailable where
    neither answers.
    """
    describing = asyncio.create_task(describe(connect, workflow_id(number)))
    try:
        known, lost = await asyncio.to_thread(_from_journal, db, number)
        if known is not None and known.ended and not known.pending_effects:
            return SeenIncident(known, live=False, status="completed")  # its workflow has said all that it will
        described = await describing
    finally:
        describing.cancel()
    if known is not None and stopped("incident", described):
        known, lost = await asyncio.to_thread(_from_journal, db, number)  # it may have ended in between
        if known is not None and known.ended and not known.pending_effects:
            return SeenIncident(known, live=False, status=described.status)
    if (known is None or known.seq < seq) and described.status not in ("none", "unknown"):
        live = await asked(connect, workflow_id(number), "incident", Incident)
        known = live if live is not None and (known is None or live.seq >= known.seq) else known
    if known is not None:
        note = "; ".join(filter(None, [lost, notes_on("incident", described, known.seq, seq)]))
        return SeenIncident(known, described.runs, note, described.status, described.waiting)
    if lost or described.status != "none":
        raise Unavailable("; ".join(filter(None, [lost, described.note or "no worker answers"])))
    raise Refused("not_found", f"there is no {workflow_id(number)}")


def timeline(db: Database, number: int) -> list[dict[str, Any]]:
    """Return what happened to it, in order, in words, as far as the journal has it: it follows the workflow within
    moments.

    Raises Refused (`not_found`), DatabaseDown.
    """
    return lines_of(events_of(db, number))


def events_of(db: Database, number: int) -> list[IncidentEvent]:
    """Return what happened to it, in order, with its words. Raises Refused (`not_found`), DatabaseDown."""
    with db.session() as session:
        if not incidents.is_known(session, number):
            raise Refused("not_found", f"there is no {workflow_id(number)}")
        return [entry.event for entry in INCIDENTS.timeline(session, number)]


def _from_journal(db: Database, number: int) -> tuple[Incident | None, str]:
    try:
        with db.session() as session:
            return INCIDENTS.load(session, number), ""
    except DatabaseDown as error:
        return None, str(error)


# -- As objects ----------------------------------------------------------------------------------------------


def line(incident: Incident, subject: str) -> dict[str, Any]:
    """Return one incident in a list; `subject` is that of its first ticket that has one."""
    return _head(incident) | {"subject": subject}


def _head(incident: Incident) -> dict[str, Any]:
    """Return what a list and the details say of an incident. Instants are ISO 8601 in UTC."""
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


def view(found: SeenIncident) -> dict[str, Any]:
    """Return one incident, whole but for its timeline."""
    incident = found.incident
    return _head(incident) | {
        "live": found.live,
        "note": found.note,
        "workflow_status": found.status,
        "pending_activities": as_objects(found.waiting),
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
                "jira": joined.issue_key,
                "joined_at": iso(joined.at),
                "notified": joined.notified_up_to >= incident.version,
                "told": joined.notified_up_to >= incident.version,  # the old name, until 1.0
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
        "pending_effects": [effect.kind for effect in incident.pending_effects],
        "outstanding": [effect.kind for effect in incident.pending_effects],  # the old name, until 1.0
        "links": {
            "workflow": workflow_id(incident.number),
            "jira": _issue(incident.issue_key, incident.issue_url),
            "review": _issue(incident.review_key, incident.review_url),
        },
        "review": {"due": iso(incident.review_due), "done": iso(incident.reviewed_at)},
        "actions": [
            {"owner": action.owner, "due": iso(action.due), "jira": action.issue_key} for action in incident.actions
        ],
        "allowed_commands": INCIDENT.allowed_commands(incident),
        "would_fit": INCIDENT.allowed_commands(incident),  # the old name, until 1.0
    }


def lines_of(events: Iterable[IncidentEvent]) -> list[dict[str, Any]]:
    """Return a timeline. `summary` is "" for what people need not read."""
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
    """Return a page of incidents, each as `line` makes it. Raises DatabaseDown."""
    with db.session() as session:
        found = journal.listed(
            session,
            over=ask.ended,
            area=ask.area,
            priority=ask.priority,
            state=ask.state,
            before=ask.after,
            limit=ask.limit + 1,
        )
        page = found[: ask.limit]
        about = incidents.subjects(session, [incident.number for incident in page])
    return Incidents(
        incidents=[line(incident, about.get(incident.number, "")) for incident in page],
        next=page[-1].number if len(found) > ask.limit else None,
    )


def _ladder(incident: Incident) -> list[dict[str, Any]]:
    """Return whom it pages, in order, and how far that has come."""
    return [
        {
            "audience": step.audience,
            "level": step.level,
            "paged": place < incident.steps_paged,
            "due": iso(incident.next_page) if place == incident.steps_paged else None,
        }
        for place, step in enumerate(incident.terms.ladder)
    ]


def _page(page: Page) -> dict[str, Any]:
    """Show a page: `accepted` by the pager, `failed` there, taken `elsewhere` (the second channel), or still
    `sending`."""
    return {"audience": page.audience, "level": page.level, "time": page.round, "state": page.state}


def _issue(key: str | None, url: str | None) -> dict[str, Any] | None:
    return {"key": key, "url": url} if key else None


def _entry(event: IncidentEvent, summary: str) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "type": event.body.type,
        "at": iso(event.at),
        "detected": iso(event.detected),
        "by": event.actor.id,
        "role": event.actor.role.value,
        "summary": summary,
        "told": summary,  # the old name, until 1.0
    }

"""Incidents: declared, given commands, read. Every command has its route, made from its one definition."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from api.answers import described_by
from api.bodies import declaring_body, sent_fields
from api.callers import After, IncidentNumber, KnownSeq, Limit, Person, Responder
from api.commands import add_commands
from api.incident_answers import IncidentDetails, IncidentList, IncidentTimeline
from api.parts import Parts, PartsOf
from api.problems import WITH_BODY, documented
from api.reading import Readable
from domain.core.enums import Priority
from domain.incident.aggregate import INCIDENT
from domain.incident.state import IncidentState
from services.incidents import IncidentReceipt
from services.intake.declaration import DeclareRequest
from services.reading.incident import AskIncidents, Incidents, listed, look_up, timeline, view
from services.security.auth import speak
from workflows.incident.messages import IncidentAnswer

router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"], route_class=Readable)

# -- Declaring -----------------------------------------------------------------------------------------------

_DeclareBody = declaring_body()


@router.post(
    "",
    status_code=201,
    operation_id="declare_incident",
    responses={
        201: {"description": "Declared: its on-call is being paged."},
        200: {"model": IncidentReceipt, "description": "One is open for the area: it is that one."},
        **documented(*WITH_BODY, "does_not_fit"),
    },
)
async def declare_incident(
    body: _DeclareBody,  # type: ignore[valid-type]  # made from its definition
    caller: Responder,
    parts: PartsOf,
    response: Response,
) -> IncidentReceipt:
    """Declare an incident by hand, which pages its on-call at once.

    While it is open for its area, to declare another there is to find it, so it is safe to send it again.
    """
    receipt = await parts.incidents.declare(DeclareRequest.parse(speak(caller, sent_fields(body))))
    response.headers["Location"] = f"{router.prefix}/{receipt.incident}"
    response.status_code = 201 if receipt.created else 200
    return receipt


# -- Commands ------------------------------------------------------------------------------------------------


async def _handle(parts: Parts, incident: int, name: str, payload: dict[str, Any]) -> IncidentAnswer:
    return await parts.incidents.handle(incident, name, payload)


add_commands(router, INCIDENT, IncidentNumber, IncidentAnswer, _handle)

# -- Reading -------------------------------------------------------------------------------------------------


@router.get("", operation_id="read_incidents", **described_by(IncidentList, "not_allowed"))
def read_incidents(
    _: Person,
    parts: PartsOf,
    ended: Annotated[bool, Query(description="Those that were reviewed or cancelled, too.")] = False,
    area: Annotated[str | None, Query(max_length=200, description="Only of this part of the product.")] = None,
    priority: Annotated[Literal[Priority.P0, Priority.P1] | None, Query(description="Only of this severity.")] = None,
    state: Annotated[IncidentState | None, Query(description="Only of this state, ended or not.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 50,
    after: Annotated[int | None, Query(ge=1, le=10**9, description="What the page before gave as `next`.")] = None,
) -> Incidents:
    """Return the incidents that somebody responds to or has to review, the newest first."""
    ask = AskIncidents(ended=ended, area=area, priority=priority, state=state, limit=limit, after=after)
    return listed(parts.db, ask)


@router.get("/{incident}", operation_id="read_incident", **described_by(IncidentDetails))
async def read_incident(incident: IncidentNumber, _: Person, parts: PartsOf, seq: KnownSeq = 0) -> dict[str, Any]:
    """Return an incident: roles, ladder and pages, updates, tickets and what they owe (G6), what fails, links, allowed
    commands.

    It is what the journal knows, which follows the workflow within moments; `seq` asks for no less than that event.
    `live` says that its workflow runs, `workflow_status` how it stands otherwise, `note` what hinders it, and
    `pending_activities` why pending effects wait.
    """
    return view(await look_up(parts.db, parts.connected, incident, seq))


@router.get("/{incident}/timeline", operation_id="read_incident_timeline", **described_by(IncidentTimeline))
async def read_incident_timeline(
    incident: IncidentNumber, _: Person, parts: PartsOf, after: After = 0, limit: Limit = 100
) -> dict[str, Any]:
    """Return what happened to an incident, in order. `told` is the event in words; "" is what nobody needs to read."""
    whole = await asyncio.to_thread(timeline, parts.db, incident)  # each line is in the words of its own moment
    rest = [entry for entry in whole if entry["seq"] > after]
    page = rest[:limit]
    return {"entries": page, "next": page[-1]["seq"] if len(rest) > limit else None}

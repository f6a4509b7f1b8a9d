"""Incidents as pages: the list, and the room of one incident with the acts that fit it now."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.parts import Parts
from domain.core.refusal import Refused
from domain.incident import events as e
from domain.incident.aggregate import INCIDENT
from domain.incident.commands import STAFF
from domain.incident.events import IncidentEvent
from domain.incident.state import Incident, Update, workflow_id
from services.intake.declaration import DeclareRequest, number_of
from services.policy_file.zones import zone_info
from services.reading.changes import incident_reached
from services.reading.incident import AskIncidents, events_of, lines_of, listed, look_up, view
from services.reading.lists import lines_by_id
from services.security.auth import speak
from store.database import DatabaseDown
from store.queries import Line
from web import forms
from web.gate import PREFIX, Form, read_form
from web.refusal import Refusal
from web.render import page

NEWEST = 200
"""Entries of the timeline that the room shows."""
MOST_TICKETS = 200
"""Tickets that the room lists: those that owe something first."""
LINES = 50


class Step(NamedTuple):
    """A page that was sent, or the next one."""

    audience: str
    level: int
    again: int
    """Which time this level is paged."""
    at: datetime | None
    """When it was paged; None: not yet."""
    state: str
    """Of a page that was sent, the pager's; of the others `next`, `later` or `not needed`."""


class Draft(NamedTuple):
    """An update, as a draft for the customers until somebody approves it."""

    update: Update
    text: str


async def show_list(request: Request) -> Response:
    """List the incidents of which something is still asked; with `ended`, the others as well."""
    return await _list(request)


async def declare(request: Request) -> Response:
    """Declare an incident, and open its room."""
    parts: Parts = request.app.state.parts
    filled = await read_form(request, request.state.signed_in)
    values = {name: filled.text(name) for name in ("product_area", "priority") if filled.text(name).strip()}
    try:
        receipt = await parts.incidents.declare(DeclareRequest.parse(speak(request.state.signed_in.caller, values)))
    except Refused as refused:
        return await _list(request, refused=Refusal.of("declare", refused), typed=filled)
    return RedirectResponse(f"{PREFIX}/incidents/{receipt.incident}?seq=1", 303)


async def show(request: Request) -> Response:
    """Show an incident's room. `seq` is the number of an event that the page must not be older than."""
    seq = request.query_params.get("seq", "0")
    return await _room(request, number_of(request.path_params["incident"]), seq=_number(seq))


async def act(request: Request) -> Response:
    """Give a command, and show the room as it left the incident; or the refusal, with all that was typed."""
    parts: Parts = request.app.state.parts
    number, name = number_of(request.path_params["incident"]), request.path_params["command"]
    filled = await read_form(request, request.state.signed_in)
    try:
        form = forms.form_of(name, INCIDENT)
    except KeyError:
        raise Refused("unknown_command", f"no command {name[:40]!r}") from None
    try:
        payload = forms.payload_of(form, filled, zone_info(request.state.signed_in.zone))
        if once := filled.text("once"):
            payload["id"] = f"desk:{request.state.signed_in.id}:{once[:60]}"
        answer = await parts.incidents.handle(number, name, speak(request.state.signed_in.caller, payload))
    except Refused as refused:
        return await _room(request, number, refused=Refusal.of(name, refused), typed=filled)
    return RedirectResponse(f"{PREFIX}/incidents/{number}?seq={answer.seq}", 303)


async def _list(request: Request, *, refused: Refusal | None = None, typed: Form | None = None) -> Response:
    parts: Parts = request.app.state.parts
    given = request.query_params
    ended = given.get("ended") == "yes"
    ask = AskIncidents(ended=ended, limit=LINES, after=_number(given.get("after", "")) or None)
    found = await asyncio.to_thread(listed, parts.db, ask)
    return page(
        request, "incidents.html", refused.status if refused else 200,
        incidents=found.incidents, next=found.next, ended=ended, areas=parts.incidents.areas,
        may_declare=request.state.signed_in.caller.role in STAFF, refused=refused, typed=typed or Form({}),
    )  # fmt: skip


async def _room(
    request: Request, number: int, *, seq: int = 0, refused: Refusal | None = None, typed: Form | None = None
) -> Response:
    parts: Parts = request.app.state.parts
    if seq:
        with suppress(DatabaseDown):  # then the workflow is asked
            await incident_reached(parts.db, number, seq)
    seen = await look_up(parts.db, parts.connected, number, seq)
    incident = seen.incident
    members = sorted(incident.tickets, key=lambda one: (not one.owes, one.at))[:MOST_TICKETS]
    events: Sequence[IncidentEvent] = ()
    lines: dict[str, Line] = {}
    complete = True
    try:
        events = await asyncio.to_thread(events_of, parts.db, number)
        lines = await asyncio.to_thread(lines_by_id, parts.db, [one.ticket for one in members])
    except (DatabaseDown, Refused):
        complete = False
    entries = [one for one in lines_of(events) if one["summary"]]
    return page(
        request, "incident.html", refused.status if refused else 200,
        incident=incident,
        shows=" ".join([f"{workflow_id(number)}={incident.seq}", *(one.ticket for one in members)]),
        shown=view(seen),
        steps=_steps(incident, events),
        drafts=_drafts(incident, events),
        action_words=[one.texts.get("text", "") for one in events if isinstance(one.body, e.ActionAdded)],
        members=members,
        lines=lines,
        more=len(incident.tickets) - len(members),
        entries=entries[-NEWEST:],
        complete=complete,
        forms=forms.forms_for(INCIDENT.allowed_commands(incident), request.state.signed_in.caller.role, INCIDENT),
        refused=refused,
        typed=typed or Form({}),
    )  # fmt: skip


def _steps(incident: Incident, events: Sequence[IncidentEvent]) -> list[Step]:
    """Return who was paged and when, then whom the ladder pages if nobody acknowledges."""
    when = {(one.body.level, one.body.round): one.at for one in events if isinstance(one.body, e.Paged)}
    adopted = next((one.at for one in events if isinstance(one.body, e.PageAdopted)), None)
    steps = []
    for one in incident.pages:
        at = when.get((one.level, one.round), adopted)
        steps.append(Step(one.audience or "the on-call", one.level, one.round, at, one.state))
    for place, step in enumerate(incident.terms.ladder[incident.steps_paged :]):
        waits = "not needed" if incident.next_page is None else "later" if place else "next"
        steps.append(Step(step.audience, step.level, 1, None, waits))
    return steps


def _drafts(incident: Incident, events: Sequence[IncidentEvent]) -> list[Draft]:
    """Return the latest updates, the newest first, each with its words."""
    words = {one.seq: one.texts.get("update", "") for one in events if isinstance(one.body, e.UpdatePosted)}
    return [Draft(one, words.get(one.seq) or one.text) for one in reversed(incident.updates)]


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0


ROUTES = [
    Route(f"{PREFIX}/incidents", show_list, methods=["GET"]),
    Route(f"{PREFIX}/incidents", declare, methods=["POST"]),
    Route(f"{PREFIX}/incidents/{{incident}}", show, methods=["GET"]),
    Route(f"{PREFIX}/incidents/{{incident}}/{{command}}", act, methods=["POST"]),
]

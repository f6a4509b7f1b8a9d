"""The lead board as a page: what is stuck and why, overruns, hand-backs, breaches to waive, load and plots."""

import asyncio
from contextlib import suppress
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.parts import Parts
from domain.aggregate.command import LEADS
from domain.core.ids import spoken
from domain.core.refusal import Refused
from services import survey
from services.policy_file.zones import zone_info
from services.reading import board
from services.reading.changes import journal_reached
from services.security.auth import speak
from store.database import DatabaseDown
from web import forms
from web.gate import PREFIX, Form, read_form
from web.refusal import Refusal
from web.render import page

READERS = LEADS
"""Who leads: whoever may waive a breach and override a limit may see what these come to."""
ACTS = ("waive", "attend")
"""Commands that can be given from the board."""


class RefusedAct(NamedTuple):
    """A command from the board that was refused."""

    ticket: str
    refusal: Refusal


async def show(request: Request) -> Response:
    """Show the board. `ticket` and `seq` name an event that the page must not be older than."""
    check_reader(request)
    parts: Parts = request.app.state.parts
    ticket, seq = request.query_params.get("ticket", "")[:40], request.query_params.get("seq", "")
    if ticket and seq.isdecimal() and len(seq) < 10:
        with suppress(DatabaseDown):  # the page that follows says so
            await journal_reached(parts.db, ticket, int(seq))
    return await _board(request)


async def act(request: Request) -> Response:
    """Give a command to a ticket, and show the board as it left it; or the refusal, with what was typed."""
    check_reader(request)
    parts: Parts = request.app.state.parts
    filled = await read_form(request, request.state.signed_in)
    name = request.path_params["command"]
    if name not in ACTS:
        raise Refused("unknown_command", f"{name[:40]!r} is given on the ticket's page")
    ticket = filled.text("ticket")[:40]
    try:
        ticket = _ticket(ticket)
        payload = forms.payload_of(forms.form_of(name), filled)
        if once := filled.text("once"):
            payload["id"] = f"desk:{request.state.signed_in.id}:{once[:60]}"
        answer = await parts.service.handle(ticket, name, speak(request.state.signed_in.caller, payload))
    except Refused as refused:
        return await _board(request, refused=RefusedAct(ticket, Refusal.of(name, refused)), typed=filled)
    return RedirectResponse(f"{PREFIX}/board?ticket={ticket}&seq={answer.seq}", 303)


def check_reader(request: Request) -> None:
    """Refuse the board to who does not lead. Raises Refused (`not_allowed`)."""
    role = request.state.signed_in.caller.role
    if role not in READERS:
        raise Refused("not_allowed", f"the board is for leads: {', '.join(sorted(READERS))}, and your role is {role}")


async def _board(request: Request, *, refused: RefusedAct | None = None, typed: Form | None = None) -> Response:
    parts: Parts = request.app.state.parts
    zone = zone_info(request.state.signed_in.zone)
    now = parts.db.clock.now()
    found = await asyncio.to_thread(board.read, parts.db, now, zone)
    satisfaction = await asyncio.to_thread(survey.satisfaction, parts.db, now, "all", "team")
    return page(
        request, "board.html", refused.refusal.status if refused else 200,
        board=found,
        limit=parts.service.policy.work.active_tickets,
        stuck_after=board.STUCK_AFTER,
        plots=_plots(found, zone),
        refused=refused,
        satisfaction=satisfaction,
        has_row=refused is not None and _has_row(found, satisfaction, refused),
        typed=typed or Form({}),
    )  # fmt: skip


def _has_row(found: board.Board, satisfaction: survey.Satisfaction, refused: RefusedAct) -> bool:
    """Return whether the ticket of a refused command is still listed, beside the command's form."""
    attend = [*(one.line for one in found.attention), *(one.line for one in satisfaction.low)]
    lines = [one.line for one in found.breaches] if refused.refusal.command == "waive" else attend
    return any(line.id == refused.ticket for line in lines)


class Plot(NamedTuple):
    """One plot: a bar for each week, or a line."""

    name: str
    """Names the plot's elements in the page."""
    title: str
    description: str
    kind: str
    """`bars` or `line`."""
    figures: list[int]
    labels: list[str]
    """The day on which each week begins."""
    top: int
    """The end of the scale: a round number, at least the highest figure."""


def _plots(found: board.Board, zone: Any) -> list[Plot]:
    weeks = found.weeks
    labels = [f"{week.begins.astimezone(zone):%d %b}" for week in weeks]

    def plot(name: str, title: str, kind: str, what: str) -> Plot:
        figures = [getattr(week, name) for week in weeks]
        said = f"{what} From {min(figures)} to {max(figures)} a week; {figures[-1]} in the present week, so far."
        if kind == "line":
            said = f"{what} From {min(figures)} to {max(figures)}; {figures[-1]} now."
        return Plot(name, title, said, kind, figures, labels, round_up(max(figures)))

    return [
        plot("opened", "Arrivals", "bars", "Tickets that were opened."),
        plot("backlog", "Backlog", "line", "Active tickets at the end of each week."),
        plot("breached", "Breaches", "bars", "Breaches of the contract, waived and withdrawn ones too."),
    ]


def round_up(most: int) -> int:
    """Return the end of a scale for figures up to `most`: 1, 2 or 5 with zeros behind it, and 5 at least."""
    scale = 1
    while True:
        for step in (1, 2, 5):
            if step * scale >= max(5, most):
                return step * scale
        scale *= 10


def _ticket(named: str) -> str:
    try:
        return spoken(named)
    except ValueError as error:
        raise Refused("not_found", str(error)) from None


ROUTES = [
    Route(f"{PREFIX}/board", show, methods=["GET"]),
    Route(f"{PREFIX}/board/{{command}}", act, methods=["POST"]),
]

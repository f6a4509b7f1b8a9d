"""Search, and the entries of the command palette that only the server knows."""

import asyncio
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.parts import Parts
from domain.core.ids import spoken
from domain.core.refusal import Refused
from domain.core.text import strip_invisible
from services.reading.finding import LONGEST, Found, find
from web.gate import PREFIX
from web.queue import VIEWS
from web.render import page
from web.ticket_view import load

LINES = 50
MOST = 8
"""Tickets that the palette shows."""


async def show(request: Request) -> Response:
    """Show what was found; and what else the palette has, for those who have no script: pages, and the acts that fit
    the `ticket` that was open."""
    parts: Parts = request.app.state.parts
    typed, after = request.query_params.get("q", "")[:LONGEST], request.query_params.get("after")
    found = await asyncio.to_thread(find, parts.db, typed, limit=LINES, after=after)
    words = typed.casefold().split()
    views = [one for one in VIEWS if all(word in one.title.casefold() for word in words)]
    return page(request, "search.html", q=typed, found=found, views=views, **await _open_ticket(request))


async def _open_ticket(request: Request) -> dict[str, Any]:
    """Return the ticket from whose page the person came, and the forms of the acts that fit it; nothing where there is
    none."""
    try:
        ticket = spoken(request.query_params.get("ticket", ""))
        values = (await load(request, ticket)).values
    except (ValueError, Refused):
        return {"ticket": None, "forms": {}}
    return {"ticket": values["ticket"], "forms": values["forms"]}


async def entries(request: Request) -> Response:
    """Return what was found as entries of the palette: title, hint, address."""
    parts: Parts = request.app.state.parts
    typed = request.query_params.get("q", "")[:LONGEST]
    found = await asyncio.to_thread(find, parts.db, typed, limit=MOST)
    return JSONResponse(_entries(found))


def _entries(found: Found) -> list[dict[str, str]]:
    made = []
    if found.incident:
        number, area, status = found.incident
        made.append(_entry(f"Incident {number}", f"{area}, {status}", f"incidents/{number}"))
    if found.account:
        account = found.account.account
        made.append(_entry(f"Account {account.id}", account.plan.value, f"accounts/{quote(account.id, safe='')}"))
    for line in found.tickets[:MOST]:
        hint = f"{line.id} · {line.status.value} in {line.tier.value} · {line.account}"
        made.append(_entry(line.subject or "(no subject)", hint, f"tickets/{line.id}"))
    return made


def _entry(title: str, hint: str, place: str) -> dict[str, str]:
    return {"title": strip_invisible(title), "hint": strip_invisible(hint), "href": f"{PREFIX}/{place}"}


ROUTES = [
    Route(f"{PREFIX}/search", show, methods=["GET"]),
    Route(f"{PREFIX}/search/entries", entries, methods=["GET"]),
]

"""A ticket's pages: the page itself, and its card, which other sites may frame; and acts as plain forms."""

import asyncio
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.parts import Parts
from domain.core.refusal import Refused
from services.drafts import end_draft
from services.policy_file.zones import zone_info
from services.reading.lookup import of_helpdesk_ticket
from services.security.auth import speak
from store.database import DatabaseDown
from store.drafts import Whose
from web import drafts, escalate, forecast, forms, resolve
from web.drafts import message_of
from web.gate import CARD, PREFIX, Form, read_form
from web.refusal import Refusal
from web.render import page
from web.ticket_view import ACTS, KINDS, NEWEST, SPOKEN, conversation, id_of, kind_of, load, others_at, seq_of

PAGES = {"escalate": escalate.form_page, "resolve": resolve.form_page}
"""Commands that have a page of their own: where they are refused, it is shown again with what was typed."""


async def show(request: Request) -> Response:
    """Show a ticket. `seq` is the number of an event that the page must not be older than."""
    return await _ticket(request, id_of(request), seq=seq_of(request))


async def here(request: Request) -> Response:
    """Note that a person has the ticket open, and show who else has."""
    ticket, signed_in = id_of(request), request.state.signed_in
    await read_form(request, signed_in)
    return page(request, "presence.html", present=await others_at(request, ticket))


async def of_helpdesk(request: Request) -> Response:
    """Lead from the number that a ticket has in a helpdesk to its card. The helpdesk's app knows no other."""
    parts: Parts = request.app.state.parts
    system, number = request.path_params["system"], request.path_params["number"]
    if not (system.isidentifier() and number.isascii() and number.isdecimal() and len(number) < 20):
        raise Refused("not_found", "no helpdesk has such a ticket")
    ticket = await asyncio.to_thread(of_helpdesk_ticket, parts.db, system, number)
    return RedirectResponse(f"{PREFIX}/tickets/{ticket}{CARD}", 303)


async def act(request: Request) -> Response:
    """Give a command, and show the ticket as it left it; or the refusal, with all that was typed."""
    parts: Parts = request.app.state.parts
    ticket, name = id_of(request), request.path_params["command"]
    filled = await read_form(request, request.state.signed_in)
    try:
        form = forms.form_of(name)
    except KeyError:
        raise Refused("unknown_command", f"no command {name[:40]!r}") from None
    try:
        payload = forms.payload_of(form, filled, zone_info(request.state.signed_in.zone)) | message_of(name, filled)
        if (seen := filled.text("seen")).isdecimal() and len(seen) < 10:
            payload["seen"] = int(seen)
        if once := filled.text("once"):
            payload["id"] = f"desk:{request.state.signed_in.id}:{once[:60]}"
        answer = await parts.service.handle(ticket, name, speak(request.state.signed_in.caller, payload))
    except Refused as refused:
        again = PAGES.get(filled.text("page"), _ticket)
        return await again(request, ticket, refused=Refusal.of(name, refused), typed=filled)
    with suppress(DatabaseDown):  # then the draft stays, and its owner drops it
        whose = Whose(ticket, request.state.signed_in.caller.actor, name)
        await asyncio.to_thread(end_draft, parts.db, whose, filled.text("once")[:60])
    return RedirectResponse(_back(request, ticket, name, filled, answer.seq), 303)


def _back(request: Request, ticket: str, name: str, filled: Form, seq: int) -> str:
    """Return where to go after a command: to the ticket; from an identity check, back to the resolution."""
    suffix = CARD if request.url.path.endswith(CARD) else ""
    if name == "identify" and filled.text("page") == "resolve":
        way = quote(filled.text("resolution")[:40])
        return f"{PREFIX}/tickets/{ticket}/resolve{suffix}?seq={seq}&resolution={way}"
    return f"{PREFIX}/tickets/{ticket}{suffix}?seq={seq}"


async def _ticket(
    request: Request,
    ticket: str,
    *,
    seq: int = 0,
    refused: Refusal | None = None,
    typed: Form | None = None,
) -> Response:
    shown = await load(request, ticket, seq=seq, refused=refused, typed=typed)
    status = refused.status if refused else 200
    if request.url.path.endswith(CARD):
        return page(request, "card.html", status, **shown.values, acts=ACTS)
    entries: list[dict[str, Any]] = shown.values["entries"]
    kinds = [(kind, sum(kind_of(one["type"]) == kind for one in entries)) for kind in (*KINDS, "Other")]
    return page(
        request, "ticket.html", status,
        **shown.values | {"entries": entries[-NEWEST:], "older": max(0, len(entries) - NEWEST)},
        conversation=conversation(entries),
        kinds=[(kind, count) for kind, count in kinds if count],
        acts=ACTS,
        kind_of=kind_of,
        spoken=SPOKEN,
    )  # fmt: skip


ROUTES = [
    Route(f"{PREFIX}/helpdesk/{{system}}/{{number}}{CARD}", of_helpdesk, methods=["GET"]),
    Route(f"{PREFIX}/tickets/{{ticket}}", show, methods=["GET"]),
    Route(f"{PREFIX}/tickets/{{ticket}}{CARD}", show, methods=["GET"]),
    Route(f"{PREFIX}/tickets/{{ticket}}/escalate", escalate.show, methods=["GET"]),
    Route(f"{PREFIX}/tickets/{{ticket}}/escalate{CARD}", escalate.show, methods=["GET"]),
    Route(f"{PREFIX}/tickets/{{ticket}}/forecast", forecast.show, methods=["GET"]),
    Route(f"{PREFIX}/tickets/{{ticket}}/resolve", resolve.show, methods=["GET"]),
    Route(f"{PREFIX}/tickets/{{ticket}}/resolve{CARD}", resolve.show, methods=["GET"]),
    Route(f"{PREFIX}/tickets/{{ticket}}/presence", here, methods=["POST"]),
    *drafts.ROUTES,
    Route(f"{PREFIX}/tickets/{{ticket}}/{{command}}", act, methods=["POST"]),
    Route(f"{PREFIX}/tickets/{{ticket}}/{{command}}{CARD}", act, methods=["POST"]),
]

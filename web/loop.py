"""Closing the loop: one message to every customer who waits for an issue, each with a line of its own (F10)."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.parts import Parts
from domain.core.refusal import Refused
from domain.core.text import has_text
from services.reading import loop
from web.gate import PREFIX, Form, read_form
from web.queue import handle_each, seen_of
from web.refusal import Refusal
from web.render import page


async def show(request: Request) -> Response:
    """Show the tickets of an issue that engineering is done with, and the message to write."""
    return await _form(request, request.query_params.get("issue", "")[:100])


async def send(request: Request) -> Response:
    """Write to each customer for whom there is a line of their own, and say for each what became of it."""
    filled = await read_form(request, request.state.signed_in)
    message, lines = filled.text("text").strip(), _lines(filled)
    missing = [name for name, there in (("text", has_text(message)), ("line", bool(lines))) if not there]
    if missing:
        refused = Refused("missing_fields", "write what all are to know, and a line to each customer", missing=missing)
        return await _form(request, filled.text("issue")[:100], refused=Refusal.of("respond", refused), typed=filled)
    replies = {ticket: {"text": f"{line}\n\n{message}", **seen_of(filled, ticket)} for ticket, line in lines.items()}
    return await handle_each(request, "respond", replies, filled)


def _lines(filled: Form) -> dict[str, str]:
    """Return the line to each customer, by ticket. Whoever has none is not written to."""
    found = {
        name.removeprefix("line."): filled.text(name).strip() for name in filled.values if name.startswith("line.")
    }
    return {ticket: line for ticket, line in found.items() if has_text(line)}


async def _form(request: Request, issue: str, *, refused: Refusal | None = None, typed: Form | None = None) -> Response:
    parts: Parts = request.app.state.parts
    found = await asyncio.to_thread(loop.read, parts.db, issue)
    return page(
        request, "loop.html", refused.status if refused else 200,
        loop_of=found, refused=refused, typed=typed or Form({}),
    )  # fmt: skip


ROUTES = [
    Route(f"{PREFIX}/loop", show, methods=["GET"]),
    Route(f"{PREFIX}/loop", send, methods=["POST"]),
]

"""Reply templates as pages (F9): the list with how each did, and a template with its preview."""

import asyncio

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.parts import Parts
from domain.core.enums import Channel
from domain.core.refusal import Refused
from domain.ticket.rules.templates import FROM_TICKET, PERSONAL, pieces
from services import reply_templates as templates
from services.security.auth import Caller
from web.gate import PREFIX, Form, read_form
from web.refusal import Refusal
from web.render import page

LIST = f"{PREFIX}/templates"
NEW = f"{PREFIX}/new-template"
FIELDS = ("name", "situation", "channel", "language", "tone", "body")
FRESH = Form({"language": ["en"], "body": [f"Hello,\n\n{{{{{PERSONAL}}}}}\n\n\n\nKind regards\n{{{{agent}}}}"]})


async def show(request: Request) -> Response:
    """Show all templates, and how the replies of each did."""
    parts: Parts = request.app.state.parts
    found = await asyncio.to_thread(templates.listed, parts.db)
    return page(request, "templates.html", listed=found.templates, may_change=_may_change(request), days=found.days)


async def show_one(request: Request) -> Response:
    """Show a template, as a form for those who may change it."""
    kept = await _kept(request)
    said = kept.model_dump(mode="json")
    filled = Form({name: [str(said[name] or "")] for name in FIELDS})
    return _form(request, filled, kept)


async def show_new(request: Request) -> Response:
    """Show the form of a new template."""
    templates.check_may_change(request.state.signed_in.caller.role)
    return _form(request, FRESH, None)


async def save(request: Request) -> Response:
    """Keep a template as the form says it, or show its preview."""
    filled = await read_form(request, request.state.signed_in)
    kept = None if request.url.path == NEW else await _kept(request)
    if filled.text("do") == "preview" or request.headers.get("hx-request"):
        return _form(request, filled, kept)
    parts: Parts = request.app.state.parts
    me: Caller = request.state.signed_in.caller
    try:
        given = {name: filled.text(name) for name in FIELDS} | ({"name": kept.name} if kept else {})
        version, retired = filled.text("version"), bool(filled.text("retired"))
        await asyncio.to_thread(
            templates.save, parts.db, templates.make(given), by=me.actor, role=me.role, retired=retired,
            version=int(version) if kept and version.isdecimal() and len(version) < 9 else 0,
        )  # fmt: skip
    except Refused as refused:
        return _form(request, filled, kept, Refusal.of("template", refused))
    return RedirectResponse(LIST, 303)


async def _kept(request: Request) -> templates.KeptTemplate:
    parts: Parts = request.app.state.parts
    return await asyncio.to_thread(templates.read_template, parts.db, request.path_params["name"])


def _form(
    request: Request, filled: Form, kept: templates.KeptTemplate | None, refused: Refusal | None = None
) -> Response:
    body = filled.text("body")[:10_000]
    return page(
        request, "template.html", refused.status if refused else 200,
        kept=kept,
        filled=filled,
        retired=bool(filled.text("retired")) if "csrf" in filled.values else bool(kept and kept.retired),
        version=kept.version if kept else 0,
        refused=refused,
        may_change=_may_change(request),
        channels=[one.value for one in Channel],
        preview=[(templates.EXAMPLE.get(one.gap, one.text), one.gap) for one in pieces(body)],
        from_ticket=FROM_TICKET,
        action=f"{LIST}/{kept.name}" if kept else NEW,
    )  # fmt: skip


def _may_change(request: Request) -> bool:
    return request.state.signed_in.caller.role in templates.MAY_CHANGE


ROUTES = [
    Route(LIST, show, methods=["GET"]),
    Route(NEW, show_new, methods=["GET"]),
    Route(NEW, save, methods=["POST"]),
    Route(f"{LIST}/{{name}}", show_one, methods=["GET"]),
    Route(f"{LIST}/{{name}}", save, methods=["POST"]),
]

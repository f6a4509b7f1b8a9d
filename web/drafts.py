"""Drafts at the desk: what is typed into a form is kept while it is typed, and a reply may begin with a template (F9).

The page's script sends a form when its typing pauses; without it, a button of the form does.
"""

import asyncio

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.parts import Parts
from domain.core.refusal import Refused
from domain.core.text import has_text
from domain.ticket.rules.templates import LONGEST_LINE, MESSAGES, compose, gaps
from services import reply_templates as templates
from services.drafts import end_draft, keep_draft
from services.presence import Presence
from store.drafts import Whose
from web.gate import CARD, PREFIX, Form, read_form
from web.render import page
from web.ticket_view import id_of

_NO_TEXT = frozenset({"csrf", "once", "seen", "page", "do", "use"})
"""Fields of every form that nobody types."""


async def keep(request: Request) -> Response:
    """Keep what a form holds; or drop it, begin it with a template, or go on without one, as its button says."""
    parts: Parts = request.app.state.parts
    filled = await read_form(request, request.state.signed_in)
    actor = request.state.signed_in.caller.actor
    whose = Whose(id_of(request), actor, request.path_params["command"])
    once, fields = filled.text("once")[:60], typed_fields(filled)
    match filled.text("do"):
        case "discard":
            await asyncio.to_thread(end_draft, parts.db, whose, once)
        case "template" if filled.text("use"):
            fields = await asyncio.to_thread(_begun, parts, whose, filled.text("use"), fields)
            await asyncio.to_thread(keep_draft, parts.db, whose, fields, once, last=True)
        case "plain":
            fields = _without_template(whose.command, fields)
            await asyncio.to_thread(keep_draft, parts.db, whose, fields, once, last=True)
        case _:
            at = await asyncio.to_thread(keep_draft, parts.db, whose, fields, once)
            if request.headers.get("hx-request"):
                presence: Presence = request.app.state.presence
                await asyncio.to_thread(presence.note, whose.ticket, actor, writes=True)
                return page(request, "draft_kept.html", kept_at=at)
    own_page = whose.command if whose.command in ("resolve", "escalate") else ""
    suffix = CARD if request.url.path.endswith(CARD) else ""
    address = f"{PREFIX}/tickets/{whose.ticket}{'/' * bool(own_page)}{own_page}{suffix}"
    place = f"{whose.command}-personal" if filled.text("do") == "template" else f"act-{whose.command}"
    return RedirectResponse(f"{address}#{place}", 303)  # a browser puts the focus into a field that is named so


def typed_fields(filled: Form) -> dict[str, str]:
    """Return what somebody typed or chose in a form."""
    return {name: filled.text(name) for name in filled.values if name not in _NO_TEXT}


def message_of(command: str, filled: Form) -> dict[str, str]:
    """Return what a filled form says of its template, with the message as it is sent: nothing where it has none."""
    name = MESSAGES.get(command)
    if name is None or not filled.text("template"):
        return {}
    line = filled.text("personal_line").strip()
    values = {gap: filled.text(f"gap.{gap}").strip() for gap in gaps(filled.text(name))}
    message = compose(filled.text(name), values, line)
    return {name: message, "template": filled.text("template"), "personal_line": line}


def _begun(parts: Parts, whose: Whose, name: str, fields: dict[str, str]) -> dict[str, str]:
    """Return the fields of a form that begins with a template. What was typed before becomes the personal line."""
    field = MESSAGES.get(whose.command)
    if field is None:
        raise Refused("malformed", f"{whose.command[:40]} takes no template")
    text = templates.filled(parts.db, name, whose.ticket, whose.actor)
    line, before = fields.get("personal_line", ""), fields.get(field, "").strip()
    if has_text(before) and not fields.get("template"):
        line, before = (before, "") if not line and len(before) <= LONGEST_LINE else (line, before)
        text = f"{text}\n\n{before}" if before else text
    return fields | {field: text, "template": name, "personal_line": line}


def _without_template(command: str, fields: dict[str, str]) -> dict[str, str]:
    filled = Form({name: [text] for name, text in fields.items()})
    rest = {name: text for name, text in fields.items() if name not in ("template", "personal_line")}
    said = {name: text for name, text in message_of(command, filled).items() if name == MESSAGES.get(command)}
    return {name: text for name, text in (rest | said).items() if not name.startswith("gap.")}


ROUTES = [
    Route(f"{PREFIX}/tickets/{{ticket}}/drafts/{{command}}", keep, methods=["POST"]),
    Route(f"{PREFIX}/tickets/{{ticket}}/drafts/{{command}}{CARD}", keep, methods=["POST"]),
]

"""The knowledge base at the desk: how well it answers, what is searched for in vain, and drafts to finish."""

import asyncio
from datetime import timedelta

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.parts import Parts
from domain.aggregate.command import STAFF
from domain.core.refusal import Refused
from services.knowledge import drafts, figures
from services.security.auth import Caller
from store import articles
from store.tables.knowledge import ArticleRow
from web.gate import PREFIX, Form, read_form
from web.refusal import Refusal
from web.render import page

ANSWERS = f"{PREFIX}/answers"
DAYS = (7, 28, 90)
_DRAFT = f"{ANSWERS}/drafts/{{draft}}"


async def show(request: Request) -> Response:
    """Show the figures of the last days, what was searched for in vain, what came of each article, and the drafts."""
    return await _figures(request)


async def _figures(request: Request, *, refused: Refusal | None = None) -> Response:
    parts: Parts = request.app.state.parts
    asked = request.query_params.get("days", "")
    days = int(asked) if asked in map(str, DAYS) else DAYS[0]
    until = parts.db.clock.now()
    found = await asyncio.to_thread(figures.answered, parts.db, until - timedelta(days=days), until)
    return page(
        request, "answers.html", refused.status if refused else 200,
        found=found,
        days=days,
        choices=DAYS,
        drafts=await asyncio.to_thread(drafts.listed, parts.db),
        may_write=_me(request).role in STAFF,
        refused=refused,
    )  # fmt: skip


async def begin(request: Request) -> Response:
    """Open a draft for what is searched for in vain, and go to it."""
    parts: Parts = request.app.state.parts
    filled = await read_form(request, request.state.signed_in)
    try:
        number = await asyncio.to_thread(
            drafts.begin_from_search, parts.db, filled.text("query")[:300], role=_me(request).role
        )
    except Refused as refused:
        return await _figures(request, refused=Refusal.of("draft", refused))
    return RedirectResponse(f"{ANSWERS}/drafts/{number}", 303)


async def draft(request: Request) -> Response:
    """Show a draft, to be finished."""
    return await _draft(request)


async def _draft(request: Request, *, refused: Refusal | None = None, typed: Form | None = None) -> Response:
    parts: Parts = request.app.state.parts
    found = await asyncio.to_thread(drafts.shown, parts.db, _number(request))
    return page(
        request, "answers_draft.html", refused.status if refused else 200,
        draft=found.draft,
        tickets=found.tickets,
        slug=typed.text("slug") if typed else found.slug,
        text=typed.text("text") if typed else found.text,
        may_write=_me(request).role in STAFF,
        saved=request.query_params.get("saved") == "yes",
        refused=refused,
    )  # fmt: skip


async def save(request: Request) -> Response:
    """Keep, discard or export what somebody has written; what is wrong with it is named with its line."""
    parts: Parts = request.app.state.parts
    filled = await read_form(request, request.state.signed_in)
    number, me, slug, text = _number(request), _me(request), filled.text("slug")[:250], filled.text("text")
    revision = int(filled.text("revision")) if filled.text("revision").isdecimal() else -1
    try:
        drafts.check_may_write(me.role)
        match filled.text("do"):
            case "export":
                drafts.check(slug, text)
                name = slug.rpartition("/")[2]
                headers = {"Content-Disposition": f'attachment; filename="{name}.md"'}
                return Response(text, media_type="text/markdown; charset=utf-8", headers=headers)
            case "discard":
                await asyncio.to_thread(drafts.discard, parts.db, number, revision, by=me.actor, role=me.role)
                return RedirectResponse(ANSWERS, 303)
            case _:
                await asyncio.to_thread(drafts.save, parts.db, number, slug, text, revision, by=me.actor, role=me.role)
    except Refused as refused:
        if refused.code == "not_found":
            raise
        return await _draft(request, refused=Refusal.of("save", refused), typed=filled)
    return RedirectResponse(f"{ANSWERS}/drafts/{number}?saved=yes", 303)


async def article(request: Request) -> Response:
    """Show an article or a playbook, as the help centre does; it is not counted."""
    parts: Parts = request.app.state.parts
    slug = request.path_params["slug"][:300]
    row = await asyncio.to_thread(_find, parts, slug)
    if row is None:
        raise Refused("not_found", f"there is no article {slug[:100]!r}")
    return page(request, "answers_article.html", article=row, body=Markup(row.html))  # cleaned at the import


def _find(parts: Parts, slug: str) -> ArticleRow | None:
    with parts.db.session() as session:
        return articles.find(session, slug)


def _me(request: Request) -> Caller:
    caller: Caller = request.state.signed_in.caller
    return caller


def _number(request: Request) -> int:
    number = request.path_params["draft"]
    if not number.isdecimal() or len(number) > 15:
        raise Refused("not_found", f"there is no draft {number[:40]!r}")
    return int(number)


ROUTES = [
    Route(ANSWERS, show, methods=["GET"]),
    Route(f"{ANSWERS}/drafts", begin, methods=["POST"]),
    Route(_DRAFT, draft, methods=["GET"]),
    Route(_DRAFT, save, methods=["POST"]),
    Route(f"{ANSWERS}/article/{{slug:path}}", article, methods=["GET"]),
]

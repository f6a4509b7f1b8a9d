"""The help centre: the articles as public pages, with search, "did this help?", and a ticket where nothing did.

It has no script, and needs no session of the desk. One cookie holds the random id of the visit, until the browser is
closed; it says nothing about who it is. Its look is one file (`/help/style.css`), and one of yours behind it.
"""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from markupsafe import Markup, escape
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.body_limits import EACH_STRANGERS_BYTES, STRANGERS_BYTES, ClientGone, Held, bounded, check_framing
from api.guard import Buckets
from api.parts import Parts
from api.problems import TITLES, Problem
from domain.core.enums import Channel, Role
from domain.core.refusal import Refused
from services.intake.request import OpenRequest
from services.knowledge import visits
from services.knowledge.article_file import TITLES as SECTIONS
from services.knowledge.article_file import Section
from services.knowledge.visitors import account_of, check_address
from services.knowledge.visits import HELP_CENTRE, known
from store import articles
from store.articles import CLOSES, OPENS
from store.tables.knowledge import ArticleRow
from web.app import EXPECTED
from web.gate import HEADERS, check_origin, read_form
from web.render import STATIC, public_page

PREFIX = "/help"
COOKIE = "tierline_help"
MOST_BYTES = 65_536
"""Of a form of a visitor."""
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_MARKED = re.compile(f"{OPENS}([^{CLOSES}]*){CLOSES}")


def of_the_help_centre(path: str) -> bool:
    """Return whether an address is the help centre's."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def create_help_centre(parts: Parts, style: Path | None) -> Starlette:
    """Make the help centre. `style` is a CSS file of yours."""
    made = Starlette(
        routes=[
            Route(PREFIX, _home),
            Route(f"{PREFIX}/style.css", _style),
            Route(f"{PREFIX}/theme.css", _theme),
            Route(f"{PREFIX}/icon.svg", _icon),
            Route(f"{PREFIX}/in-app.js", _in_app),
            Route(f"{PREFIX}/robots.txt", _robots),
            Route(f"{PREFIX}/search", _search),
            Route(f"{PREFIX}/helped", _helped, methods=["POST"]),
            Route(f"{PREFIX}/ticket", _ask, methods=["GET"]),
            Route(f"{PREFIX}/ticket", _open, methods=["POST"]),
            Route(f"{PREFIX}/{{slug:path}}", _article),
        ],
        middleware=[
            Middleware(GZipMiddleware, minimum_size=1000, compresslevel=4),
            Middleware(_Door, rate=parts.rate),
        ],
        exception_handlers=dict.fromkeys((*EXPECTED, ClientGone), _refuse),
    )
    made.router.redirect_slashes = False
    made.state.parts, made.state.style = parts, style
    return made


class _Door:
    """The middleware: headers that let a page do nothing, and how much one address may ask."""

    def __init__(self, app: ASGIApp, *, rate: float) -> None:
        self._app = app
        self._pages = Buckets(rate / 5)
        self._forms = Buckets(rate / 50)
        self._held = Held(STRANGERS_BYTES, each=EACH_STRANGERS_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        scope.setdefault("state", {}).update(filled=None)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers["Content-Security-Policy"] = _POLICY
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        request = Request(scope)
        client = scope["client"][0] if scope.get("client") else ""
        try:
            self._let_in(request, client)
        except Problem as problem:
            return await _refusal(problem)(scope, receive, send_guarded)
        with self._held.reading(client) as take:
            await self._app(scope, bounded(receive, take), send_guarded)

    def _let_in(self, request: Request, client: str) -> None:
        scope = request.scope
        if b"%00" in scope.get("raw_path", b"") or b"%00" in scope["query_string"]:
            raise Problem("unreadable", "an address holds no NUL character: send it without")
        check_framing(request.headers)
        if request.method == "POST":
            check_origin(request)
        if seconds := (self._forms if request.method == "POST" else self._pages).take(client):
            after = str(int(seconds) + 1)
            raise Problem("rate_limited", f"too many requests: again in {after} s", headers={"Retry-After": after})
        if int(request.headers.get("content-length", 0)) > MOST_BYTES:
            raise Problem("too_large", f"a form may have {MOST_BYTES // 1024} KiB")


def _refusal(problem: Problem) -> Response:
    title = TITLES.get(problem.code, "It does not work")
    response = public_page("help/refused.html", problem.status, title=title, detail=problem.detail)
    if "Retry-After" in problem.headers:
        response.headers["Retry-After"] = problem.headers["Retry-After"]
    return response


async def _refuse(_: Request, error: Exception) -> Response:
    return _refusal(Problem.of(error))


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


def _remember(response: Response, request: Request, session: str) -> Response:
    """Keep the visit's id until the browser is closed."""
    if request.cookies.get(COOKIE) != session:
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, session, path=PREFIX, httponly=True, samesite="lax", secure=secure)
    return response


async def _home(request: Request) -> Response:
    """Show the sections, with the articles of each."""
    rows = await asyncio.to_thread(_of_sections, _parts(request), list(Section))
    sections = [(one.value, title, [row for row in rows if row.section == one]) for one, title in SECTIONS.items()]
    return public_page("help/home.html", sections=[one for one in sections if one[2]], shown=6)


def _of_sections(parts: Parts, sections: list[Section]) -> list[ArticleRow]:
    with parts.db.session() as session:
        return list(articles.of_sections(session, [one.value for one in sections]))


async def _search(request: Request) -> Response:
    """Show what a search finds; nothing typed leads home."""
    typed = request.query_params.get("q", "")[:500]
    if not typed.strip():
        return RedirectResponse(PREFIX, 303)
    found = await asyncio.to_thread(
        visits.look_for, _parts(request).db, typed, session=request.cookies.get(COOKIE), channel=HELP_CENTRE
    )
    results = [(one, _marked(one.snippet), SECTIONS[Section(one.section)]) for one in found.results.found]
    response = public_page("help/search.html", q=typed, results=results, instead=found.results.instead)
    return _remember(response, request, found.session)


def _marked(snippet: str) -> Markup:
    """Write a snippet, with what was found marked; all of it is text."""

    def parts() -> Iterator[str | Markup]:
        end = 0
        for match in _MARKED.finditer(snippet):
            yield escape(snippet[end : match.start()])
            yield Markup("<mark>{}</mark>").format(match.group(1))
            end = match.end()
        yield escape(snippet[end:].replace(OPENS, "").replace(CLOSES, ""))

    return Markup("").join(parts())


async def _article(request: Request) -> Response:
    """Show a section's articles, or an article; that it was opened is noted in the visit."""
    slug = request.path_params["slug"][:300]
    if slug in set(Section):
        rows = await asyncio.to_thread(_of_sections, _parts(request), [Section(slug)])
        return public_page("help/section.html", title=SECTIONS[Section(slug)], articles=rows)
    session, row = await asyncio.to_thread(
        visits.read, _parts(request).db, slug, session=request.cookies.get(COOKIE), channel=HELP_CENTRE
    )
    said = request.query_params.get("helped", "")
    section = Section(row.section)
    response = public_page(
        "help/article.html",
        article=row,
        body=Markup(row.html),  # cleaned at the import: nothing in it does anything
        section=section.value,
        section_title=SECTIONS[section],
        said=said if said in ("yes", "no") else "",
    )
    return _remember(response, request, session)


async def _helped(request: Request) -> Response:
    """Note whether an article helped, and go back to it."""
    filled = await read_form(request, None)
    slug, helped = filled.text("article")[:200], filled.text("helped") == "yes"
    session = request.cookies.get(COOKIE)
    await asyncio.to_thread(visits.say_whether_it_helped, _parts(request).db, slug, helped, session=session)
    return RedirectResponse(f"{PREFIX}/{slug}?helped={'yes' if helped else 'no'}#helped", 303)


async def _ask(request: Request) -> Response:
    """Show the form that opens a ticket."""
    subject = request.query_params.get("subject", "")[:200]
    return public_page("help/ticket.html", typed={"subject": subject, "once": uuid4().hex}, fault="")


async def _open(request: Request) -> Response:
    """Open a ticket that carries what the visit searched and read. The form sent twice opens one ticket."""
    filled = await read_form(request, None)
    names = ("email", "subject", "description", "once")
    typed = {name: filled.text(name).strip() for name in names}
    try:
        receipt = await _parts(request).service.open(_request_of(request, typed))
    except Refused as refused:
        problem = Problem.of(refused)
        return public_page("help/ticket.html", problem.status, typed=typed, fault=problem.detail)
    return public_page("help/opened.html", 201, ticket=receipt.ticket)


def _request_of(request: Request, typed: dict[str, str]) -> OpenRequest:
    check_address(typed["email"])
    if not typed["subject"]:
        raise Refused("missing_fields", "say in a line what it is about", missing=["subject"])
    said: dict[str, Any] = {
        "source": "api:help-centre",
        "external_id": typed["once"][:60] or uuid4().hex,
        "account": {"id": account_of(typed["email"])},
        "channel": Channel.IN_APP.value,
        "subject": typed["subject"][:200],
        "description": typed["description"],
        "help_session": known(request.cookies.get(COOKIE)) or "",
        "by": typed["email"],
        "role": Role.CUSTOMER.value,
    }
    return OpenRequest.parse(said)


async def _style(_: Request) -> Response:
    return FileResponse(STATIC / "help.css", headers={"Cache-Control": "public, max-age=300"})


async def _icon(_: Request) -> Response:
    return FileResponse(STATIC / "icon.svg", headers={"Cache-Control": "public, max-age=86400"})


async def _in_app(_: Request) -> Response:
    """Return the script of the help inside your product. Pages of other origins load it; nothing in it is secret."""
    headers = {"Cache-Control": "public, max-age=300", "Cross-Origin-Resource-Policy": "cross-origin"}
    return FileResponse(STATIC / "in-app.js", headers=headers)


async def _theme(request: Request) -> Response:
    style: Path | None = request.app.state.style
    if style is None or not style.is_file():
        return Response("", media_type="text/css", headers={"Cache-Control": "public, max-age=300"})
    return FileResponse(style, media_type="text/css", headers={"Cache-Control": "public, max-age=300"})


async def _robots(_: Request) -> Response:
    return PlainTextResponse(f"User-agent: *\nDisallow: {PREFIX}/search\nDisallow: {PREFIX}/ticket\n")

"""The desk as one application: its pages, and how it says no."""

import logging

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from api.body_limits import GONE, ClientGone
from api.guard import Buckets
from api.parts import Parts
from api.problems import TITLES, Problem
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from services.presence import Presence
from services.reading.beside import ByWords
from services.reading.changes import Changes
from services.reading.lists import Counted
from services.reading.running import DescribedLately
from services.security.auth import NotAuthenticated
from store.database import DatabaseDown
from web import (
    account,
    answers,
    board,
    credits,
    demand,
    home,
    incident,
    lab,
    live,
    loop,
    opening,
    ops,
    ops_repairs,
    queue,
    refunds,
    release,
    reply_templates,
    satisfaction,
    search,
    sign_in,
    survey,
    ticket,
    week,
)
from web.gate import OPEN, PREFIX, SURVEY, Form, Gate
from web.render import STATIC, page

log = logging.getLogger("tierline.web")

EXPECTED = (Problem, Refused, Unavailable, DatabaseDown, NotAuthenticated, HTTPException)
"""What a page may fail with. Anything else is a bug."""
_FOR_EVER = "public, max-age=31536000, immutable"


def create_desk(parts: Parts) -> Starlette:
    """Make the desk. Its addresses begin with /desk; `/` leads there."""
    desk = Starlette(
        routes=[
            Route("/", _to_desk),
            Route(f"{PREFIX}/static/{{name}}", _static),
            *sign_in.ROUTES,
            *live.ROUTES,
            *home.ROUTES,
            *queue.ROUTES,
            *loop.ROUTES,
            *demand.ROUTES,
            *opening.ROUTES,
            *search.ROUTES,
            *ticket.ROUTES,
            *incident.ROUTES,
            *account.ROUTES,
            *reply_templates.ROUTES,
            *satisfaction.ROUTES,
            *board.ROUTES,
            *credits.ROUTES,
            *refunds.ROUTES,
            *week.ROUTES,
            *release.ROUTES,
            *lab.ROUTES,
            *ops_repairs.ROUTES,  # before those of ops, whose last part may be any act
            *ops.ROUTES,
            *answers.ROUTES,
            *survey.ROUTES,
        ],
        middleware=[
            Middleware(GZipMiddleware, minimum_size=1000, compresslevel=4),  # 9: 4 % less, for 3 times the work
            Middleware(Gate, db=parts.db, rate=parts.rate, refuse=_refusal, framed_by=parts.framed_by),
        ],
        exception_handlers={**dict.fromkeys(EXPECTED, _refuse), ClientGone: _gone, Exception: _confess},
    )
    desk.router.redirect_slashes = False
    desk.state.parts, desk.state.changes = parts, Changes(parts.db)
    desk.state.presence = Presence(parts.db)
    desk.state.described = DescribedLately()
    desk.state.by_words, desk.state.counted = ByWords(), Counted()
    desk.state.tries = Buckets(parts.rate / 100)
    """Tries of one address to sign in: at the usual rate five at once, then one in two seconds."""
    desk.state.answers = Buckets(parts.rate / 10)
    """Answers of the identity provider that one address brings: more than tries, since a company may have one."""
    desk.state.surveys = Buckets(parts.rate / 10)
    """Looks at surveys, and answers, of one address: a company may have one."""
    return desk


def of_the_desk(path: str) -> bool:
    """Return whether an address is the desk's."""
    return path in ("/", PREFIX) or path.startswith((f"{PREFIX}/", SURVEY))


async def _to_desk(_: Request) -> Response:
    return RedirectResponse(PREFIX, 303)


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    known = {path.name: path for path in STATIC.iterdir()}
    if name not in known:
        raise HTTPException(404)
    return FileResponse(known[name], headers={"Cache-Control": _FOR_EVER})


def _refusal(request: Request, problem: Problem) -> Response:
    """Say why not. What a form said that could not be heard now is on the page, to be sent again: it is the same
    command then."""
    filled: Form | None = request.state.filled if problem.code == "unavailable" else None
    secret = request.url.path.startswith(OPEN)  # a token that somebody signs in with is on no page
    again = (
        [(name, value) for name, values in filled.values.items() for value in values] if filled and not secret else []
    )
    response = page(
        request, "refused.html", problem.status,
        title=TITLES[problem.code], detail=problem.detail, code=problem.code, more=problem.more, again=again,
    )  # fmt: skip
    if "Retry-After" in problem.headers:
        response.headers["Retry-After"] = problem.headers["Retry-After"]
    return response


async def _refuse(request: Request, error: Exception) -> Response:
    return _refusal(request, Problem.of(error))


async def _gone(_: Request, __: Exception) -> Response:
    """Answer a client that has gone before its form was complete: nobody gets this answer."""
    return Response(status_code=GONE)


async def _confess(request: Request, error: Exception) -> Response:
    request_id = request.state.request_id
    log.error("page %s failed on %s", request_id, type(error).__name__, extra={"request_id": request_id})
    return await _refuse(request, error)

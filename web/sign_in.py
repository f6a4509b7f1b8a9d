"""Signing in and out."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.parts import Parts
from api.problems import Problem
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from services.security import sessions
from services.security.auth import NotAuthenticated
from services.security.openid import LONGEST, Answer, OpenIdSignIn
from web.gate import CARD, COOKIE, PREFIX, read_form
from web.render import page

log = logging.getLogger("tierline.web")

Asked = TypeVar("Asked")

_OPENID = f"{PREFIX}/sign-in/openid"
_BEGUN = "tierline_begun"
"""The cookie that ties the provider's answer to the browser that was sent there: it alone knows what was begun, in
which zone, and where the person wanted to go."""
_MAY_TAKE = 600
"""Seconds that signing in at the provider may take."""
_PATIENCE = 20.0
"""Seconds that a person waits for the provider at most."""


async def show(request: Request) -> Response:
    """Show the form; with a sign-in link's code, only its button, since mail scanners open links."""
    return _form(request, there=request.query_params.get("next", ""), code=request.query_params.get("code", ""))


async def sign_in(request: Request) -> Response:
    """Sign in by a token, or by a sign-in link's code."""
    parts: Parts = request.app.state.parts
    if seconds := request.app.state.tries.take(_client(request)):
        raise _too_many(seconds)
    form = await read_form(request, None)
    there, code, zone = form.text("next"), form.text("code"), form.text("zone")
    now = datetime.now(UTC)
    try:
        if code:
            cookie = await asyncio.to_thread(sessions.sign_in_by_code, parts.db, code, zone, now)
        else:
            cookie = await asyncio.to_thread(sessions.sign_in, parts.db, form.text("token").strip(), zone, now)
    except (NotAuthenticated, Refused) as error:
        trouble = "that is no token: it begins with tl_" if "a token is needed" in str(error) else str(error)
        return _form(request, there=there, trouble=trouble, status=Problem.of(error).status)
    return await _let_in(request, cookie, there, now)


async def to_provider(request: Request) -> Response:
    """Send the browser to the identity provider. A link leads here, no form: a form may not lead to another site."""
    openid = _openid(request)
    there, zone = (request.query_params.get(name, "")[:most] for name, most in (("next", 1000), ("zone", 100)))
    try:
        address, begun = await _of_provider(openid.begin, _back(request))
    except Unavailable as error:
        return _form(request, there=there, trouble=str(error), status=Problem.of(error).status)
    response = RedirectResponse(address, 303)
    value = ".".join((begun, _dotless(zone), _dotless(local_address(there))))
    response.set_cookie(
        _BEGUN,
        value,
        max_age=_MAY_TAKE,
        path=_OPENID,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return response


async def from_provider(request: Request) -> Response:
    """Sign in whom the identity provider names."""
    openid = _openid(request)
    parts: Parts = request.app.state.parts
    if seconds := request.app.state.answers.take(_client(request)):
        raise _too_many(seconds)
    begun, zone, there = (*request.cookies.get(_BEGUN, "").split("."), "", "", "")[:3]
    zone, there = unquote(zone), unquote(there)
    query = request.query_params
    answer = Answer(*(query.get(name, "")[:4000] for name in ("state", "code", "error", "iss")))
    now = datetime.now(UTC)
    try:
        cookie = await _of_provider(openid.finish, parts.db, begun, _back(request), answer, zone, now)
        response = await _let_in(request, cookie, there, now, lasts=LONGEST)
    except (NotAuthenticated, Refused, Unavailable) as error:
        response = _form(request, there=there, trouble=str(error), status=Problem.of(error).status)
    response.delete_cookie(_BEGUN, path=_OPENID)
    return response


def _client(request: Request) -> str:
    return request.client.host if request.client else ""


def _too_many(seconds: float) -> Problem:
    after = str(int(seconds) + 1)
    return Problem("rate_limited", f"too many tries: again in {after} s", headers={"Retry-After": after})


def _dotless(text: str) -> str:
    """Return a text as a cookie can hold it, without the dot that stands between two of them."""
    return quote(text, safe="").replace(".", "%2E")


def _openid(request: Request) -> OpenIdSignIn:
    parts: Parts = request.app.state.parts
    if parts.openid is None:
        raise Refused("not_found", "no identity provider is set up: sign in by a token")
    return parts.openid


def _back(request: Request) -> str:
    """Return the address at which the provider sends the browser back. The provider takes only one that it knows."""
    return f"{request.url.scheme}://{request.url.netloc}{_OPENID}/back"


async def _of_provider(ask: Callable[..., Asked], *given: Any) -> Asked:
    """Ask the identity provider, on threads of its own: however slow it is, it keeps nothing else waiting.

    Raises Unavailable where it takes too long.
    """
    try:
        async with asyncio.timeout(_PATIENCE):
            return await asyncio.get_running_loop().run_in_executor(_threads(), partial(ask, *given))
    except TimeoutError:
        raise Unavailable("the identity provider is too slow: try again in a minute, or sign in by a token") from None


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(4, thread_name_prefix="openid")


async def _let_in(
    request: Request, cookie: str, there: str, now: datetime, lasts: timedelta = sessions.LONGEST
) -> Response:
    """Give the browser its session, and lead it to where the person wanted to go."""
    parts: Parts = request.app.state.parts
    signed_in = await asyncio.to_thread(sessions.find_session, parts.db, cookie, now)
    log.info("%s signed in to the desk", signed_in.caller.actor)
    response = RedirectResponse(local_address(there), 303)
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=int(lasts.total_seconds()),
        path=PREFIX,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return response


async def sign_out(request: Request) -> Response:
    """Sign out: the session ends, whoever has a copy of its cookie."""
    parts: Parts = request.app.state.parts
    await read_form(request, request.state.signed_in)
    await asyncio.to_thread(sessions.sign_out, parts.db, request.state.signed_in.id)
    response = RedirectResponse(f"{PREFIX}/sign-in", 303)
    response.delete_cookie(COOKIE, path=PREFIX)
    return response


def local_address(there: str) -> str:
    """Return where to go after signing in: an address of the desk, never another site's."""
    good = there.startswith(f"{PREFIX}/") and not any(ord(letter) < 33 or letter == "\\" for letter in there)
    return there if good else PREFIX


def _form(request: Request, *, there: str, code: str = "", trouble: str = "", status: int = 200) -> Response:
    parts: Parts = request.app.state.parts
    framed = request.url.path.endswith(CARD)  # no provider lets itself be framed
    provider = parts.openid.host if parts.openid and not framed else ""
    return page(
        request, "sign_in.html", status, there=there[:2000], code=code[:100], trouble=trouble, provider=provider,
    )  # fmt: skip


ROUTES = [
    Route(f"{PREFIX}/sign-in{CARD}", show, methods=["GET"]),
    Route(f"{PREFIX}/sign-in{CARD}", sign_in, methods=["POST"]),
    Route(f"{PREFIX}/sign-in", show, methods=["GET"]),
    Route(f"{PREFIX}/sign-in", sign_in, methods=["POST"]),
    Route(_OPENID, to_provider, methods=["GET"]),
    Route(f"{_OPENID}/back", from_provider, methods=["GET"]),
    Route(f"{PREFIX}/sign-out", sign_out, methods=["POST"]),
]

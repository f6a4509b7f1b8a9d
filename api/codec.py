"""The codec endpoint: where the Temporal UI and the `temporal` command have payloads decrypted, and encrypted.

Whoever may read here reads every text of every ticket, so it asks for a token of ops or an admin, as raw access to
Temporal does. The command sends one with every call (`--codec-auth`). The UI has only its own sign-in's token to pass
on, and that is none of ours: its user signs in here once, which leaves the token in a cookie that nothing but this
endpoint gets to see. A cookie is believed only from the one origin that is configured.

An application of its own, to be mounted: Temporal prescribes its words, so they are not part of our API.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from html import escape
from urllib.parse import parse_qs
from uuid import uuid4

from fastapi import FastAPI
from google.protobuf.json_format import MessageToJson, Parse, ParseError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from temporalio.api.common.v1 import Payload, Payloads

from api.body_limits import GONE, check_framing
from api.guard import Buckets, Record
from api.problems import Problem
from domain.core.enums import Role
from services.security.auth import Caller, NotAuthenticated, authenticate
from services.security.codec import Codec, CodecError
from store.database import Database, DatabaseDown

log = logging.getLogger("tierline.codec")

READERS = frozenset({Role.OPS, Role.ADMIN})
COOKIE = "tierline_codec"
SIGNED_IN_SECONDS = 8 * 3600
LONGEST_BODY = 8_000_000
"""Bytes: more than Temporal's own limit of 4 MB for what it sends at once, in base64."""
LONGEST_FORM = 1000
"""Bytes of the sign-in, which anybody may send: it holds a token and no more."""

_TURNED_AWAY = (Problem, NotAuthenticated, DatabaseDown)
_Answer = Callable[[Request], Awaitable[Response]]


def beside(api: FastAPI, codec: Starlette) -> Starlette:
    """Return both applications under one address. Neither's rules for browsers reach the other."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with api.router.lifespan_context(api):
            yield

    both = Starlette(routes=[Mount("/codec", codec)], lifespan=lifespan)
    both.router.redirect_slashes = False  # as in the API
    both.router.default = api  # no mount: an address with a line break is in none, and would be answered unguarded
    return both


def codec_app(codec: Codec, db: Database, *, origin: str | None, rate: float = 50.0) -> Starlette:
    """Return the endpoint, to be mounted at /codec. `origin` is the Temporal UI's; without it no web page is let in.

    `POST /decode` and `/encode` take and give Temporal's `Payloads` as JSON; `GET /sign-in` is a page for people.
    `rate`: requests a second of one token.
    """
    access = _Access(db, origin, rate)

    def answering(act: Callable[[list[Payload]], Awaitable[list[Payload]]], did: str) -> _Answer:
        async def answer(request: Request) -> Response:
            try:
                caller = await access.reader(request)
                payloads = _payloads(await _body(request, LONGEST_BODY))
                answered = Payloads(payloads=await act(list(payloads.payloads)))
            except _TURNED_AWAY as error:
                return await access.turn_away(request, error)
            except CodecError as error:
                return await access.turn_away(request, Problem("unreadable", str(error)))
            log.info("%s had %d payloads %s", caller.actor, len(answered.payloads), did)
            return Response(MessageToJson(answered, indent=None), media_type="application/json", headers=_PRIVATE)

        return answer

    endpoint = Starlette(
        routes=[
            Route("/decode", answering(codec.decode, "decrypted"), methods=["POST"]),
            Route("/encode", answering(codec.encode, "encrypted"), methods=["POST"]),
            Route("/sign-in", access.show, methods=["GET"]),
            Route("/sign-in", access.sign_in, methods=["POST"]),
        ],
        exception_handlers={ClientDisconnect: _gone},
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=[origin] if origin else [],
                allow_credentials=True,
                allow_methods=["POST"],
                # What the UI sends along; the last is its own sign-in's second token, which we do not read.
                allow_headers=["Content-Type", "X-Namespace", "Authorization", "Authorization-Extras"],
            )
        ],
    )
    endpoint.router.redirect_slashes = False  # as in the API
    return endpoint


class _Access:
    """Who may come in."""

    def __init__(self, db: Database, origin: str | None, rate: float) -> None:
        self._db = db
        self._origin = origin
        self._buckets = Buckets(rate)
        self._record = Record(db, rate)

    async def reader(self, request: Request) -> Caller:
        """Return who asks. Raises Problem, NotAuthenticated, DatabaseDown."""
        request.state.caller = None
        origin = request.headers.get("Origin")
        if origin is not None and origin != self._origin:
            raise Problem(
                "not_allowed",
                "pages of this origin may not use the codec endpoint: TIERLINE_CODEC_ORIGIN names the one that may",
            )
        presented = request.headers.get("Authorization")
        if presented is None and origin is not None and COOKIE in request.cookies:
            # A browser adds the cookie to what any page sends, so the page must be the UI's.
            presented = f"Bearer {request.cookies[COOKIE]}"
        if presented is None:
            raise NotAuthenticated("sign in at /codec/sign-in, or send `Authorization: Bearer tl_...`")
        return await self._holder(request, presented)

    async def _holder(self, request: Request, presented: str) -> Caller:
        caller = await asyncio.to_thread(authenticate, self._db, presented, datetime.now(UTC))
        request.state.caller = caller
        if seconds := self._buckets.take(caller.token_id):
            after = str(int(seconds) + 1)
            raise Problem("rate_limited", f"too many requests: again in {after} s", headers={"Retry-After": after})
        if caller.role not in READERS:
            raise Problem(
                "not_allowed",
                f"a token of the role {caller.role} may not read payloads: use one of {', '.join(sorted(READERS))}",
            )
        return caller

    async def turn_away(self, request: Request, error: Exception) -> Response:
        """Say no, and put it on record."""
        problem = Problem.of(error)
        await self._record.turned_away(request.scope, problem, error)
        response = problem.response(request.url.path, uuid4().hex)
        response.headers.update(_PRIVATE)
        return response

    async def show(self, request: Request) -> Response:
        return _page()

    async def sign_in(self, request: Request) -> Response:
        """Keep the token in a cookie for eight hours, if it is of use. It is checked with every call all the same."""
        request.state.caller = None
        try:
            form = parse_qs((await _body(request, LONGEST_FORM)).decode("ascii", "replace"))
            token = form.get("token", [""])[0].strip()
            caller = await self._holder(request, f"Bearer {token}")
        except _TURNED_AWAY as error:
            problem = Problem.of(error)
            await self._record.turned_away(request.scope, problem, error)
            return _page(problem.detail, problem.status)
        log.info("%s signed in to the codec endpoint", caller.actor)
        response = RedirectResponse(self._origin or "sign-in", 303, headers=_PRIVATE)
        response.set_cookie(
            COOKIE,
            token,
            max_age=SIGNED_IN_SECONDS,
            path=request.scope.get("root_path") or "/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response


async def _gone(_: Request, __: Exception) -> Response:
    """Return an answer that nobody gets: the client has gone before its body was complete."""
    return Response(status_code=GONE)


async def _body(request: Request, longest: int) -> bytes:
    check_framing(request.headers)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > longest:
            raise Problem("too_large", f"a request may have {longest} bytes: send fewer payloads at once")
    return bytes(body)


def _payloads(body: bytes) -> Payloads:
    try:
        return Parse(body, Payloads())
    except (ParseError, ValueError):
        raise Problem("unreadable", 'not understood: {"payloads": [...]} in JSON, as Temporal sends it') from None


_PRIVATE = {"Cache-Control": "no-store"}
_GUARDED = _PRIVATE | {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


def _page(trouble: str = "", status: int = 200) -> Response:
    """Return the page where a person signs in. The page loads nothing and cannot be framed."""
    return HTMLResponse(_SIGN_IN.replace("{trouble}", escape(trouble)), status, headers=_GUARDED)


_SIGN_IN = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tierline: read payloads in the Temporal UI</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 12vh auto; padding: 0 1rem; }
  input { font: inherit; width: 100%; box-sizing: border-box; padding: .4rem; margin: .3rem 0 1rem; }
  button { font: inherit; padding: .4rem 1.2rem; }
  [role=alert] { color: #ae2e24; }
</style>
<h1>Read payloads in the Temporal UI</h1>
<p>For eight hours this browser may have the texts of tickets decrypted. It takes a token of ops or an admin.</p>
<p role="alert">{trouble}</p>
<form method="post">
  <label for="token">Your token</label>
  <input id="token" name="token" type="password" autocomplete="off" required autofocus>
  <button>Sign in</button>
</form>
</html>
"""

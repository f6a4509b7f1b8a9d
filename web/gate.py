"""What stands before every page: who is signed in, where a form comes from, how much is read, and what headers say.

It is closed by default: a path that is not named here as open needs a session. The headers allow a page nothing but
what this address serves: no inline script or style runs, whatever a ticket's text holds.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.body_limits import EACH_HOLDERS_BYTES, HOLDERS_BYTES, Held, bounded, check_framing
from api.guard import Buckets, request_id_of
from api.problems import Problem
from services.log_context import about, of_request
from services.reading.changes import page_position
from services.security.auth import NotAuthenticated
from services.security.sessions import SignedIn, find_session
from store.database import Database, DatabaseDown

COOKIE = "tierline_session"
PREFIX = "/desk"
SURVEY = "/survey/"
"""Where customers answer a survey, by a signed link (F7)."""
OPEN = (f"{PREFIX}/sign-in", f"{PREFIX}/static/", SURVEY)
"""What needs no session: where a person signs in, what pages load, and where a customer has a link."""
MOST_FIELDS = 200
MOST_BYTES = 1_048_576
"""Of a form: the longest texts of one command, as a browser encodes them."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
)
_POLICY_OF_SURVEYS = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
CARD = "/card"
"""The end of the addresses of pages that other sites may frame, where the settings name these sites. What such a page
leads to (a form, signing in) ends with it too."""


class Gate:
    """The middleware. It leaves `signed_in` (on open paths None), `position` (when the page began to be read, for live
    pages) and `request_id` in the request's state."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        db: Database,
        rate: float,
        refuse: Callable[[Request, Problem], Response],
        framed_by: tuple[str, ...] = (),
    ) -> None:
        """`rate`: requests a second of one session. `refuse` makes the page of a refusal. `framed_by`: the origins
        that may frame a ticket's card."""
        self._app = app
        self._refuse = refuse
        self._db = db
        self._buckets = Buckets(rate)
        self._held = Held(HOLDERS_BYTES, each=EACH_HOLDERS_BYTES)
        self._framed_by = framed_by

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        request_id = request_id_of(headers)
        scope.setdefault("state", {}).update(request_id=request_id, signed_in=None, position=0, filled=None)
        with about(**of_request(request_id, scope["path"], headers)):
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        framed = bool(self._framed_by) and scope["path"].endswith(CARD)
        ancestors = " ".join(self._framed_by) if framed else "'none'"

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                survey = scope["path"].startswith(SURVEY)
                headers["Content-Security-Policy"] = (
                    _POLICY_OF_SURVEYS if survey else _POLICY.format(ancestors=ancestors)
                )
                headers["X-Request-Id"] = scope["state"]["request_id"]
                headers.setdefault("Cache-Control", "no-store")
                if framed and scope["scheme"] == "https":
                    _let_cookie_into_frame(message)
            await send(message)

        request = Request(scope)
        try:
            await self._let_in(request)
        except NotAuthenticated as error:
            to_sign_in = _to_sign_in(request, CARD if framed else "")
            response = self._refuse(request, Problem.of(error)) if request.method != "GET" else to_sign_in
            return await response(scope, receive, send_guarded)
        except (Problem, DatabaseDown) as error:
            if isinstance(error, DatabaseDown) and request.method == "POST":
                await self._keep_form(scope, receive)
            return await self._refuse(request, Problem.of(error))(scope, receive, send_guarded)
        with self._held.reading(scope["client"][0] if scope.get("client") else "") as take:
            await self._app(scope, bounded(receive, take), send_guarded)

    async def _keep_form(self, scope: Scope, receive: Receive) -> None:
        """Read a form of which nobody can say whose it is, so that its sender gets it back, to send it again."""
        with self._held.reading(scope["client"][0] if scope.get("client") else "") as take:
            request = Request(scope, bounded(receive, take))
            if int(request.headers.get("content-length", 0)) <= MOST_BYTES:
                with suppress(Problem):
                    await read_form(request, None)

    async def _let_in(self, request: Request) -> None:
        scope = request.scope
        if b"%00" in scope.get("raw_path", b"") or b"%00" in scope["query_string"]:
            raise Problem("unreadable", "an address holds no NUL character: send it without")
        check_framing(request.headers)
        if request.method == "POST":
            check_origin(request)
        if scope["path"] != "/" and not scope["path"].startswith(OPEN):  # `/` only leads to the desk
            signed_in = await asyncio.to_thread(find_session, self._db, request.cookies.get(COOKIE), datetime.now(UTC))
            scope["state"].update(signed_in=signed_in, position=page_position(self._db.clock.now()))
            if seconds := self._buckets.take(signed_in.id):
                after = str(int(seconds) + 1)
                raise Problem("rate_limited", f"too many requests: again in {after} s", headers={"Retry-After": after})
        if int(request.headers.get("content-length", 0)) > MOST_BYTES:
            raise Problem("too_large", f"a form may have {MOST_BYTES // 1024} KiB")


def _let_cookie_into_frame(message: Message) -> None:
    """Let a session's cookie that a framed page sets be sent from that frame, although it stands in another site's
    page. It is `Partitioned`: the browser sends it only inside pages of the site that framed it, never from others."""
    for place, (name, value) in enumerate(headers := message["headers"]):
        if name == b"set-cookie" and value.startswith(f"{COOKIE}=".encode()):
            headers[place] = name, value.replace(b"SameSite=lax", b"SameSite=None") + b"; Partitioned"


def _to_sign_in(request: Request, suffix: str) -> Response:
    """Lead to the sign-in page, and from there back to where the person wanted to go."""
    there = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{PREFIX}/sign-in{suffix}?next={quote(there, safe='')}", 303)


def check_origin(request: Request) -> None:
    """Refuse what another site's page sends. Browsers say where a request comes from. Raises Problem."""
    headers: Headers = request.headers
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise Problem("not_allowed", "pages of other sites may not send forms to the desk")
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        raise Problem("not_allowed", "pages of other sites may not send forms to the desk")


class Form(NamedTuple):
    """The fields of a form that a browser sent."""

    values: dict[str, list[str]]

    def text(self, name: str) -> str:
        """Return the field's text, with line ends as we keep them; empty where there is none."""
        return self.values.get(name, [""])[0].replace("\r\n", "\n")

    def texts(self, name: str) -> list[str]:
        """Return all that was chosen for a field."""
        return self.values.get(name, [])


async def read_form(request: Request, signed_in: SignedIn | None) -> Form:
    """Read a form; of a session's, check its CSRF token. It is left in the request's state as `filled`. Raises
    Problem."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Problem("unreadable", "this is not a form of the desk")
    body = await request.body()
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except (UnicodeDecodeError, ValueError):
        raise Problem("unreadable", "the form cannot be read: send it again from the page") from None
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    form = Form(values)
    if signed_in is not None and not secrets.compare_digest(unmasked(form.text("csrf")), signed_in.csrf):
        raise Problem("not_allowed", "this form is not of your session: load the page again, then send it")
    request.state.filled = form
    return form


def masked(token: str) -> str:
    """Return a CSRF token as one page carries it: another text on each, so that its compression tells nothing."""
    raw = bytes.fromhex(token)
    pad = secrets.token_bytes(len(raw))
    return (pad + bytes(a ^ b for a, b in zip(pad, raw, strict=True))).hex()


def unmasked(masked: str) -> str:
    """Return the CSRF token that a page carried; empty for what is none."""
    try:
        raw = bytes.fromhex(masked)
    except ValueError:
        return ""
    half = len(raw) // 2
    return bytes(a ^ b for a, b in zip(raw[:half], raw[half:], strict=False)).hex()

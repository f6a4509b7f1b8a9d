"""What all stand-ins share: faults on demand, a record of what came in, a memory on disk, pages."""

import asyncio
import fnmatch
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import parse_qs

from jinja2 import Environment, PackageLoader, select_autoescape
from pydantic import BaseModel, Field, SecretStr, ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_LIMIT = 2_000_000
"""Bytes of one request body."""
LIMITS = {
    "X-RateLimit-Limit": "350", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": None,
    "X-RateLimit-NearLimit": "true", "RateLimit-Reason": "jira-burst-based",
    "ratelimit-limit": "400", "ratelimit-remaining": "0",
}  # fmt: skip
"""What the vendors send with 429 besides Retry-After: Jira's six, and those of Zendesk and PagerDuty. None: when the
limit is over."""


class Fault(BaseModel, extra="forbid", frozen=True):
    """One way to fail, until it has happened `times` times or is cleared."""

    kind: Literal[
        "commit_then_drop",
        "commit_then_504",
        "slow",
        "rate_limited",
        "unauthorized",
        "forbidden",
        "conflict",
        "server_error",
        "down",
        "search_lag",
        "webhook_lost",
        "webhook_repeated",
        "webhook_reversed",
        "webhook_forged",
    ]
    """`commit_*` and `slow` do what was asked and then drop the connection, answer 504, or answer after
    `seconds`. The others do nothing: 429, 401, 403, 409, 500, a dropped connection. `search_lag` hides new issues for
    `seconds`.

    Of webhooks: each is lost, or sent five times, or signed by somebody else; `webhook_reversed` holds them back until
    it is cleared, and then sends the last one first.
    """
    times: int | None = Field(default=None, ge=1)
    """None: until cleared."""
    seconds: float = Field(default=0, ge=0, le=3600)
    """How slow, how long the lag, or what Retry-After says (0: no such header)."""
    method: str = "*"
    path: str = "*"
    """Which requests, as shell patterns: `POST`, `/rest/api/3/issue`."""
    says: str = ""
    """Only requests with this in their body."""
    rate: float = Field(default=1.0, gt=0, le=1)
    """Share of those requests that fail, drawn from a fixed seed."""


_NO_REQUESTS = ("search_lag", "webhook_lost", "webhook_repeated", "webhook_reversed", "webhook_forged")
"""Faults that meet no request."""


class Subscriber(BaseModel, frozen=True):
    """Who gets a signed webhook of what people do on a stand-in's pages."""

    url: str
    secret: SecretStr


class Faults:
    """The faults in force. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: list[tuple[Fault, Counter[str]]] = []
        self._dice = random.Random(20)

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._active.append((fault, Counter()))

    def clear(self) -> None:
        with self._lock:
            self._active.clear()

    def active(self) -> list[Fault]:
        with self._lock:
            return [fault for fault, used in self._active if fault.times is None or used["times"] < fault.times]

    def meets(self, kind: str) -> bool:
        """Return whether a fault that meets no request is in force; counted as used."""
        with self._lock:
            for fault, used in self._active:
                if fault.kind == kind and (fault.times is None or used["times"] < fault.times):
                    used["times"] += 1
                    return True
        return False

    def strike(self, method: str, path: str, body: bytes) -> Fault | None:
        """Return the fault that meets this request, counted as used."""
        with self._lock:
            for fault, used in self._active:
                if fault.kind in _NO_REQUESTS or (fault.times is not None and used["times"] >= fault.times):
                    continue
                fits = fnmatch.fnmatch(method, fault.method) and fnmatch.fnmatchcase(path, fault.path)
                if fits and fault.says.encode() in body and (fault.rate >= 1 or self._dice.random() < fault.rate):
                    used["times"] += 1
                    return fault
        return None

    def search_lag(self) -> float:
        """Return seconds for which search does not see a new issue."""
        return max((fault.seconds for fault in self.active() if fault.kind == "search_lag"), default=0.0)


class Exchange(BaseModel, frozen=True):
    """One request as it came in, and the answer as it went out; `status` 0 where the connection was
    dropped.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer_headers: dict[str, str]
    answer: bytes


Observer = Callable[[Exchange], None]


class Edge:
    """Stands before a stand-in's interface (paths under `prefix`): makes it fail, counts, lets a test look
    on.

    The stand-in's own pages and controls are never made to fail.
    """

    def __init__(self, app: ASGIApp, prefix: str | tuple[str, ...], faults: Faults, observer: Observer | None) -> None:
        self._app = app
        self._prefix = prefix
        self._faults = faults
        self._observer = observer
        self.requests: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
            return
        self.requests[f"{scope['method']} {scope['path']}"] += 1
        body = await _read(receive)
        fault = self._faults.strike(scope["method"], scope["path"], body)
        answer = _refusal(fault) if fault else None
        if len(body) > BODY_LIMIT:
            answer = Response("too large", 413)
        if answer is None and not (fault and fault.kind == "down"):
            answer = await _run(self._app, scope, body)
        if fault and fault.kind == "slow":
            await _wait(receive, fault.seconds)
        if fault and fault.kind == "commit_then_504":
            answer = HTMLResponse("<html><body>Gateway Timeout</body></html>", 504)
        dropped = answer is None or (fault is not None and fault.kind == "commit_then_drop")
        if self._observer:
            self._observer(_exchange(scope, body, None if dropped else answer))
        if answer is None or dropped:
            await _drop(receive, send)
        else:
            await answer(scope, receive, send)


def _refusal(fault: Fault) -> Response | None:
    wait = {"Retry-After": str(int(fault.seconds))} if fault.seconds else {}
    match fault.kind:
        case "rate_limited":
            over = now() + timedelta(seconds=fault.seconds)
            limits = {name: f"{over:%Y-%m-%dT%H:%MZ}" if said is None else said for name, said in LIMITS.items()}
            return JSONResponse({"errorMessages": ["Rate limit exceeded."], "errors": {}}, 429, headers=limits | wait)
        case "unauthorized":
            return JSONResponse({"errorMessages": ["Client must be authenticated."], "errors": {}}, 401)
        case "forbidden":
            message = "You do not have permission to perform this operation."
            return JSONResponse({"errorMessages": [message], "errors": {}}, 403)
        case "conflict":
            message = "Another request is changing this just now. Try again."
            return JSONResponse({"errorMessages": [message], "errors": {}}, 409, headers=wait)
        case "server_error":
            return HTMLResponse("<html><body>Internal Server Error</body></html>", 500, headers=wait)
        case _:
            return None


async def _read(receive: Receive) -> bytes:
    body, more = b"", True
    while more and len(body) <= BODY_LIMIT:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _run(app: ASGIApp, scope: Scope, body: bytes) -> Response:
    """Let the application answer, and holds the answer back."""
    start: Message = {}
    parts: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    answer = Response(b"".join(parts), start["status"])
    answer.raw_headers = [(name, value) for name, value in start["headers"] if name != b"content-length"]
    answer.headers["content-length"] = str(len(answer.body))
    return answer


async def _wait(receive: Receive, seconds: float) -> None:
    """Wait, but not for a caller who has hung up."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        pass


async def _drop(receive: Receive, send: Send) -> None:
    """Cut the connection without an answer. ASGI has no word for this, so it reaches for uvicorn's
    transport.
    """
    cast(Any, send).__self__.transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


def _exchange(scope: Scope, body: bytes, answer: Response | None) -> Exchange:
    return Exchange(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode(),
        headers={name.decode(): value.decode() for name, value in scope["headers"]},
        body=body,
        status=answer.status_code if answer else 0,
        answer_headers=dict(answer.headers) if answer else {},
        answer=bytes(answer.body) if answer else b"",
    )


def control_routes(faults: Faults) -> list[BaseRoute]:
    """Return the routes of `/standin/faults`: POST a `Fault`, GET those in force, DELETE them all."""

    async def endpoint(request: Request) -> Response:
        if request.method == "POST":
            try:
                faults.add(Fault.model_validate_json(await request.body()))
            except ValidationError as error:
                return JSONResponse({"error": str(error)}, 400)
        elif request.method == "DELETE":
            faults.clear()
        return JSONResponse({"faults": [fault.model_dump() for fault in faults.active()]})

    return [Route("/standin/faults", endpoint, methods=["GET", "POST", "DELETE"])]


class JsonLines:
    """A memory that outlives the process: one JSON object per line, or none at all without a path."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def append(self, record: dict[str, Any]) -> None:
        if self._path is None:
            return
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def read(self) -> Iterable[dict[str, Any]]:
        """Return all whole records. A last line torn by a kill is passed over: its request never got an answer."""
        if self._path is None or not self._path.exists():
            return
        text = self._path.read_text(encoding="utf-8")
        if text and not text.endswith("\n"):
            with self._path.open("a", encoding="utf-8") as file:
                file.write("\n")
        for line in text.splitlines():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue


# -- Pages --------------------------------------------------------------------------------------------------

_PAGES = Environment(
    loader=PackageLoader("integrations.standins"),
    autoescape=select_autoescape(default=True),
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGES.filters["moment"] = lambda at: f"{at.astimezone(UTC):%d %b %Y, %H:%M:%S} UTC"

# Scripts and foreign sources are switched off: whatever a customer wrote, these pages show it and do nothing.
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def page(template: str, **values: object) -> HTMLResponse:
    return HTMLResponse(_PAGES.get_template(template).render(**values), headers=_PAGE_HEADERS)


async def form(request: Request) -> dict[str, str]:
    """Return the fields of an HTML form, first value each."""
    fields = parse_qs((await request.body())[:BODY_LIMIT].decode(errors="replace"), max_num_fields=20)
    return {name: values[0] for name, values in fields.items()}


def now() -> datetime:
    return datetime.now(UTC)

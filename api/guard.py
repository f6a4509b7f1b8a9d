"""What stands before every endpoint: request ids, tokens, rate limits, and what no request may hold.

It is closed by default. A path that is not named here as open needs a token, so that a new endpoint cannot be
forgotten. Whatever is turned away is on record, without its content.
"""

import asyncio
import logging
import re
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.body_limits import (
    EACH_HOLDERS_BYTES,
    EACH_STRANGERS_BYTES,
    HOLDERS_BYTES,
    MOST_BYTES,
    STRANGERS_BYTES,
    Held,
    Take,
    bounded,
    check_framing,
)  # fmt: skip
from api.measuring import endpoint, method
from api.problems import Problem
from services.knowledge.help_keys import find_key, key_of
from services.log_context import about, of_request
from services.security.auth import Caller, NotAuthenticated, Shown, find_holder, read_token
from services.webhooks.deliveries import Unreadable, Unverified
from store import refusals
from store.database import Database, DatabaseDown
from store.refusals import Stranger

log = logging.getLogger("tierline.api")

OPEN = re.compile(r"/livez|/docs|/webhooks/[^/]*")
"""What needs no token: that the process lives, what the API is, and what is signed by its sender."""
PUBLISHABLE = re.compile(r"/api/v1/answers(/.*)?")
"""Where a publishable key is enough."""
_ESCAPED = re.compile(rb"%(2[fF]|25)")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,100}")
"""What a caller may call its request: it goes into logs, headers and answers, and can mean nothing in any of them."""
TRUSTED_SECONDS = 5.0
"""How long a token that was good counts as good: what is revoked opens nothing more after this, at every process."""
BURST_SECONDS = 10
MOST_TOKENS = 10_000
"""Tokens and buckets that are remembered: more than anybody gives out."""

MOST_STRANGERS = 1_000
"""Ids of tokens that are kept apart until they are counted."""


class Buckets:
    """A token bucket for each key: so many requests a second, after a burst of ten seconds' worth.

    Each process counts for itself: behind three processes a token may make three times as many.
    """

    def __init__(self, rate: float, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._size = max(1.0, rate * BURST_SECONDS)
        self._now = now
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Take one. Returns 0, or the seconds until there is one to take."""
        now = self._now()
        level, since = self._levels.pop(key, (self._size, now))
        level = min(self._size, level + (now - since) * self._rate)
        short = max(0.0, (1 - level) / self._rate)
        self._levels[key] = (level if short else level - 1, now)
        if len(self._levels) > MOST_TOKENS:
            self._levels.popitem(last=False)
        return short


class Record:
    """Puts on record who was turned away."""

    def __init__(self, db: Database, rate: float, now: Callable[[], float] = time.monotonic) -> None:
        """`rate`: requests a second of one token. Those who have none are counted a fifth as often in the database."""
        self._db = db
        self._strangers = Buckets(rate / 5, now)
        self._uncounted: Counter[Stranger] = Counter()

    async def turned_away(self, scope: Scope, problem: Problem, error: Exception) -> None:
        """Log who was turned away, from where, and why: never what was sent, nor the address as it was typed."""
        if problem.status >= 500 or problem.code == "wrong_method":
            return
        caller: Caller | None = scope["state"]["caller"]
        now = datetime.now(UTC)
        channel = "webhook" if scope["path"].startswith("/webhooks/") else "api"
        if caller is None:
            return await self._count(scope, problem, error, channel, now)
        row = {
            "at": now,
            "ticket_id": scope.get("path_params", {}).get("ticket"),
            "command": f"{method(scope)} {endpoint(scope)}",
            "actor_id": caller.actor,
            "role": caller.role.value,
            "code": problem.code,
            "missing": problem.more.get("missing", []),
            "channel": channel,
        }
        try:
            await asyncio.to_thread(self._write, row)
        except DatabaseDown as down:  # the answer is the same, on record or not
            log.warning("turned away, and not put on record (%s): %s", down, problem.code)

    async def _count(self, scope: Scope, problem: Problem, error: Exception, channel: str, now: datetime) -> None:
        """Count a stranger. What is not written at once is written with the next one."""
        # Only a source that is set up can say that a signature is wrong.
        named = isinstance(error, Unverified | Unreadable)
        source = str(scope.get("path_params", {}).get("name", "")) if named else ""
        token = getattr(error, "token_id", None) or ""
        one = Stranger(now.replace(second=0, microsecond=0), channel, source, token, problem.code)
        full = len(self._uncounted) >= MOST_STRANGERS
        self._uncounted[one._replace(token="") if full else one] += 1
        if self._strangers.take(""):
            return
        counted, self._uncounted = self._uncounted, Counter()
        try:
            await asyncio.to_thread(self._add, counted, now)
        except DatabaseDown as down:
            log.warning("turned away, and not counted yet (%s): %s", down, problem.code)
            self._uncounted.update(counted)

    def _add(self, counted: Counter[Stranger], now: datetime) -> None:
        with self._db.begin() as session:
            refusals.count_strangers(session, counted, now)

    def _write(self, row: dict[str, Any]) -> None:
        with self._db.begin() as session:
            refusals.turn_away(session, **row)


class Callers:
    """Who has a token, asked of the database once in a few seconds.

    What is kept is kept by the token's id and a digest of its secret, so that one token has one entry however its
    header is written.
    """

    def __init__(
        self,
        find: Callable[[Shown, datetime], tuple[Caller, datetime]],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`find` asks the database, as `services.security.auth.find_holder`."""
        self._find = find
        self._now = now
        self._known: OrderedDict[Shown, tuple[Caller, datetime, datetime]] = OrderedDict()
        """Each with the instant until which it counts, and the one at which it is dropped; the oldest first."""

    async def of(self, authorization: str | None) -> Caller:
        """Say who asks. Raises NotAuthenticated, DatabaseDown."""
        shown, now = read_token(authorization), self._now()
        self._drop_old(now)
        known = self._known.get(shown)
        if known and now < known[1]:
            return known[0]
        caller, expires_at = await asyncio.to_thread(self._find, shown, now)
        old = now + timedelta(seconds=TRUSTED_SECONDS)
        self._known.pop(shown, None)
        self._known[shown] = (caller, min(old, expires_at), old)
        if len(self._known) > MOST_TOKENS:
            self._known.popitem(last=False)
        return caller

    def _drop_old(self, now: datetime) -> None:
        while self._known and next(iter(self._known.values()))[2] <= now:
            self._known.popitem(last=False)

    def __len__(self) -> int:
        return len(self._known)


def request_id_of(headers: Headers) -> str:
    """Return what the caller calls its request (X-Request-Id); an id of ours where it has none, or none that can be
    written down."""
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex


class Guard:
    """The middleware. It leaves `caller` (on open paths None) and `request_id` in the request's state."""

    def __init__(self, app: ASGIApp, *, db: Database, rate: float, record: Record) -> None:
        """`rate`: requests a second of one token."""
        self._app = app
        self._callers = Callers(partial(find_holder, db))
        self._strangers = Held(STRANGERS_BYTES, each=EACH_STRANGERS_BYTES)
        self._holders = Held(HOLDERS_BYTES, each=EACH_HOLDERS_BYTES)
        self._db = db
        self._buckets = Buckets(rate)
        self._visitors = Buckets(rate / 10)
        self._record = record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        request_id = request_id_of(headers)
        with about(**of_request(request_id, scope["path"], headers)):
            await self._answer(scope, receive, send, request_id)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        scope.setdefault("state", {}).update(request_id=request_id, caller=None, visitor=None)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers.setdefault("Cache-Control", "no-store")
                headers.setdefault("X-Content-Type-Options", "nosniff")
            await send(message)

        _keep_slashes(scope)
        try:
            await self._let_in(scope)
        except (Problem, NotAuthenticated, DatabaseDown) as error:
            problem = Problem.of(error)
            await self._record.turned_away(scope, problem, error)
            await problem.response(scope["path"], request_id)(scope, receive, send_with_id)
        else:
            with self._reading(scope) as take:
                await self._app(scope, bounded(receive, take), send_with_id)

    def _reading(self, scope: Scope) -> AbstractContextManager[Take]:
        """Begin to count the bytes of this request's body."""
        caller: Caller | None = scope["state"]["caller"]
        if caller is not None:
            return self._holders.reading(caller.token_id)
        return self._strangers.reading(scope["client"][0] if scope.get("client") else "")

    async def _let_in(self, scope: Scope) -> None:
        if b"%00" in scope.get("raw_path", b"") or b"%00" in scope["query_string"]:
            raise Problem("unreadable", "an address holds no NUL character: send it without")
        headers = Headers(scope=scope)
        check_framing(headers)
        key = key_of(headers.get("authorization")) if PUBLISHABLE.fullmatch(scope["path"]) else None
        if key:
            scope["state"]["visitor"] = await asyncio.to_thread(find_key, self._db, key, headers.get("origin"))
            client = scope["client"][0] if scope.get("client") else ""
            self._count(self._buckets.take(key) or self._visitors.take(f"{key} {client}"))
        elif not OPEN.fullmatch(scope["path"]):
            caller = await self._callers.of(headers.get("authorization"))
            scope["state"]["caller"] = caller
            self._count(self._buckets.take(caller.token_id))
        if int(headers.get("content-length", 0)) > MOST_BYTES:  # the server has seen that it is a number
            raise Problem("too_large", f"the body is larger than {MOST_BYTES // 1024} KiB")

    @staticmethod
    def _count(seconds: float) -> None:
        if seconds:
            after = str(int(seconds) + 1)
            raise Problem("rate_limited", f"too many requests: again in {after} s", headers={"Retry-After": after})


def _keep_slashes(scope: Scope) -> None:
    """Keep `%2F` and `%25` of an address as they are, so that an id with a slash is one part of it.

    `api.lists` decodes them where an id is read.
    """
    raw: bytes = scope.get("raw_path", b"")
    if _ESCAPED.search(raw):
        scope["path"] = unquote(_ESCAPED.sub(rb"%25\1", raw).decode("ascii"))

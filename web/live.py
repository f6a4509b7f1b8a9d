"""The stream that tells the open pages of a browser what has changed. Each then loads itself again if it shows that.

Server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html. One tab of a browser holds the
stream, and passes on what it is told (`static/live.js`).
"""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from api.problems import Problem
from domain.core.refusal import Refused
from services.reading.changes import Changes, Report, TooMany
from services.security.auth import NotAuthenticated
from services.security.sessions import find_session
from store.database import DatabaseDown
from web.gate import COOKIE, PREFIX

BEAT = 15.0
"""Seconds after which a stream says that nothing has changed, and looks whether its session still lives."""
LOOK = 1.0
"""Seconds after which it looks before it says that something has changed."""


async def stream(request: Request) -> Response:
    """Follow all that changes after `since`: milliseconds, as a page or an earlier report has it. A browser that has
    lost the stream says in a header what it heard last."""
    changes: Changes = request.app.state.changes
    since = request.headers.get("last-event-id") or request.query_params.get("since", "")
    if not (since.isdecimal() and since.isascii() and len(since) < 15):
        raise Refused("malformed", "this is no place to follow from: load the page again")
    await request.body()  # there is none; once it is read, the client may go whenever it likes
    followed = changes.follow(int(since), BEAT)
    try:
        first = await anext(followed)
    except TooMany:
        headers = {"Retry-After": "5"}
        raise Problem("unavailable", "too many browsers follow: again in 5 s", headers=headers) from None
    return StreamingResponse(
        _events(request, changes, first, followed),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _events(
    request: Request, changes: Changes, first: Report, followed: AsyncIterator[Report]
) -> AsyncIterator[bytes]:
    """Send each report; end when the session ends, or when this process stops. The browser then asks again."""
    now = asyncio.get_running_loop().time
    yield b"retry: 2000\n\n" + _event(first)
    looked = now()
    try:
        async for report in followed:
            if now() - looked >= (BEAT if report.topics == {} else LOOK):
                if not await _lives(request):
                    return
                looked = now()
            # Without a look at the database nobody knows that nothing has changed: then nothing is said.
            yield _event(report) if report.topics != {} or changes.is_fresh else b": waiting\n\n"
    finally:
        await followed.aclose()  # type: ignore[attr-defined]  # an async generator's


def _event(report: Report) -> bytes:
    return f"event: report\nid: {report.upto}\ndata: {json.dumps(report._asdict(), separators=(',', ':'))}\n\n".encode()


async def _lives(request: Request) -> bool:
    try:
        await asyncio.to_thread(
            find_session, request.app.state.parts.db, request.cookies.get(COOKIE), datetime.now(UTC)
        )
    except NotAuthenticated:
        return False
    except DatabaseDown:
        return True
    return True


ROUTES = [Route(f"{PREFIX}/live", stream, methods=["GET"])]

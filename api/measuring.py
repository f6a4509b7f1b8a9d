"""How much is asked of the API, and how it answers: counted by endpoint, never by who asks or what for."""

import logging
import time
from datetime import timedelta

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from temporalio.common import MetricMeter

from services.log_context import of_request

log = logging.getLogger("tierline.requests")


class Measured:
    """Middleware: counts requests, and how long their answers took."""

    def __init__(self, app: ASGIApp, *, meter: MetricMeter, log_requests: bool = False) -> None:
        """`log_requests`: log a line for each request, by its id."""
        self._app = app
        self._log_requests = log_requests
        self._requests = meter.create_counter("tierline_api_requests", "Requests by endpoint, method and status.")
        self._seconds = meter.create_histogram_timedelta("tierline_api_request_duration", "How long an answer took.")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        status = 500

        async def send_and_look(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.monotonic()
        try:
            await self._app(scope, receive, send_and_look)
        finally:
            where = {
                "endpoint": endpoint(scope),
                "method": method(scope),
            }
            took = time.monotonic() - began
            self._seconds.record(timedelta(seconds=took), where)
            self._requests.add(1, where | {"status": str(status)})
            if self._log_requests:
                request_id = scope.get("state", {}).get("request_id", "-")
                ids = of_request(request_id, scope["path"], Headers(scope=scope))
                fields = {**where, **ids, "status": status, "seconds": round(took, 6)}
                line = (request_id, where["method"], where["endpoint"], status, took)
                log.info("%s %s %s %d %.3f s", *line, extra=fields)


_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
"""Anybody may send any word: each would be a series of its own."""


def method(scope: Scope) -> str:
    """Return the method of a request, where it is one that anybody serves."""
    return str(scope["method"]) if scope["method"] in _METHODS else "other"


def endpoint(scope: Scope) -> str:
    """Return the endpoint's address with its parameters by name, as it is declared; all that is none together."""
    path = getattr(scope.get("route"), "path", "")
    return f"{scope.get('root_path', '')}{path}" if path else "none"

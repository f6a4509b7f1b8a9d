"""A span for each request: by its endpoint, never by its address, its query or who asks."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.measuring import endpoint, method
from integrations.tracing.port import span

UNTRACED = frozenset({"/livez", "/readyz"})
"""What is asked every few seconds by whoever watches the process."""


class Traced:
    """Middleware: goes on with the trace that the request names in `traceparent`, or begins one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in UNTRACED:
            return await self._app(scope, receive, send)
        parent = Headers(scope=scope).get("traceparent")
        with span(method(scope), "server", {"http.request.method": method(scope)}, parent=parent) as found:

            async def send_and_look(message: Message) -> None:
                if message["type"] == "http.response.start":
                    found.add({"http.response.status_code": message["status"]})
                    if message["status"] >= 500:
                        found.fail(str(message["status"]))
                await send(message)

            try:
                await self._app(scope, receive, send_and_look)
            finally:
                found.rename(f"{method(scope)} {endpoint(scope)}")
                found.add({"http.route": endpoint(scope)})

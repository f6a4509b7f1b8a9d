"""The API's connections: how long one may say nothing, and how many there may be.

Nobody needs a token to connect, so everything here is bounded before a token is looked at. A connection is *waiting*
while the client owes a request: it is new, or its last request was answered. Waiting connections cost the client
nothing, so they are what is closed when there are too many; a request under way is never cut off for another one.
"""

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass
from typing import Any

import h11
import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.h11_impl import H11Protocol

log = logging.getLogger("tierline.api")


@dataclass(frozen=True)
class Limits:
    """What a client may take up. Seconds are real seconds."""

    header_seconds: float = 10.0
    """From the connection, or from the first byte of a later request, to the end of that request's header."""
    body_seconds: float = 30.0
    """From the end of the header to the end of the body."""
    most: int = 900
    """Connections at once: one more, and the connection that has waited longest is closed."""
    most_of_one_address: int = 200
    """The same for one client address. It does not count for the proxies in TIERLINE_API_PROXIES, behind which every
    client has the proxy's address."""
    most_requests: int = 1000
    """Requests and connections at once: one more is answered 503. Only requests under way can bring it to that."""


class Connections:
    """All connections of one server."""

    def __init__(self, limits: Limits, proxies: str) -> None:
        """`proxies` is TIERLINE_API_PROXIES: addresses and networks, separated by commas."""
        self.limits = limits
        # The list is read by the class that also decides whose X-Forwarded-For is believed.
        self._proxies = ProxyHeadersMiddleware(_nothing, trusted_hosts=proxies).trusted_hosts
        self._open: dict[Connection, str] = {}
        self._of_address: Counter[str] = Counter()
        self._waiting: dict[Connection, None] = {}
        """Those that owe us a request; the one that has waited longest comes first."""

    def opened(self, connection: "Connection", address: str) -> bool:
        """Take a new connection in; close a waiting one where there are too many. False: its address has no room."""
        room = True
        if address not in self._proxies and self._of_address[address] >= self.limits.most_of_one_address:
            room = self._close_waiting(address)
        elif len(self._open) >= self.limits.most:
            self._close_waiting()  # where none waits, the new one is let in, and its request answered 503 in the end
        if room:
            self._open[connection] = address
            self._of_address[address] += 1
            self._waiting[connection] = None
        return room

    def waits(self, connection: "Connection") -> None:
        """Note that the connection's request was answered, and that it waits for another."""
        if connection in self._open:
            self._waiting[connection] = None

    def busy(self, connection: "Connection") -> None:
        """Note that a request has come by this connection."""
        self._waiting.pop(connection, None)

    def closed(self, connection: "Connection") -> None:
        """Forget a connection. Safe to call twice."""
        self._waiting.pop(connection, None)
        address = self._open.pop(connection, None)
        if address is not None:
            self._of_address[address] -= 1
            if not self._of_address[address]:
                del self._of_address[address]

    def _close_waiting(self, address: str | None = None) -> bool:
        for connection in self._waiting:
            if address is None or self._open[connection] == address:
                connection.end("there are too many, and it has waited longest")
                return True
        return False


async def _nothing(*_: Any) -> None:
    """Do nothing: an application for the class that reads the list of proxies, which needs one."""


class Config(uvicorn.Config):
    """uvicorn's configuration, with the connections of the server that it is for."""

    def __init__(self, app: Any, connections: Connections, **more: Any) -> None:
        super().__init__(
            app,
            http=Connection,
            ws="none",
            limit_concurrency=connections.limits.most_requests,
            **more,
        )
        self.api_connections = connections


class Connection(H11Protocol):
    """One connection, closed by us when its client owes us the rest of a request for too long."""

    config: Config

    def __init__(self, config: Config, *args: Any, **more: Any) -> None:
        super().__init__(config, *args, **more)
        self._all = config.api_connections
        self._owed: str | None = None
        """What the client owes: "header", "body" or nothing."""
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._all.opened(self, self.client[0] if self.client else ""):
            self._look()
        else:
            self.end("its address has too many")

    def connection_lost(self, exc: Exception | None) -> None:
        self._owes(None)
        self._all.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def end(self, why: str) -> None:
        """Close the connection. A request whose body is not complete is told that its client is gone."""
        log.debug("a connection of %s is closed: %s", self.client[0] if self.client else "nobody", why)
        self._owes(None)
        self._all.closed(self)
        self.transport.close()

    def _look(self) -> None:
        """See what the client owes now, and by when."""
        if self.transport.is_closing():
            return self._owes(None)
        theirs = self.conn.their_state
        if theirs is h11.SEND_BODY:
            self._all.busy(self)
            return self._owes("body")
        if theirs is not h11.IDLE:
            self._all.busy(self)
            return self._owes(None)
        self._all.waits(self)
        answered = self.cycle is not None
        begun = bool(self.conn.trailing_data[0])
        return self._owes("header" if begun or not answered else None)  # uvicorn bounds the time between two requests

    def _owes(self, what: str | None) -> None:
        """Begin to count when the client begins to owe something, not with each byte of it."""
        if what == self._owed:
            return
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._owed = what
        if what is not None:
            self._count(what)

    def _count(self, what: str) -> None:
        limits = self._all.limits
        seconds = limits.header_seconds if what == "header" else limits.body_seconds
        self._deadline = self.loop.call_later(seconds, self._too_late, what)

    def _too_late(self, what: str) -> None:
        if self.flow.read_paused:  # it is we who have not taken what was sent
            self._count(what)
        else:
            self.end(f"its {what} was not complete in time")

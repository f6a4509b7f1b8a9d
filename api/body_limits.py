"""How much of requests' bodies is held in memory, and what else is looked at before a body is read."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from api.problems import Problem

MOST_BYTES = 2_097_152
"""Of a body: a command's longest texts in any spelling, and what other systems send when they send all they know."""
STRANGERS_BYTES, EACH_STRANGERS_BYTES = 33_554_432, 8_388_608
"""Of the bodies of all webhooks that are not answered yet, and of those from one address: they are read before their
signatures can be checked."""
HOLDERS_BYTES, EACH_HOLDERS_BYTES = 33_554_432, 16_777_216
"""The same for requests with a good token, and for those with one and the same."""
GONE = 499
"""The status of a request whose client has gone before the body was complete: seen in the metrics only."""

Take = Callable[[int], bool]
"""Counts so many more bytes of one body; False: there is no room for them."""


class ClientGone(HTTPException):
    """The client closed the connection, or had it closed for being slow, before its body was complete."""

    def __init__(self) -> None:
        super().__init__(GONE)


class Held:
    """How many bytes of bodies are in memory at once: of all senders, and of each."""

    def __init__(self, most: int, *, each: int) -> None:
        self._most = most
        self._each = each
        self._of: Counter[str] = Counter()
        self._all = 0

    @contextmanager
    def reading(self, sender: str) -> Iterator[Take]:
        """Count the bytes of one body until the block ends. Bounded by how many requests there are at once."""
        taken = 0

        def take(size: int) -> bool:
            nonlocal taken
            if self._all + size > self._most or self._of[sender] + size > self._each:
                return False
            self._all += size
            self._of[sender] += size
            taken += size
            return True

        try:
            yield take
        finally:
            self._all -= taken
            self._of[sender] -= taken
            if not self._of[sender]:
                del self._of[sender]


def bounded(receive: Receive, take: Take) -> Receive:
    """Return the body as it comes, up to the limit: what does not say its length is stopped on the way.

    Raises HTTPException, since the framework takes any other error for one of the body's content.
    """
    left = MOST_BYTES
    complete = False

    async def receive_bounded() -> Message:
        nonlocal left, complete
        message = await receive()
        if message["type"] == "http.disconnect" and not complete:
            raise ClientGone
        complete = complete or not message.get("more_body", False)
        size = len(message.get("body", b""))
        left -= size
        if left < 0:
            raise HTTPException(413)
        if not take(size):
            raise HTTPException(503, "too much is being read at once: send it again", {"Retry-After": "5"})
        return message

    return receive_bounded


def check_framing(headers: Headers) -> None:
    """Refuse a request that says its body's length in two ways (RFC 9112, 6.1): a proxy may have believed the other.

    Raises Problem, whose answer closes the connection.
    """
    if "transfer-encoding" in headers and "content-length" in headers:
        why = "a request has Transfer-Encoding or Content-Length, not both"
        raise Problem("unreadable", why, headers={"Connection": "close"})

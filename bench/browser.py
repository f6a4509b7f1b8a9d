"""A browser at the desk, as little of one as can be, so that it takes little of the machine that it measures."""

import asyncio
import json
import re
import time
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import uuid4


class Answer(NamedTuple):
    """An answer, as a browser gets it."""

    status: int
    headers: Mapping[str, str]
    size: int
    """Bytes of head and body on the wire."""
    sent: bytes
    """The body as it was sent."""
    seconds: float

    @property
    def body(self) -> bytes:
        """Return the body, read only where somebody looks at it: the machine that makes the load is the one that is
        measured."""
        return zlib.decompress(self.sent, 31) if self.headers.get("content-encoding") == "gzip" else self.sent


class Connection:
    """One connection, kept open: as little of a browser as can be, so that it takes little of the machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._out: asyncio.StreamWriter | None = None

    async def ask(self, method: str, path: str, cookie: str = "", form: Mapping[str, str] | None = None) -> Answer:
        new = self._out is None
        if self._out is None:
            self._in, self._out = await asyncio.open_connection("127.0.0.1", self._port, limit=2**20)
        data = urlencode(form or {}).encode() if form is not None else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\nCookie: {cookie}\r\n"
        if form is not None:
            head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(data)}\r\n"
        began = time.perf_counter()
        self._out.write(head.encode() + b"\r\n" + data)
        try:
            raw = await self._in.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionResetError):  # the server ends connections that were not used
            if new:
                raise
            self.close()
            self._out = None
            return await self.ask(method, path, cookie, form)
        status, *lines = raw.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        body = await self._in.readexactly(int(headers.get("content-length", 0)))
        took = time.perf_counter() - began
        return Answer(int(status.split(" ", 2)[1]), headers, len(raw) + len(body), body, took)

    async def follow(self, since: int, cookie: str) -> AsyncIterator[dict[str, Any]]:
        """Yield what each report of the desk's stream says has changed, by topic; nothing of it first."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**20)
        try:
            head = f"GET /desk/live?since={since} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n"
            writer.write(head.encode())
            yield {}
            while line := await reader.readline():
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])["topics"] or {}
        finally:
            writer.close()

    def close(self) -> None:
        if self._out is not None:
            self._out.close()


class Person:
    """Somebody who is signed in, with as many connections as are busy at once."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._token = token
        self._free: list[Connection] = []
        self.cookie = ""
        self.csrf = ""

    async def sign_in(self) -> None:
        answer = await self.ask("POST", "/desk/sign-in", {"token": self._token, "zone": "Europe/Vienna"})
        assert answer.status == 303, answer.status
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        found = re.search(rb'name="csrf" value="([0-9a-f]+)"', (await self.ask("GET", "/desk/queue")).body)
        assert found
        self.csrf = found[1].decode()

    async def ask(self, method: str, path: str, form: Mapping[str, str] | None = None) -> Answer:
        line = self._free.pop() if self._free else Connection(self._port)
        answer = await line.ask(method, path, self.cookie, form)
        self._free.append(line)
        return answer

    async def give(self, ticket: str, command: str, **fields: str) -> Answer:
        """Give a command by its form, and get the answer of the form: not the page after it."""
        form = {"csrf": self.csrf, "once": uuid4().hex, **fields}
        return await self.ask("POST", f"/desk/tickets/{ticket}/{command}", form)

    def follow(self) -> AsyncIterator[dict[str, Any]]:
        return Connection(self._port).follow(int(time.time() * 1000), self.cookie)

    def close(self) -> None:
        for line in self._free:
            line.close()

"""What nobody needs a token for is bounded: connections that say nothing, bodies that never end, clients that go."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
import requests

import api.guard
import workers.api
from integrations.standard_webhooks import headers_for
from tests.support.served_api import Api, an_api
from tests.support.shop import SECRET, Shop
from tests.support.waiting import PATIENCE, until
from workers.connections import Limits
from workers.embedded import free_port

PATIENT = Limits(header_seconds=600, body_seconds=600)
"""For tests in which no deadline is to come."""
IN_TIME = 3.0
"""Seconds for a header that comes in time, on a machine that is busy."""
BOUND = PATIENCE
"""Seconds until a test fails: nothing here takes more than a moment, unless the machine is busy."""
LIVEZ = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
NOWHERE = "127.0.0.1:1"


class Line:
    """A connection, written and read by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def say(self, *what: bytes) -> None:
        self.writer.write(b"".join(what))
        await self.writer.drain()

    async def begin(self, head: bytes) -> None:
        """Send a header, and wait until the API has begun to read the body: from now on the request is under way."""
        await self.say(head[:-2], b"Expect: 100-continue\r\n\r\n")
        async with asyncio.timeout(BOUND):
            assert b" 100 " in await self.reader.readuntil(b"\r\n\r\n")

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The next answer: its status, headers in lower case, and body."""
        async with asyncio.timeout(BOUND):
            first, *rest = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest if line)}
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(first.split()[1]), headers, body

    async def ended(self) -> bool:
        """Whether the API closes the connection, without a word."""
        async with asyncio.timeout(BOUND):
            try:
                return await self.reader.read() == b""
            except ConnectionResetError:
                return True

    async def dripped(self, drop: bytes) -> bool:
        """Send the same again and again, until the connection is closed."""
        async with asyncio.timeout(BOUND):
            while True:
                try:
                    await self.say(drop)
                    async with asyncio.timeout(0.02):  # the pace of a slow client
                        return await self.reader.read(1) == b""
                except TimeoutError:
                    continue
                except ConnectionError:
                    return True


@asynccontextmanager
async def lines(api: Api, source: str = "127.0.0.1") -> AsyncIterator[Callable[[], Any]]:
    """Makes connections to the API from an address of this machine, and closes them at the end."""
    there, made = urlsplit(api.url), []

    async def connect() -> Line:
        made.append(
            Line(*await asyncio.open_connection(there.hostname, there.port, local_addr=(source, 0)))  # type: ignore[arg-type]
        )
        return made[-1]

    try:
        yield connect
    finally:
        for line in made:
            line.writer.transport.abort()


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest_asyncio.fixture(loop_scope="session")
async def serve(database_url: str, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Callable[[Limits], Any]:
    """An API with limits of the test's own, which receives from the shop."""
    monkeypatch.setattr(workers.api, "hooks", lambda *_: [shop])
    return lambda limits, **more: an_api(database_url, NOWHERE, limits=limits, **more)


def delivery(text: str, name: str = "d-1") -> tuple[bytes, bytes]:
    """A signed delivery: its header, and its body."""
    body = json.dumps({"about": "a", "text": text}).encode()
    signed = headers_for(SECRET, name, datetime.now(UTC), body)
    head = [f"POST /webhooks/shop HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"]
    head += [f"{key}: {value}\r\n" for key, value in signed.items()]
    return "".join([*head, "\r\n"]).encode(), body


def test_a_header_has_ten_seconds_and_a_body_thirty() -> None:
    limits = Limits()
    assert (limits.header_seconds, limits.body_seconds) == (10, 30)
    assert limits.most_of_one_address < limits.most < limits.most_requests
    assert limits == workers.api.BOUNDS


async def test_a_connection_without_a_header_is_closed_however_it_is_spun_out(serve: Any) -> None:
    async with serve(replace(PATIENT, header_seconds=0.3)) as api, lines(api) as connect:
        silent, begun, dripping = await connect(), await connect(), await connect()
        await begun.say(b"GET /livez HTTP/1.1\r\n")
        await dripping.say(b"GET /livez HTTP/1.1\r\nX: ")
        assert await asyncio.gather(silent.ended(), begun.ended(), dripping.dripped(b"x")) == [True] * 3


async def test_the_next_request_of_a_connection_has_as_long_for_its_header(serve: Any) -> None:
    async with serve(replace(PATIENT, header_seconds=IN_TIME)) as api, lines(api) as connect:
        one, pipelined = await connect(), await connect()
        await one.say(LIVEZ)
        assert (await one.answer())[0] == 200
        await one.say(b"GET")
        await pipelined.say(LIVEZ, b"GET")
        assert (await pipelined.answer())[0] == 200
        assert await asyncio.gather(one.ended(), pipelined.ended()) == [True, True]


async def test_a_connection_that_waits_between_two_requests_is_left_open(serve: Any) -> None:
    async with serve(replace(PATIENT, header_seconds=IN_TIME)) as api, lines(api) as connect:
        kept = await connect()
        await kept.say(LIVEZ)
        await kept.answer()
        assert await (await connect()).ended()  # by now a header would be late
        await kept.say(LIVEZ)
        assert (await kept.answer())[0] == 200


async def test_a_body_that_does_not_end_is_closed_and_is_no_bug(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with serve(replace(PATIENT, body_seconds=0.3)) as api, lines(api) as connect:
        held, dripping = await connect(), await connect()
        head, body = delivery("x" * 90_000)
        await held.say(head, body[:1000])
        await dripping.say(head, body[:1000])
        assert await asyncio.gather(held.ended(), dripping.dripped(b"x")) == [True, True]
        chunked = await connect()
        await chunked.say(head.replace(b"Content-Length: ", b"Transfer-Encoding: chunked\r\nX: "), b"4\r\nabcd\r\n")
        assert await chunked.ended()
    assert caplog.records == []


async def test_a_body_that_nobody_reads_is_closed_as_well(serve: Any) -> None:
    """A refusal is answered before the body is there; the rest of it must not be waited for without end."""
    async with serve(replace(PATIENT, body_seconds=0.3)) as api, lines(api) as connect:
        line = await connect()
        await line.say(b"POST /api/v1/tickets HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        assert (await line.answer())[0] == 401
        assert await line.dripped(b"x")


async def test_any_number_of_silent_connections_leaves_the_api_answering(serve: Any) -> None:
    """They come from the proxy's own address, for which no bound of one address counts."""
    async with serve(replace(PATIENT, most=20, most_requests=22)) as api, lines(api) as connect:
        under_way = await connect()
        head, body = delivery("slow")
        await under_way.begin(head)
        kept = await connect()
        await kept.say(LIVEZ)
        await kept.answer()
        silent = [await connect() for _ in range(60)]
        answered = await connect()
        await answered.say(LIVEZ)
        assert (await answered.answer())[0] == 200
        assert await kept.ended()
        assert await asyncio.gather(*(line.ended() for line in silent[:40])) == [True] * 40
        await under_way.say(body)
        assert (await under_way.answer())[0] == 202


async def test_where_every_connection_has_a_request_under_way_one_more_is_told_to_come_again(serve: Any) -> None:
    async with serve(replace(PATIENT, most=3, most_requests=5)) as api, lines(api) as connect:
        head, body = delivery("slow")
        busy = []
        for _ in range(4):
            busy.append(await connect())
            await busy[-1].begin(head)
        refused = await connect()
        await refused.say(LIVEZ)
        assert (await refused.answer())[0] == 503
        for line in busy:
            await line.say(body)
            assert (await line.answer())[0] == 202


async def test_one_address_has_room_for_so_many_and_others_are_served(serve: Any) -> None:
    limits = replace(PATIENT, most_of_one_address=4)
    async with (
        serve(limits, TIERLINE_API_PROXIES="10.1.2.3") as api,
        lines(api) as connect,
        lines(api, "127.0.0.2") as elsewhere,
    ):
        busy = [await connect() for _ in range(3)]
        head, body = delivery("slow")
        for line in busy:
            await line.begin(head)
        waiting, other = await connect(), await elsewhere()
        fifth = await connect()
        assert await waiting.ended()  # it made room
        await fifth.begin(head)
        assert await (await connect()).ended()  # now all are busy: this one is not let in
        await other.say(LIVEZ)
        assert (await other.answer())[0] == 200
        await busy[0].say(body)
        assert (await busy[0].answer())[0] == 202


async def test_a_proxys_own_address_has_no_bound(serve: Any) -> None:
    limits = replace(PATIENT, most_of_one_address=2)
    async with serve(limits, TIERLINE_API_PROXIES="10.1.2.3, 127.0.0.0/8") as api, lines(api) as connect:
        many = [await connect() for _ in range(6)]
        for line in many:
            await line.say(LIVEZ)
        assert [(await line.answer())[0] for line in many] == [200] * 6


async def test_a_client_that_goes_is_no_bug_and_is_counted_as_gone(
    serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    port = free_port()
    async with serve(PATIENT, TIERLINE_METRICS=f"127.0.0.1:{port}") as api, lines(api) as connect:
        head, body = delivery("x")
        requests_of = [
            head + body[:1],
            b"POST /codec/sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nt",
        ]
        for said in requests_of * 5:
            line = await connect()
            await line.say(said)
            line.writer.close()

        def counted() -> list[str]:
            text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=BOUND).text
            return [line for line in text.splitlines() if line.startswith("tierline_api_requests_total")]

        async def ten() -> bool:
            return sum(float(line.rpartition(" ")[2]) for line in await asyncio.to_thread(counted)) >= 10

        await until(ten)
        assert all('status="499"' in line for line in counted())
        assert api.refusals() == []
    assert caplog.records == []


async def test_a_length_that_is_said_twice_is_refused_and_the_connection_closed(serve: Any) -> None:
    async with serve(PATIENT) as api, lines(api) as connect:
        for path in ("/webhooks/shop", "/api/v1/tickets", "/livez"):
            line = await connect()
            await line.say(
                f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n".encode(),
                b"0\r\n\r\n",
            )
            status, headers, body = await line.answer()
            assert (status, headers["connection"]) == (400, "close")
            assert json.loads(body)["type"] == "urn:tierline:unreadable"
            assert await line.ended()


async def test_what_a_webhook_lacks_or_has_too_much_of_is_said_before_its_body_is_read(serve: Any) -> None:
    async with serve(PATIENT) as api, lines(api) as connect:
        head, _ = delivery("x" * 50_000)
        for lost, status in (
            (b"webhook-id", 401),
            (b"webhook-timestamp", 401),
            (b"webhook-signature", 401),
            (b"/webhooks/shop", 404),
        ):
            line = await connect()
            await line.say(head.replace(lost, b"/webhooks/x" if status == 404 else b"x"))
            answered, _, body = await line.answer()
            assert answered == status, body
            assert status == 404 or lost.decode() in json.loads(body)["detail"]
            assert "token" not in json.loads(body)["title"].lower()
        line = await connect()
        await line.say(delivery("x" * 150_000)[0])
        assert (await line.answer())[0] == 413
        line = await connect()
        await line.say(head.replace(b"Content-Length: ", b"Transfer-Encoding: chunked\r\nX: "))
        for _ in range(4):
            await line.say(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
        assert (await line.answer())[0] == 413


async def test_the_bodies_of_all_strangers_have_so_much_room_and_what_is_finished_gives_it_back(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.guard, "STRANGERS_BYTES", 120_000)
    async with serve(PATIENT) as served, lines(served) as connect:
        sent = [(await connect(), *delivery(letter * 90_000, f"d-{letter}")) for letter in "xy"]
        for line, head, body in sent:
            await line.say(head, body[:80_000])
        answers = {asyncio.create_task(line.answer()): (line, body) for line, _, body in sent}
        (refused,), (held,) = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
        status, headers, _ = refused.result()
        assert (status, headers["retry-after"]) == (503, "5")
        line, body = answers[held]
        await line.say(body[80_000:])
        assert (await held)[0] == 202
        again = await connect()
        await again.say(*delivery("z" * 90_000, "d-z"))
        assert (await again.answer())[0] == 202

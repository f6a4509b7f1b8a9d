"""What an answer means, whoever gave it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from integrations import calls
from integrations.calls import (
    Failure,
    RateLimited,
    Rejected,
    Unauthorized,
    Unknown,
    fetch,
    of_answer,
    post,
    reason_in,
)
from integrations.standins.run import served


def answered(status: int, **headers: str) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return response


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (302, Rejected),
        (400, Rejected),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, Rejected),
        (408, Unknown),
        (409, Rejected),
        (413, Rejected),
        (422, Rejected),
        (429, RateLimited),
        (500, Unknown),
        (502, Unknown),
        (503, Unknown),
        (504, Unknown),
    ],
)
def test_only_a_definite_no_counts_as_nothing_done(status: int, meaning: type[Failure]) -> None:
    assert type(of_answer("Jira", answered(status))) is meaning


def test_retry_after_comes_as_seconds_or_as_a_date_and_is_bounded() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=120), usegmt=True)

    waits = [
        of_answer("Jira", answered(429, Retry_After=value)).retry_after
        for value in ("17", "999999999", "soon", "", "-5", "\u00b2", "Sat, 01 Jan 2000 00:00:00 GMT", date)
    ]

    assert waits[:7] == [17.0, 3600.0, None, None, None, None, 0.0]
    assert 60 < (waits[7] or 0) <= 120


def test_a_gateways_retry_after_does_not_make_the_outcome_known() -> None:
    failure = of_answer("Jira", answered(503, Retry_After="9"))

    assert type(failure) is Unknown
    assert failure.retry_after == 9.0


def test_the_other_sides_words_are_bounded_and_on_one_line() -> None:
    failure = of_answer("Jira", answered(400), detail="no\x1b[31m\n" * 1000)

    assert len(str(failure)) == 500
    assert "\n" not in str(failure)
    assert "\x1b" not in str(failure)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            {"error": "RecordInvalid", "description": "Record validation errors",
             "details": {"base": [{"description": "Cause: is required", "error": None}]}},
            "Cause: is required; Record validation errors; RecordInvalid",
        ),
        ({"status": "invalid event", "message": "Event object is invalid", "errors": ["'source' is missing"]},
         "'source' is missing; Event object is invalid"),
        ({"error": {"message": "Not Found", "code": 2100, "errors": ["No such incident"]}},
         "No such incident; Not Found"),
        ({"errorMessages": [], "errors": {"priority": "cannot be set"}}, "priority: cannot be set"),
        (b"invalid_token", "invalid_token"),
        (b"<html><title>502</title></html>", ""),
        (b"", ""),
        ([], ""),
        (b"[" * 20_000, ""),
        ({"error": {"error": {"error": {"error": {"error": {"error": {"error": "too deep"}}}}}}}, ""),
    ],
)  # fmt: skip
def test_a_refusal_is_quoted_in_the_vendors_words(body: object, reason: str) -> None:
    assert reason_in(body if isinstance(body, bytes) else json.dumps(body).encode()) == reason


def test_a_quoted_reason_holds_no_secret_no_address_and_no_second_line() -> None:
    said = "Invalid key R0123456789ABCDEF0123456789ABCDEF of\nada@example.com " + "x " * 1000
    reason = reason_in(json.dumps({"message": said}).encode())
    assert reason.startswith("Invalid key [...] of [e-mail address removed]")
    assert len(reason) <= 300
    assert "\n" not in reason


def test_a_refusal_is_read_no_further_than_it_is_quoted() -> None:
    """Over a real socket, from a server that hardly stops explaining."""

    async def explain(request: Request) -> Response:
        async def words() -> AsyncIterator[bytes]:
            yield b"no, "
            for _ in range(10_000):
                yield b"and no, " * 1000

        return StreamingResponse(words(), 400)

    with served(Starlette(routes=[Route("/", explain, methods=["POST"])])) as url, pytest.raises(Rejected) as refused:
        post("Somebody", url, b"{}", {}, (5, 30))
    assert str(refused.value).startswith("Somebody answered 400: no,")


@pytest.fixture
def door() -> Iterator[tuple[str, list[tuple[int, str | None]]]]:
    """A server that gives everybody a cookie, and what it saw: the port of each caller, and the cookie that it sent."""
    seen: list[tuple[int, str | None]] = []

    async def answer(request: Request) -> Response:
        assert request.client is not None
        seen.append((request.client.port, request.headers.get("cookie")))
        return Response("no" if "bad" in request.url.query else "yes", 400 if "bad" in request.url.query else 200,
                        headers={"Set-Cookie": "session=4711"})  # fmt: skip

    with served(Starlette(routes=[Route("/", answer, methods=["POST"])])) as url:
        yield url, seen


def knock(url: str) -> None:
    post("Somebody", url, b"{}", {}, (5, 30))


def test_calls_of_one_thread_that_follow_each_other_share_a_connection_and_no_cookie(
    door: tuple[str, list[tuple[int, str | None]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, seen = door
    monkeypatch.setattr(calls, "_KEPT", 300.0)

    knock(url)
    knock(url)
    with pytest.raises(Rejected):
        knock(f"{url}?bad")
    with ThreadPoolExecutor(1) as other:
        other.submit(knock, url).result()

    ports = [port for port, _ in seen]
    assert ports[0] == ports[1] == ports[2] != ports[3]
    assert {cookie for _, cookie in seen} == {None}


def test_after_a_pause_a_thread_connects_anew(
    door: tuple[str, list[tuple[int, str | None]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, seen = door
    monkeypatch.setattr(calls, "_KEPT", -1.0)

    knock(url)
    knock(url)

    assert seen[0][0] != seen[1][0]


async def _endless(_: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.01)  # the server's pace; and where it is stopped

    return StreamingResponse(parts())


def test_an_answer_may_be_bounded_in_size_and_in_time() -> None:
    """The other side sends for ever, and each of its bytes comes in time."""

    async def small(_: Request) -> Response:
        return Response(b"x" * 100)

    app = Starlette(routes=[Route("/endless", _endless), Route("/small", small)])
    with served(app) as url:
        assert fetch("It", "GET", f"{url}/small", None, {}, (3.0, 5.0), most=100, within=60.0) == b"x" * 100
        with pytest.raises(Unknown, match="more than 99 bytes"):
            fetch("It", "GET", f"{url}/small", None, {}, (3.0, 5.0), most=99, within=60.0)
        with pytest.raises(Unknown, match="more than 50 bytes"):
            fetch("It", "GET", f"{url}/endless", None, {}, (3.0, 5.0), most=50, within=60.0)
        with pytest.raises(Unknown, match="did not answer in time"):
            fetch("It", "GET", f"{url}/endless", None, {}, (3.0, 5.0), most=2**20, within=0.2)

"""What an answer means, whoever gave it."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from integrations.calls import Failure, RateLimited, Rejected, Unauthorized, Unknown, of_answer, post, reason_in
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

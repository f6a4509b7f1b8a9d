"""What the API logs of requests: a line for each if a setting asks for it, and one line of what is no HTTP."""

import logging
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from urllib.parse import urlsplit

import pytest

from tests.support.served_api import Api
from tests.support.waiting import until

NOWHERE = "127.0.0.1:1"
Serve = Callable[..., AbstractAsyncContextManager[Api]]


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "tierline.requests"]


@pytest.mark.parametrize("asked", [True, False])
async def test_a_request_is_one_line_with_its_id_if_the_setting_asks_for_it(
    serve: Serve, database_url: str, caplog: pytest.LogCaptureFixture, asked: bool
) -> None:
    caplog.set_level(logging.INFO, "tierline")
    settings = {"TIERLINE_API_LOG_REQUESTS": "true"} if asked else {}
    async with serve(database_url, NOWHERE, **settings) as api:
        await api.get("/api/v1/accounts/jane.doe@example.com/tickets", headers={"X-Request-Id": "shop-7"})
        await api.get("/api/v1/queue", role=None, headers={"X-Request-Id": "shop-8"})
    begun = [line.rpartition(" ")[0].rpartition(" ")[0] for line in lines(caplog)]
    assert begun == (["shop-7 GET /api/v1/accounts/{account}/tickets 200", "shop-8 GET none 401"] if asked else [])


async def test_what_is_no_http_is_one_line_without_a_traceback(
    serve: Serve, database_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("uvicorn", "uvicorn.error"):  # a stand-in of another test may have kept its lines to itself
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    caplog.set_level(logging.INFO, "uvicorn.error")
    async with serve(database_url, NOWHERE) as api:
        address = urlsplit(api.url)
        assert address.hostname
        with socket.create_connection((address.hostname, address.port or 0), timeout=60) as client:
            client.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")

            async def logged() -> list[logging.LogRecord]:
                return [record for record in caplog.records if "Invalid HTTP request" in record.getMessage()]

            records = await until(logged)
    assert [record.exc_info for record in records if record.exc_info] == []
    assert {record.getMessage() for record in records} == {"Invalid HTTP request received."}

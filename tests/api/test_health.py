"""Whether it lives, whether everything does its part, and who may call from a page."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest
import requests
from sqlalchemy import delete
from temporalio.client import Client

from domain.core.enums import Role
from services import health
from store import reconciliation
from store.tables.integrations import ReconciliationRow
from tests.support.served_api import Api
from tests.support.waiting import until
from workflows import ports

Serve = Callable[..., AbstractAsyncContextManager[Api]]


def ill(response: object) -> list[str]:
    return [check["name"] for check in response.json()["checks"] if not check["ok"]]  # type: ignore[attr-defined]


async def until_ready(api: Api) -> requests.Response:
    """Its answer once it is ready: workers that have just begun ask for work a moment later."""

    async def ready() -> requests.Response | None:
        answer = await api.get("/readyz")
        return answer if answer.status_code == 200 else None

    answer: requests.Response = await until(ready)
    return answer


async def test_it_is_ready_when_a_worker_polls_every_queue(api: Api) -> None:
    ready = await until_ready(api)
    names = [check["name"] for check in ready.json()["checks"]]
    rest = ["deliveries", "workflows", "comparison", "jira", "pager"]
    queues = [f"queue {name}" for name in ports.QUEUES]
    assert names == ["database", "clock", "time zones", "temporal", *queues, *rest]


async def test_a_worker_that_has_not_polled_for_long_is_none(
    api: Api, temporal_dev: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Temporal lists one that has gone for minutes."""
    monkeypatch.setattr(health, "FRESH", -health.FRESH)
    checks = await health.health(api.db, temporal_dev)
    assert {check.name for check in checks if not check.ok} == {f"queue {name}" for name in ports.QUEUES}
    assert all("tierline worker" in check.detail for check in checks if not check.ok)


async def test_a_queue_without_a_worker_is_named(api: Api, temporal_dev: Client) -> None:
    await until_ready(api)
    checks = await health.health(api.db, temporal_dev, queues=(ports.JOURNAL, "nobodys"))
    assert [(check.name, check.ok) for check in checks[4:6]] == [("queue journal", True), ("queue nobodys", False)]


async def test_an_open_ticket_that_could_not_be_resumed_is_named_and_stops_nothing(api: Api) -> None:
    with api.db.begin() as session:
        session.execute(delete(ReconciliationRow))
        assert reconciliation.begin(session, timedelta(minutes=2))
        reconciliation.note(session, tickets=3, incidents=1, not_resumed=2)

    ready = await until_ready(api)

    assert (ready.status_code, set(ill(ready)) - {"jira", "pager"}) == (200, {"workflows"})
    detail = next(check for check in ready.json()["checks"] if check["name"] == "workflows")["detail"]
    assert detail.startswith("3 open tickets and 1 open incidents had no running workflow at 20")
    assert "2 of them could not be resumed" in detail
    with api.db.begin() as session:
        session.execute(delete(ReconciliationRow))


async def test_what_is_away_is_named_and_the_process_lives(serve: Serve, database_url: str) -> None:
    async with serve(database_url, "127.0.0.1:1") as api:
        unready = await api.get("/readyz")
        assert (unready.status_code, ill(unready)) == (503, ["temporal"])
        assert unready.headers["Retry-After"]
        assert "TEMPORAL_ADDRESS" in unready.json()["detail"]
        with api.db.begin() as session:
            session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
        old = await api.get("/readyz")
        assert ill(old) == ["database", "temporal"]
        assert "tierline migrate" in old.json()["detail"]
        assert (await api.get("/livez", role=None)).json() == {"alive": True}


async def test_which_version_runs_is_said(api: Api) -> None:
    said = (await api.get("/version")).json()
    assert set(said) == {"tierline", "policy", "temporal_sdk"}


async def test_no_page_may_call_unless_its_origin_is_set(api: Api, serve: Serve, database_url: str) -> None:
    asks = {"Origin": "https://support.example.com", "Access-Control-Request-Method": "GET"}
    closed = await api.ask("OPTIONS", "/api/v1/queue", role=None, headers=asks)
    assert closed.status_code == 401
    assert "Access-Control-Allow-Origin" not in closed.headers
    async with serve(database_url, "127.0.0.1:1", TIERLINE_API_ORIGIN="https://support.example.com") as api:
        opened = await api.ask("OPTIONS", "/api/v1/queue", role=None, headers=asks)
        assert opened.headers["Access-Control-Allow-Origin"] == "https://support.example.com"
        other = await api.ask("OPTIONS", "/api/v1/queue", role=None, headers=asks | {"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in other.headers


async def test_a_token_that_asks_too_often_is_told_when_to_come_back(serve: Serve, database_url: str) -> None:
    async with serve(database_url, "127.0.0.1:1", TIERLINE_API_RATE=0.1) as api:
        assert (await api.get("/version", role=Role.LEAD)).status_code == 200
        refused = await api.get("/version", role=Role.LEAD)
        assert (refused.status_code, refused.json()["type"]) == (429, "urn:tierline:rate_limited")
        assert 1 <= int(refused.headers["Retry-After"]) <= 11
        assert api.refusals()[-1].code == "rate_limited"
        assert (await api.get("/version", role=Role.AGENT)).status_code == 200

"""The queue and the accounts over HTTP: in their order, filtered, page by page."""

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest_asyncio

from domain.core.enums import Plan
from domain.ticket.state import Account
from store import accounts as store_accounts
from tests.support.demand import waits
from tests.support.served_api import Api, a_form

NOWHERE = "127.0.0.1:1"
"""No Temporal: what is on record can be listed all the same."""


@pytest_asyncio.fixture(loop_scope="session")
async def listing(serve: Callable[..., AbstractAsyncContextManager[Api]], database_url: str) -> AsyncIterator[Api]:
    """An API with six tickets of two accounts."""
    async with serve(database_url, NOWHERE) as api:
        for number, (account, plan, priority) in enumerate(
            (
                ("acme", "standard", "P3"),
                ("acme", "standard", "P2"),
                ("acme", "standard", "P3"),
                ("bolt", "enterprise", "P3"),
                ("bolt", "enterprise", "P1"),
                ("bolt", "free", "P4"),
            )
        ):
            form = a_form(external_id=str(number), account={"id": account, "plan": plan}, priority=priority)
            assert (await api.post("/api/v1/tickets", form)).status_code == 202
        yield api


async def pages(api: Api, path: str, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = None
    while True:
        response = await api.get(path, params={"limit": limit, "after": after})
        assert response.status_code == 200, response.text
        page = response.json()
        assert len(page["tickets"]) <= limit
        found += page["tickets"]
        after = page["next"]
        if after is None:
            return found


async def test_g10_every_page_size_gives_the_same_queue_in_the_same_order(listing: Api) -> None:
    whole = await pages(listing, "/api/v1/queue", 100)
    assert len(whole) == 6
    deadlines = [line["sla_deadline"] for line in whole]
    known = [deadline for deadline in deadlines if deadline]
    assert deadlines == sorted(known) + [None] * (6 - len(known))
    for limit in (1, 2, 4, 6):
        assert await pages(listing, "/api/v1/queue", limit) == whole


async def test_the_queue_is_filtered(listing: Api) -> None:
    async def ids(query: str) -> int:
        return len((await listing.get(f"/api/v1/queue?{query}")).json()["tickets"])

    assert await ids("plan=enterprise") == 2
    assert await ids("plan=enterprise&plan=free") == 3
    assert await ids("tier=T2") == 0
    assert await ids("status=new") == 6
    assert await ids("status=closed") == 0
    assert await ids("assignee=ada") == 0
    first = (await listing.get("/api/v1/queue?limit=1&plan=standard")).json()["tickets"][0]
    assert (await listing.get("/api/v1/queue/next?plan=standard")).json() == {"ticket": first, "why": ""}


async def test_something_else_is_the_next_ticket_with_why_where_nothing_that_may_come_first_was_had_less(
    listing: Api,
) -> None:
    first = (await listing.get("/api/v1/queue/next?plan=standard")).json()["ticket"]
    other = (await listing.get("/api/v1/queue/next?plan=standard&something_else=true")).json()
    assert other["ticket"] == first
    assert other["why"].startswith("it is the next ticket anyway: you had 0 of ")
    none = (await listing.get("/api/v1/queue/next?tier=T3&something_else=true")).json()
    assert none == {"ticket": None, "why": ""}


async def test_accounts_are_listed_with_their_tickets_the_newest_first(listing: Api) -> None:
    first = (await listing.get("/api/v1/accounts?limit=1")).json()
    assert first == {"accounts": [{"id": "acme", "plan": None, "active_tickets": 3}], "next": "acme"}
    rest = (await listing.get("/api/v1/accounts?after=acme")).json()
    assert (rest["accounts"][0]["id"], rest["next"]) == ("bolt", None)

    for limit in (1, 2, 3, 100):
        found = await pages(listing, "/api/v1/accounts/acme/tickets", limit)
        assert [line["account"] for line in found] == ["acme"] * 3
        assert [line["opened_at"] for line in found] == sorted((line["opened_at"] for line in found), reverse=True)
    seen = (await listing.get("/api/v1/accounts/acme")).json()
    assert (seen["account"]["plan"], seen["known_from"]) == ("standard", "ticket")
    assert (await listing.get("/api/v1/accounts/nobody")).status_code == 404


async def test_a_page_that_was_never_given_is_refused(listing: Api) -> None:
    made_up = (
        b'{"opened_at": "2026-01-01T00:00:00Z", "id": "a\\u0000b"}',
        b'{"opened_at": "2026-01-01T00:00:00Z", "id": "x", "urgency": 1000000000000000000000000000000}',
        b'{"opened_at": "0001-01-01T00:00:00+14:00", "id": "x"}',
    )
    for after in ("x", "bm9wZQ==", "{}", *(base64.b64encode(one).decode() for one in made_up)):
        refused = await listing.get("/api/v1/queue", params={"after": after})
        assert (refused.status_code, list(refused.json()["fields"])) == (422, ["after"])


async def test_f4_what_customers_wait_for_is_ranked_over_http(
    serve: Callable[..., AbstractAsyncContextManager[Api]], database_url: str
) -> None:
    async with serve(database_url, NOWHERE) as api:
        with api.db.begin() as session:
            known = [Account(id=name, plan=Plan.PREMIUM, arr=arr) for name, arr in (("acme", None), ("bolt", 90_000))]
            store_accounts.save_accounts(session, known)
        opened = [
            waits(api.db, str(number), account, key, kind=kind)
            for number, (account, key, kind) in enumerate(
                (("acme", "ENG-1", "request"), ("cord", "ENG-1", "request"), ("bolt", "ENG-2", "request"),
                 ("bolt", "ENG-3", "bug"))
            )
        ]  # fmt: skip
        ended = waits(api.db, "9", "bolt", "ENG-2", ended="feature_request")
        at = "/api/v1/wanted"
        first = {
            "key": "ENG-1", "kind": "request", "status": "Open", "url": "https://j/1", "fix_versions": [],
            "accounts": 2, "arr": "0", "unknown": 2, "plans": ["premium"], "tickets": 2, "active": 2,
            "since": "2026-03-02T10:00:00Z", "ticket": opened[1],
        }  # fmt: skip
        second = first | {
            "key": "ENG-2", "accounts": 1, "arr": "90000", "unknown": 0, "since": "2026-03-02T10:02:00Z",
            "active": 1, "ticket": ended,
        }  # fmt: skip
        assert (await api.get(at)).json() == {"kind": "request", "by": "accounts", "issues": [first, second]}
        by_revenue = (await api.get(at, params={"by": "arr", "limit": 1})).json()
        assert by_revenue == {"kind": "request", "by": "arr", "issues": [second]}
        bugs = (await api.get(at, params={"kind": "bug"})).json()["issues"]
        assert [(one["key"], one["kind"], one["ticket"]) for one in bugs] == [("ENG-3", "bug", opened[3])]
        both = (await api.get(at, params={"kind": "any"})).json()["issues"]
        assert [one["key"] for one in both] == ["ENG-1", "ENG-2", "ENG-3"]
        for wrong in ({"kind": "all"}, {"by": "plan"}, {"limit": 0}, {"limit": 201}, {"sort": "arr"}):
            assert (await api.get(at, params=wrong)).status_code == 422
        assert (await api.get(at, role=None)).status_code == 401

"""A4: `GET /api/v1/tickets` finds tickets, open or not, page by page."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest
import pytest_asyncio

from domain.core.enums import Role
from tests.support.served_api import Api, a_form

NOWHERE = "127.0.0.1:1"
"""No Temporal: what is on record can be found all the same."""


@pytest_asyncio.fixture(loop_scope="session")
async def three(serve: Callable[..., AbstractAsyncContextManager[Api]], database_url: str) -> AsyncIterator[Api]:
    """An API with three tickets of two accounts."""
    async with serve(database_url, NOWHERE) as api:
        for number, account, priority, subject in (
            ("order-1", "acme", "P3", "Export fails"),
            ("order-2", "acme", "P2", "Cannot log in"),
            ("order-3", "bolt", "P3", "Exporting takes long"),
        ):
            form = a_form(external_id=number, account={"id": account, "plan": "standard"}, priority=priority)
            assert (await api.post("/api/v1/tickets", form | {"subject": subject})).status_code == 202
        yield api


async def found(api: Api, query: str) -> list[str]:
    response = await api.get(f"/api/v1/tickets?{query}")
    assert response.status_code == 200, response.text
    return [line["subject"] for line in response.json()["tickets"]]


async def test_a4_tickets_are_found_by_words_and_by_what_they_are(three: Api) -> None:
    for query, subjects in (
        ("", {"Export fails", "Cannot log in", "Exporting takes long"}),
        ("q=export", {"Export fails", "Exporting takes long"}),
        ("q=export&account=acme", {"Export fails"}),
        ("q=order-2", {"Cannot log in"}),
        ("priority=P2", {"Cannot log in"}),
        ("status=new&status=open", {"Export fails", "Cannot log in", "Exporting takes long"}),
        ("status=closed", set()),
        ("assignee=ada", set()),
        ("requester=nobody", set()),
        ("tier=T2", set()),
        ("plan=free", set()),
        ("team=nobody", set()),
    ):
        assert set(await found(three, query)) == subjects, query


async def test_a4_pages_follow_each_other_the_newest_first(three: Api) -> None:
    whole = await found(three, "")
    pages, after = [], ""
    for _ in whole:
        page = (await three.get("/api/v1/tickets", params={"limit": 1} | ({"after": after} if after else {}))).json()
        pages += [line["subject"] for line in page["tickets"]]
        after = page["next"]
    assert (pages, after) == (whole, None)
    assert whole[0] == "Exporting takes long"


async def test_an_integration_finds_nothing_since_it_reads_no_lists(three: Api) -> None:
    refused = await three.get("/api/v1/tickets", role=Role.INTEGRATION)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:tierline:not_allowed")


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("acount=acme", {"acount": "there is no such parameter; did you mean account?"}),
        ("status=opne", {"status.0": "must be 'new', 'open', 'pending', 'resolved' or 'closed'"}),
        (f"q={'x' * 201}", {"q": "has more than 200 characters"}),
    ],
)
async def test_a_question_that_cannot_be_meant_is_refused(three: Api, query: str, fields: dict[str, str]) -> None:
    refused = await three.get(f"/api/v1/tickets?{query}")
    assert (refused.status_code, refused.json()["fields"]) == (422, fields)

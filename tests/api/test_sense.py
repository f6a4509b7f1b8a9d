"""What makes no sense is refused before it goes to its ticket: no Temporal is needed to say so."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest
import pytest_asyncio

from domain.core.enums import Role
from tests.support.served_api import Api, a_form

NOWHERE = "127.0.0.1:1"
"""No Temporal."""
GONE = "0000-0000-0000"


@pytest_asyncio.fixture(loop_scope="session")
async def on_record(serve: Callable[..., AbstractAsyncContextManager[Api]], database_url: str) -> AsyncIterator[Api]:
    async with serve(database_url, NOWHERE) as api:
        yield api


async def opened(api: Api, **form: str) -> str:
    answer = await api.post("/api/v1/tickets", a_form(**form))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["ticket"])


@pytest.mark.parametrize("role", [Role.AGENT, Role.LEAD, Role.ENGINEER])
async def test_b5_none_of_us_says_by_mistake_that_the_customer_wrote(on_record: Api, role: Role) -> None:
    ticket = await opened(on_record)
    refused = await on_record.post(f"/api/v1/tickets/{ticket}/reply", {"text": "Here it is."}, role=role)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:tierline:not_allowed")
    assert "`respond`" in refused.json()["detail"]
    said = await on_record.post(f"/api/v1/tickets/{ticket}/reply", {"text": "Yes.", "customer": "u-17"}, role=role)
    assert said.status_code == 503  # it is on its way to Temporal, which is away here


async def test_b5_an_integration_carries_the_customers_words_as_before(on_record: Api) -> None:
    ticket = await opened(on_record)
    said = await on_record.post(f"/api/v1/tickets/{ticket}/reply", {"text": "Yes."}, role=Role.INTEGRATION)
    assert said.status_code == 503


async def test_no_field_that_only_describes_keeps_an_integrations_words_out_and_a_person_is_told(
    on_record: Api,
) -> None:
    ticket = await opened(on_record)
    loose = {"text": ["It is back."], "subject": "x" * 300, "colour": "red", "occurred": "yesterday", "source": None}
    said = await on_record.post(f"/api/v1/tickets/{ticket}/reply", loose, role=Role.INTEGRATION)
    assert said.status_code == 503, said.text  # it is on its way to Temporal, which is away here
    told = await on_record.post(f"/api/v1/tickets/{ticket}/reply", loose | {"customer": "u-17"}, role=Role.AGENT)
    assert (told.status_code, sorted(told.json()["fields"])) == (422, ["colour", "occurred", "subject", "text"])
    for role in (Role.INTEGRATION, Role.AGENT):
        ours = {"text": "Yes.", "customer": "u-17", "unread": "x"}
        refused = await on_record.post(f"/api/v1/tickets/{ticket}/reply", ours, role=role)
        assert (refused.status_code, list(refused.json()["fields"])) == (422, ["unread"])


@pytest.mark.parametrize("parent", ["not an id at all", "zzz", GONE])
async def test_a7_a_parent_is_a_ticket_that_there_is(on_record: Api, parent: str) -> None:
    ticket = await opened(on_record)
    duplicate = {"resolution": "duplicate", "message": "We follow it there.", "parent": parent}
    refused = await on_record.post(f"/api/v1/tickets/{ticket}/resolve", duplicate)
    assert (refused.status_code, list(refused.json()["fields"])) == (422, ["parent"])
    follow = await on_record.post("/api/v1/tickets", a_form(parent=parent))
    assert (follow.status_code, list(follow.json()["fields"])) == (422, ["parent"])


async def test_a7_no_ticket_repeats_itself_nor_one_that_repeats_it(on_record: Api) -> None:
    first = await opened(on_record)
    second = await opened(on_record, parent=first)
    third = await opened(on_record, parent=second.upper())
    for ticket, parent in ((first, first), (first, second), (first, third), (second, third)):
        duplicate = {"resolution": "duplicate", "message": "We follow it there.", "parent": parent}
        refused = await on_record.post(f"/api/v1/tickets/{ticket}/resolve", duplicate)
        assert (refused.status_code, list(refused.json()["fields"])) == (422, ["parent"]), (ticket, parent)
    other = {"resolution": "duplicate", "message": "We follow it there.", "parent": first}
    assert (await on_record.post(f"/api/v1/tickets/{third}/resolve", other)).status_code == 503  # on its way


async def test_a7_of_a_system_a_parent_that_is_not_there_keeps_no_ticket_out(on_record: Api) -> None:
    kept = await on_record.post("/api/v1/tickets", a_form(parent=GONE), role=Role.INTEGRATION)
    assert kept.status_code == 202


async def test_a6_nothing_is_assigned_to_a_name_of_tierlines_own(on_record: Api) -> None:
    ticket = await opened(on_record)
    refused = await on_record.post(f"/api/v1/tickets/{ticket}/assign", {"to": "tierline"})
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:tierline:not_allowed")

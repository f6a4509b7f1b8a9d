"""A13: what is wrong with a body is said in words that help: its media type, and each field with the one meant."""

import json
from typing import Any

import pytest

from tests.support.served_api import Api, a_form


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
@pytest.mark.parametrize("path", ["/api/v1/tickets", "/api/v1/tickets/4k7m-3q9x-tbd2/note", "/api/v1/incidents"])
async def test_a_body_that_is_not_said_to_be_json_is_refused_as_such(
    api: Api, path: str, content_type: str | None
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    refused = await api.ask("POST", path, data=b'{"text": "Hello."}', headers=headers)
    assert (refused.status_code, refused.json()["type"]) == (415, "urn:tierline:wrong_media_type")
    assert "Content-Type: application/json" in refused.json()["detail"]


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.shop+json"]
)
async def test_json_by_any_of_its_names_is_taken(api: Api, content_type: str) -> None:
    form = json.dumps(a_form()).encode()
    opened = await api.ask("POST", "/api/v1/tickets", data=form, headers={"Content-Type": content_type})
    assert opened.status_code == 201, opened.text


async def test_no_body_needs_no_media_type(api: Api) -> None:
    ticket = await api.open()
    assert (await api.ask("POST", f"/api/v1/tickets/{ticket}/take")).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("tickets", a_form(subjct="x"), {"subjct": "there is no such field; did you mean subject?"}),
        ("tickets", a_form(rle="agent"), {"rle": "there is no such field"}),
        ("tickets", a_form(account={"id": "a", "paln": "free"}),
         {"account.paln": "there is no such field; did you mean plan?"}),
        ("tickets", a_form(tags="x"), {"tags": "must be a list"}),
        ("tickets/{ticket}/rate", {"csat": 9}, {"csat": "must be 5 or less"}),
        ("tickets/{ticket}/rate", {"csat": 0}, {"csat": "must be 1 or more"}),
        ("tickets", {"source": "test"}, {"external_id": "is missing", "account": "is missing"}),
        ("tickets/{ticket}/note", {"txt": "x"},
         {"txt": "there is no such field; did you mean text?"}),
        ("tickets/{ticket}/note", ["x"], {"body": "must be a JSON object"}),
        ("tickets/{ticket}/amend", {"priority": "P2"}, {"priority": "there is no such field"}),
        ("incidents", {"product_aera": "API"}, {"product_aera": "there is no such field; did you mean product_area?"}),
    ],
)  # fmt: skip
async def test_a_field_is_told_what_is_wrong_with_it_and_which_was_meant(
    api: Api, path: str, body: Any, fields: dict[str, str]
) -> None:
    ticket = await api.open() if "{ticket}" in path else ""
    refused = await api.post(f"/api/v1/{path.replace('{ticket}', ticket)}", body)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:tierline:malformed"), refused.text
    assert refused.json()["fields"] == fields

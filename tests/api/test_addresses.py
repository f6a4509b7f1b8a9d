"""Addresses are what the API's description says: their methods, their parameters, and every id there is."""

from urllib.parse import quote

import pytest

from domain.core.enums import Role
from tests.support.served_api import Api, a_form


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/v1/incidents", "GET, POST"),
        ("PUT", "/api/v1/tickets", "GET, POST"),
        ("DELETE", "/api/v1/tickets/4k7m-3q9x-tbd2", "GET"),
        ("GET", "/api/v1/tickets/4k7m-3q9x-tbd2/take", "POST"),
        ("POST", "/api/v1/queue/next", "GET"),
        ("POST", "/api/v1/openapi.json", "GET, HEAD"),
        ("GET", "/webhooks/jira", "POST"),
        ("POST", "/livez", "GET"),
    ],
)
async def test_a_wrong_method_is_told_all_that_there_are(api: Api, method: str, path: str, allowed: str) -> None:
    refused = await api.ask(method, path)
    assert (refused.status_code, ", ".join(sorted(refused.headers["Allow"].split(", ")))) == (405, allowed)


@pytest.mark.parametrize(
    ("method", "path", "fields"),
    [
        ("GET", "/api/v1/queue?statuz=closed&tier=T1", {"statuz": "there is no such parameter; did you mean status?"}),
        ("GET", "/api/v1/queue?Status=closed", {"Status": "there is no such parameter; did you mean status?"}),
        ("GET", "/api/v1/accounts?q=1&q=2", {"q": "there is no such parameter; there are after, limit"}),
        ("GET", "/version?verbose=1", {"verbose": "there is no such parameter; there are none"}),
        ("GET", "/api/v1/incidents?=1", {"": "there is no such parameter; there are after, area, ended, limit"}),
        ("POST", "/api/v1/tickets?dry_run=1", {"dry_run": "there is no such parameter; there are none"}),
    ],
)
async def test_a_query_parameter_that_there_is_not_is_named(
    api: Api, method: str, path: str, fields: dict[str, str]
) -> None:
    refused = await api.ask(method, path, json=a_form() if method == "POST" else None)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:tierline:malformed")
    found = refused.json()["fields"]
    assert set(found) == set(fields)
    assert all(found[name].startswith(why) for name, why in fields.items()), found
    assert api.refusals()[-1].code == "malformed"


async def test_what_needs_no_token_takes_what_its_senders_add(api: Api) -> None:
    assert (await api.get("/livez?from=balancer", role=None)).status_code == 200
    assert (await api.post("/webhooks/nobody?tenant=1", {}, role=None)).json()["type"] == "urn:tierline:not_found"


@pytest.mark.parametrize(
    "account",
    ["a/b", "a/b/tickets", "a%2Fb", "100%", "%25", "a b/c", "//", "a?b#c", "ü/€", "/" * 200, "%" * 200],
)
async def test_an_account_that_can_be_named_when_opening_can_be_read(api: Api, account: str) -> None:
    ticket = await api.open(account={"id": account, "plan": "standard"})
    address = f"/api/v1/accounts/{quote(account, safe='')}"
    read = await api.get(address)
    assert (read.status_code, read.json()["account"]["id"]) == (200, account), read.text
    listed = await api.get(f"{address}/tickets")
    assert [line["id"] for line in listed.json()["tickets"]] == [ticket]


async def test_an_account_with_too_long_an_id_is_none(api: Api) -> None:
    assert (await api.get(f"/api/v1/accounts/{'%2F' * 200}a", role=Role.ADMIN)).status_code in (404, 422)


async def test_an_account_is_one_however_its_accents_are_composed(api: Api) -> None:
    ticket = await api.open(account={"id": " mu\u0308ller ", "plan": "standard"})
    for spelt in ("m\u00fcller", "mu\u0308ller"):
        read = await api.get(f"/api/v1/accounts/{quote(spelt, safe='')}")
        assert (read.status_code, read.json()["account"]["id"]) == (200, "m\u00fcller")
        listed = await api.get(f"/api/v1/accounts/{quote(spelt, safe='')}/tickets")
        assert [line["id"] for line in listed.json()["tickets"]] == [ticket]


@pytest.mark.parametrize("account", [".", ".."])
async def test_an_account_that_no_address_can_name_is_refused_when_opening(api: Api, account: str) -> None:
    refused = await api.post("/api/v1/tickets", a_form(account={"id": account, "plan": "standard"}))
    assert refused.status_code == 422
    assert "no address could name it" in refused.text

"""F6: refunds over HTTP and at the terminal: who may, what is refused by name, what billing has."""

from typing import Any
from uuid import uuid4

from cli.output import Code
from domain.core.enums import Role
from tests.support.served_api import Api
from tests.support.terminal import command
from tests.support.waiting import until

ASKED = {"amount": "12.5", "currency": "EUR", "reason": "charged_twice"}


async def test_f6_refunds_over_http_are_refused_by_name_and_listed(api: Api, shared_database: str) -> None:
    account = f"refunded-{uuid4().hex[:8]}"
    ticket = await api.open(category="billing", account={"id": account, "plan": "premium", "zone": "UTC"})
    at = f"/api/v1/tickets/{ticket}"
    number = await api.post(f"{at}/request_refund", ASKED | {"amount": 12.5})
    assert (number.status_code, number.json()["type"]) == (422, "urn:tierline:malformed")
    agent = api.token(Role.LEAD, name="ada")
    for _ in range(2):  # the same key is the same request
        asked = await api.post(f"{at}/request_refund", ASKED, token=agent, headers={"Idempotency-Key": "refund-1"})
        assert asked.status_code == 200, asked.text
    own = await api.post(f"{at}/approve_refund", {}, token=agent)
    assert (own.status_code, own.json()["type"]) == (403, "urn:tierline:own_refund")
    role = await api.post(f"{at}/approve_refund", {}, role=Role.AGENT)
    assert (role.status_code, role.json()["type"]) == (403, "urn:tierline:refund_limit")
    assert "finance, lead may" in role.json()["detail"]
    assert (await api.post(f"{at}/approve_refund", {}, role=Role.ENGINEER)).json()["type"] == "urn:tierline:not_allowed"

    async def waiting() -> Any:
        return (await api.get("/api/v1/refunds", params={"account": account, "state": "requested"})).json()["refunds"]

    (waits,) = await until(waiting, "the request is in the journal")
    assert (waits["amount"], waits["currency"], waits["requested_by"]) == ("12.50", "EUR", "ada")
    assert (await api.post(f"{at}/approve_refund", {}, role=Role.LEAD)).status_code == 200

    here = {"DATABASE_URL": shared_database}

    async def approved() -> Any:
        """The refund, once the journal has its approval: the answer to a command does not wait for that."""
        (line,) = (await command(here, "refund", "list", "--account", account, "--json")).json["refunds"]
        return line if line["state"] == "approved" else None

    line = await until(approved, "the approval is in the journal")
    assert line["decided_by"] == "lead-1"
    unset = await command(here, "refund", "send", line["billing_id"], "--json")
    assert (unset.code, unset.json["code"]) == (Code.REFUSED, "does_not_fit")
    applied = await command(here, "refund", "apply", line["billing_id"], "--by", "fin", "--role", "finance")
    assert applied.out.strip() == f"{line['billing_id']} is applied"
    assert "12.50 EUR" in (await command(here, "refund", "list", "--account", account)).out
    again = await api.post(f"/api/v1/refunds/{line['billing_id']}/apply", {}, role=Role.FINANCE)
    assert (again.json()["state"], again.json()["applied_by"]) == ("applied", "fin")
    assert (await api.post("/api/v1/refunds/refund-none/send", {}, role=Role.FINANCE)).status_code == 404
    (shown,) = (await api.get(at)).json()["refunds"]
    assert (shown["state"], shown["applied_by"], shown["amount"]) == ("applied", "fin", "12.50")
    assert "requested by ada: applied by lead-1" in (await command(here, "ticket", "show", ticket)).out
    month = shown["decided_at"][:7]
    table = await api.get(f"/api/v1/accounts/{account}/statement", params={"month": month, "format": "csv"})
    assert any(one.startswith(f"refund,{ticket}") and one.endswith(",12.50,EUR") for one in table.text.splitlines())

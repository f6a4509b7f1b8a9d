"""F2, F8: credits, what open clocks would cost, and statements, over HTTP and at the terminal."""

from datetime import UTC, datetime
from uuid import uuid4

from cli.output import Code
from domain.core.enums import Role
from store import journal
from tests.support.served_api import Api
from tests.support.terminal import command
from tests.support.ticket_life import MONDAY, life

MONTH = "2026-03"


def breached(api: Api) -> str:
    """An account with a breach of March, which ada holds."""
    account = f"owed-{uuid4().hex[:8]}"
    one = life(uuid4().hex, account=account, arr=120_000).do("take").wait_until(MONDAY.replace(hour=15))
    with api.db.begin() as session:
        journal.append(session, one.ticket.id, "run", one.events)
    return account


async def test_f2_a_lead_approves_over_http_what_nobody_else_may(api: Api) -> None:
    account = breached(api)
    (owed,) = (await api.get("/api/v1/credits", params={"account": account, "state": "proposed"})).json()["credits"]
    assert (owed["month"], owed["amount"], owed["percent"]) == (MONTH, "500.00", "5")
    at = f"/api/v1/credits/{owed['id']}"
    for role in (Role.AGENT, Role.CSM, Role.FINANCE):
        refused = await api.post(f"{at}/approve", {}, role=role)
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:tierline:not_allowed"), role
    held = await api.post(f"{at}/approve", {}, token=api.token(Role.LEAD, name="ada"))
    assert (held.status_code, "ada held a ticket" in held.text) == (403, True)
    assert (await api.post(f"{at}/apply", {}, role=Role.FINANCE)).status_code == 409  # nobody has approved it
    assert (await api.post(f"{at}/approve", {}, role=Role.LEAD)).json()["state"] == "approved"
    assert (await api.post(f"{at}/void", {}, role=Role.LEAD)).status_code == 422  # without a reason
    voided = await api.post(f"{at}/void", {"reason": "Paid in another way."}, role=Role.LEAD)
    assert (voided.json()["state"], voided.json()["ended_by"]) == ("voided", "lead-1")
    acts = (await api.get(at)).json()["acts"]
    assert [(one["state"], one["by"]) for one in acts] == [
        ("proposed", "tierline"), ("approved", "lead-1"), ("voided", "lead-1"),
    ]  # fmt: skip
    assert (await api.get("/api/v1/credits/credit-none-1")).status_code == 404


async def test_f8_a_statement_is_json_or_csv_and_exposure_is_in_total(api: Api, shared_database: str) -> None:
    account = breached(api)
    at = f"/api/v1/accounts/{account}/statement"
    found = (await api.get(at, params={"month": MONTH})).json()
    assert (found["missed"], found["credited"], len(found["tickets"])) == (1, "500.00", 1)
    table = await api.get(at, params={"month": MONTH, "format": "csv"})
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.text.splitlines()[0] == "kind,id,what,state,at,due,percent,amount,tickets"
    assert (await api.get(at, params={"month": "2026-13"})).status_code == 422
    exposed = (await api.get("/api/v1/exposure", params={"account": account})).json()
    assert (exposed["total"], exposed["complete"]) == ("500.00", True)
    here = {"DATABASE_URL": shared_database}
    printed = await command(here, "account", "statement", account, "--month", MONTH, "--json")
    assert printed.json["credited"] == "500.00"
    (listed,) = (await command(here, "credit", "list", "--account", account, "--json")).json["credits"]
    approved = await command(here, "credit", "approve", listed["id"], "--by", "lea", "--json")
    assert (approved.json["state"], approved.json["approved_by"]) == ("approved", "lea")
    held = await command(here, "credit", "void", listed["id"], "--by", "lea", "--json")
    assert (held.code, held.json["code"]) == (Code.REFUSED, "missing_fields")
    shown = await command(here, "credit", "show", listed["id"])
    assert "approved by lea" in shown.out
    assert datetime.fromisoformat(found["since"]) == datetime(2026, 2, 28, 23, 0, tzinfo=UTC)

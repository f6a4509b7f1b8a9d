"""F2, F6: credits and refunds are decided in a real browser; and whom the desk keeps out there."""

import re

import pytest
from playwright.async_api import Browser, expect

from domain.core.enums import Role
from services import credits, refunds
from store.refunds import RefundState
from tests.support.accessibility import faults_of
from tests.support.breached_account import breached
from tests.support.desk_browser import sign_in
from tests.support.desk_visitor import at_ticket
from tests.support.served_api import Api
from tests.support.temporal_ui import CHROMIUM, PATIENCE_MS

pytestmark = [pytest.mark.long, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")]


async def test_f2_a_lead_approves_a_credit_and_voids_another_which_needs_a_reason(api: Api, running: Browser) -> None:
    (kept, approved), (account, voided) = breached(api), breached(api)
    person = await sign_in(running, api.url, api.tokens[Role.LEAD])
    page = await person.tab(f"/desk/credits?account={kept}")
    await page.get_by_text("Decide", exact=True).last.click()
    await page.get_by_role("button", name="Approve").click()
    await page.wait_for_url("**/desk/credits")
    await page.goto(f"{api.url}/desk/credits?account={account}")
    await page.get_by_text("Decide", exact=True).last.click()
    await page.get_by_role("button", name="Void").click()
    await expect(page.locator(".refused")).to_contain_text("say why", timeout=PATIENCE_MS)
    assert await faults_of(page) == {}
    await page.goto(f"{api.url}/desk/credits?account={account}")
    await page.get_by_text("Decide", exact=True).last.click()
    await page.get_by_label("Why it is voided").fill("Agreed with them.")
    await page.get_by_role("button", name="Void").click()
    await page.wait_for_url("**/desk/credits")
    await page.goto(f"{api.url}/desk/credits?account={account}&state=voided")
    await expect(page.get_by_role("region", name="Credits")).to_contain_text("Agreed with them.")
    assert [credits.detail(api.db, one).credit.state for one in (approved, voided)] == ["approved", "voided"]
    assert person.trouble == []


async def test_f6_a_refund_is_approved_by_somebody_else_from_the_list_of_those_that_wait(
    api: Api, running: Browser
) -> None:
    agent, ticket, address = await at_ticket(api, Role.AGENT, category="billing")
    asked = {"amount": "12.50", "currency": "EUR", "reason": "charged_twice", "text": "Both invoices are of May."}
    assert (await agent.send(await agent.get(address), f"{address}/request_refund", asked)).status_code == 303
    person = await sign_in(running, api.url, api.tokens[Role.LEAD])
    page = await person.tab("/desk/credits/refunds")
    line = page.get_by_role("row").filter(has_text=ticket)
    await line.get_by_role("link", name="Approve or refuse").click()
    await page.wait_for_url(f"**{address}*")
    await page.get_by_role("button", name="Approve 12.50 EUR").click()
    panel = page.locator("section[aria-labelledby=refunds]")
    await expect(panel).to_contain_text("approved by lead-1", timeout=PATIENCE_MS)
    (one,) = [one for one in refunds.listed(api.db, states=[RefundState.APPROVED]).refunds if one.ticket == ticket]
    assert one.decided_by == "lead-1"
    assert person.trouble == []


async def test_an_agent_sees_no_page_of_leads_and_after_signing_out_no_page_at_all(api: Api, running: Browser) -> None:
    account, _ = breached(api)
    person = await sign_in(running, api.url, api.tokens[Role.AGENT])
    page = await person.tab(f"/desk/credits?account={account}")
    await expect(page.get_by_role("region", name="Credits")).to_contain_text("500.00")
    await expect(page.get_by_text("Decide", exact=True)).to_have_count(0)
    await page.goto(f"{api.url}/desk/week")
    await expect(page.locator("main")).to_contain_text("reports are for leads")
    assert await faults_of(page) == {}
    await expect(page.get_by_role("link", name="Week")).to_have_count(0)
    await page.goto(f"{api.url}/desk/accounts/{account}")
    await expect(page.get_by_role("heading", name=account)).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    sign_in_page = re.compile(r"/desk/sign-in")
    await expect(page).to_have_url(sign_in_page)
    await page.go_back(wait_until="domcontentloaded")
    await expect(page.get_by_role("heading", name=account)).to_have_count(0)
    await expect(page).to_have_url(sign_in_page)
    assert person.trouble == []

"""The forecast of a ticket in a real browser: whom it might keep out, and a supposition made by hand."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from domain.core.enums import Role
from tests.support.desk_browser import browser, sign_in
from tests.support.served_api import Api
from tests.support.temporal_ui import CHROMIUM, PATIENCE_MS

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


@pytest.mark.parametrize("dark", [False, True])
async def test_a_supposition_is_made_by_hand_and_no_page_has_a_serious_fault_of_accessibility(
    api: Api, dark: bool
) -> None:
    ticket = await api.open(subject="Export fails", priority="P3", account={"id": "acme", "plan": "premium"})
    await api.post(f"/api/v1/tickets/{ticket}/take", {})
    async with browser() as running:
        person = await sign_in(running, api.url, api.tokens[Role.AGENT], dark=dark)
        page = await person.tab(f"/desk/tickets/{ticket}")
        await page.get_by_role("link", name="What comes if nobody acts?").click()
        await page.get_by_label("Priority changed now to").select_option("P0")
        await page.get_by_role("button", name="What happens then?").click()
        await expect(page.get_by_role("heading", name="What is different then")).to_be_visible(timeout=PATIENCE_MS)

        found = (await Axe().run(page)).response["violations"]

        serious = {one["id"]: one["nodes"][0]["html"] for one in found if one["impact"] in ("serious", "critical")}
        assert serious == {}
        assert person.trouble == []

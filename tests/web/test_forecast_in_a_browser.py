"""The forecast of a ticket in a real browser: a supposition made by hand."""

import pytest
from playwright.async_api import Browser, expect

from domain.core.enums import Role
from tests.support.desk_browser import sign_in
from tests.support.served_api import Api
from tests.support.temporal_ui import CHROMIUM, PATIENCE_MS

pytestmark = [pytest.mark.long, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")]


async def test_a_supposition_is_made_by_hand(api: Api, running: Browser) -> None:
    ticket = await api.open(subject="Export fails", priority="P3", account={"id": "acme", "plan": "premium"})
    await api.take(ticket)
    person = await sign_in(running, api.url, api.tokens[Role.AGENT])
    page = await person.tab(f"/desk/tickets/{ticket}")
    await page.get_by_role("link", name="What comes if nobody acts?").click()
    await page.get_by_label("Priority changed now to").select_option("P0")
    await page.get_by_role("button", name="What happens then?").click()
    await expect(page.get_by_role("heading", name="What is different then")).to_be_visible(timeout=PATIENCE_MS)
    assert person.trouble == []

"""Home and accounts in a real browser: keys."""

from uuid import uuid4

import pytest
from playwright.async_api import Browser, expect

from domain.core.enums import Role
from tests.support.desk_browser import sign_in
from tests.support.hostile import HOSTILE
from tests.support.served_api import Api
from tests.support.temporal_ui import CHROMIUM, PATIENCE_MS

pytestmark = [pytest.mark.long, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")]


async def test_one_key_at_home_opens_the_right_next_ticket(api: Api, running: Browser) -> None:
    await api.open(subject="The next one", priority="P1")
    person = await sign_in(running, api.url, api.token(Role.AGENT, name=f"new-{uuid4().hex[:6]}"))
    page = await person.tab("/desk")
    await page.keyboard.press("n")  # takes it
    await page.wait_for_url("**/desk/tickets/**")
    address = page.url.partition("?")[0]
    await page.goto(f"{api.url}/desk")
    await expect(page.get_by_role("link", name="Go on with it")).to_be_visible(timeout=PATIENCE_MS)
    await page.keyboard.press("n")  # goes on with it
    await page.wait_for_url(address)
    assert person.trouble == []


async def test_a_note_is_written_by_keys_alone_and_what_is_hostile_is_text(api: Api, running: Browser) -> None:
    account = f"note-{uuid4().hex[:6]}"
    await api.open(account={"id": account, "plan": "premium"}, subject=HOSTILE[7], product_area=HOSTILE[3])
    person = await sign_in(running, api.url, api.tokens[Role.CSM])
    page = await person.tab(f"/desk/accounts/{account}")
    await page.keyboard.press("m")
    await page.keyboard.insert_text("\n".join(HOSTILE))
    await page.keyboard.press("Control+Enter")
    note = page.locator("article .words")
    await expect(note).to_contain_text(HOSTILE[0], timeout=PATIENCE_MS)
    assert await page.locator("main [onerror], main [onload], main [onfocus], main script, main style").count() == 0
    assert person.trouble == []

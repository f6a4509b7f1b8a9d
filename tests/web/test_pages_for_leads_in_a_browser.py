"""Home, accounts and the lead board in a real browser: keys, three widths, light and dark, accessibility."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from domain.core.enums import Role
from tests.support.desk_browser import browser, sign_in
from tests.support.hostile import HOSTILE
from tests.support.served_api import Api
from tests.support.temporal_ui import CHROMIUM, PATIENCE_MS

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running() -> AsyncIterator[Browser]:
    """A browser for all tests of this file."""
    async with browser() as one:
        yield one


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


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 900, 1440])
async def test_the_pages_fit_and_have_no_serious_fault_of_accessibility(
    api: Api, running: Browser, width: int, dark: bool
) -> None:
    account = f"fits-{uuid4().hex[:6]}"
    ticket = await api.open(account={"id": account, "plan": "premium"}, subject="For everybody", priority="P2")
    await api.post(f"/api/v1/tickets/{ticket}/attention", {"reason": "They leave."}, role=Role.CSM)
    person = await sign_in(running, api.url, api.tokens[Role.LEAD], dark=dark, width=width)
    for path in (
        "/desk",
        "/desk/accounts?view=all",
        "/desk/accounts?view=mine",
        f"/desk/accounts/{account}",
        "/desk/board",
    ):
        page = await person.tab(path)
        for panel in await page.locator("details").all():
            await panel.evaluate("one => one.open = true")
        found = (await Axe().run(page)).response["violations"]
        serious = {one["id"]: one["nodes"][0]["html"] for one in found if one["impact"] in ("serious", "critical")}
        assert serious == {}, path
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        await page.close()
    assert person.trouble == []

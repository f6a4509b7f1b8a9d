"""The Temporal UI in a real browser, driven as a person drives it: for the tests, and for the screenshots."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, Response, async_playwright, expect

from tests.support.waiting import PATIENCE

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
"""The machine's own browser: Playwright would download another one. Chromium without windows comes first: it renders
the same, for less than half of the processor's time."""
OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps", "--no-first-run",
]  # fmt: skip
"""What lets the browser run as root and in a container, and without calling anywhere."""
PATIENCE_MS = 1000 * PATIENCE
"""Milliseconds that the UI may take for anything."""


@asynccontextmanager
async def browser_page(width: int = 1440, height: int = 900) -> AsyncIterator[Page]:
    """A page of a browser of our own, for as long as the block lasts."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        page = await browser.new_page(viewport={"width": width, "height": height}, timezone_id="UTC")
        page.set_default_timeout(PATIENCE_MS)
        yield page
        await browser.close()


class WorkflowList:
    """The UI's list of workflows, with its box for a query."""

    def __init__(self, page: Page, ui: str) -> None:
        self._page = page
        self._url = f"{ui}/namespaces/default/workflows"

    async def open(self) -> None:
        """Go to the list and show the box. The UI's pages long-poll: their network is never idle."""
        await self._page.goto(self._url, wait_until="domcontentloaded")
        await self._page.get_by_test_id("toggle-manual-query").click()

    async def type(self, query: str) -> set[str]:
        """Type a query, press Enter, and return the ids of all workflows that the list shows then."""
        box = self._page.get_by_test_id("workflow-manual-search-input")
        await box.fill(query)
        async with self._page.expect_response(_is_a_list) as answered:
            await box.press("Enter")
        found = (await (await answered.value).json()).get("executions", [])
        # The page is read, not the answer; the answer only says when the page is complete.
        rows = self._page.get_by_test_id("workflows-summary-configurable-table-row")
        await expect(rows).to_have_count(len(found), timeout=PATIENCE_MS)
        return set(await rows.locator("td:nth-child(4)").all_inner_texts())


def _is_a_list(answer: Response) -> bool:
    return "/workflows?" in answer.url and "query=" in answer.url

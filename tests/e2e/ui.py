"""The Temporal UI in a real browser, driven as a person drives it. A module for tests, and for the screenshots."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, async_playwright, expect

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
"""The machine's own browser: Playwright would download another one."""
QUIET = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--disable-default-apps --no-first-run"
).split()
"""What lets the browser run in a container, as root, and without calling anywhere."""
PATIENCE = 30_000
"""Milliseconds that the UI may take for anything."""


@asynccontextmanager
async def browser_page(width: int = 1440, height: int = 900) -> AsyncIterator[Page]:
    """A page of a browser of our own, for as long as the block lasts."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = await browser.new_page(viewport={"width": width, "height": height}, timezone_id="UTC")
        page.set_default_timeout(PATIENCE)
        yield page
        await browser.close()


class WorkflowList:
    """The list of workflows, with its box for a query."""

    def __init__(self, page: Page, ui: str) -> None:
        self._page = page
        self._url = f"{ui}/namespaces/default/workflows"

    async def open(self) -> None:
        """Go to the list and show the box. The UI's pages long-poll: the network is never idle."""
        await self._page.goto(self._url, wait_until="domcontentloaded")
        await self._page.get_by_test_id("toggle-manual-query").click()

    async def type(self, query: str) -> set[str]:
        """Type a query, press Enter, and return the ids of all workflows that the list then shows."""
        box = self._page.get_by_test_id("workflow-manual-search-input")
        await box.fill("")
        await box.press_sequentially(query)
        async with self._page.expect_response(lambda answer: "/workflows?" in answer.url and "query=" in answer.url):
            await box.press("Enter")
        counted = self._page.get_by_test_id("workflow-count")
        await expect(counted).not_to_be_empty(timeout=PATIENCE)
        return await self._ids()

    async def _ids(self) -> set[str]:
        links = self._page.locator("table tbody a[href*='/workflows/']")
        return {word for word in await links.all_inner_texts() if word.startswith(("ticket-", "incident-"))}

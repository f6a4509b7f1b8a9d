"""The desk in a real browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from tests.support.temporal_ui import CHROMIUM, OPTIONS, PATIENCE_MS


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """A browser of our own, for as long as the block lasts."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield running
        await running.close()


class Person:
    """A person at a browser, signed in to the desk."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.trouble: list[str] = []
        """What the browser complained of: errors of scripts, and what the content security policy kept from loading."""

    async def tab(self, path: str) -> Page:
        """Open a page in a new tab."""
        page = await self.context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.trouble.append(str(error)))
        page.on("console", self._note)
        page.on("dialog", lambda dialog: self.trouble.append(f"dialog: {dialog.message}"))
        await page.goto(self.url + path, wait_until="domcontentloaded")
        return page

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "status of 4" not in message.text:  # a refusal is no fault of the page
            self.trouble.append(message.text)


async def sign_in(
    running: Browser, url: str, token: str, *, dark: bool = False, width: int = 1280, zone: str = "Europe/Vienna"
) -> Person:
    """Sign in with a token, in a browser window of one's own."""
    context = await running.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", timezone_id=zone
    )
    person = Person(context, url)
    page = await person.tab("/desk/sign-in")
    await page.fill("#token", token)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/desk")
    await page.close()
    return person

"""The desk between two acts of a person, in a real browser: the worker is killed, then the database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from domain.core.enums import Role
from services.security.auth import create_token
from store.database import Database
from tests.support.desk_browser import Person, browser, sign_in
from tests.support.processes import Processes
from tests.support.temporal_ui import CHROMIUM, PATIENCE_MS

pytestmark = [pytest.mark.long, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")]

AGAIN = "Send it again"


@pytest_asyncio.fixture
async def ada(house: Processes) -> AsyncIterator[Person]:
    """An agent who is signed in to the desk."""
    await house.up("api")
    db = Database(house.postgres.url)
    token, _ = create_token(db, "ada", Role.AGENT, timedelta(days=1), datetime.now(UTC))
    db.dispose()
    async with browser() as running:
        yield await sign_in(running, house.api_url, token)


async def ticket_of(person: Person, subject: str) -> Page:
    """A ticket that the person has opened and taken, and its page."""
    page = await person.tab("/desk/new")
    await page.fill('[name="account.id"]', "acme")
    await page.fill('[name="subject"]', subject)
    await page.get_by_role("button", name="Open the ticket").click()
    await page.wait_for_url("**/desk/tickets/**")
    await page.keyboard.press("t")
    await expect(page.locator("header.whole")).to_contain_text("open in T1", timeout=PATIENCE_MS)
    return page


async def note(page: Page, text: str) -> None:
    """Leave an internal note by the form of the page."""
    await page.keyboard.press("m")
    await page.locator("form[data-command=note] textarea").fill(text)
    async with page.expect_navigation(wait_until="domcontentloaded", timeout=PATIENCE_MS):
        await page.keyboard.press("Control+Enter")


async def send_again(page: Page) -> None:
    async with page.expect_navigation(wait_until="domcontentloaded", timeout=PATIENCE_MS):
        await page.get_by_role("button", name=AGAIN).click()


async def until_shown(page: Page, text: str) -> None:
    """Send the act again until it is heard, and wait until the page of the ticket shows it."""
    while await page.get_by_role("button", name=AGAIN).count():
        await send_again(page)
    await expect(page.locator(".message.internal", has_text=text)).to_be_visible(timeout=PATIENCE_MS)


def notes(house: Processes, text: str) -> int:
    """How many notes with this text the journal has."""
    query = "SELECT count(*) FROM texts t JOIN ticket_events e USING (ticket_id, epoch, seq) "
    ((count,),) = house.rows(query + "WHERE e.type = 'noted' AND NOT e.superseded AND t.text = :text", text=text)
    return int(count)


@pytest.mark.parametrize("killed", ["worker", "postgres"])
async def test_an_act_that_meets_an_outage_is_said_so_kept_and_done_once(
    house: Processes, ada: Person, killed: str
) -> None:
    page = await ticket_of(ada, f"The {killed} is killed")
    await note(page, f"Before the {killed} was killed.")
    lost = f"While there was no {killed}."
    house.kill(killed)
    await note(page, lost)
    await expect(page.locator("main")).to_contain_text("What you typed is not lost")
    await send_again(page)  # too early
    await expect(page.get_by_role("button", name=AGAIN)).to_be_visible()
    await house.up(killed)
    await until_shown(page, lost)
    await note(page, f"After the {killed} was back.")
    await until_shown(page, f"After the {killed} was back.")
    for text in (f"Before the {killed} was killed.", lost, f"After the {killed} was back."):
        assert notes(house, text) == 1, text

"""The help inside a product: one script, on a page of another origin that allows next to nothing."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from playwright.async_api import Route as Asked
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from temporalio.client import Client

from bench.answers import KB
from integrations.standins.run import served
from services.knowledge.help_keys import make_key
from services.knowledge.importing import import_folder
from store import journal
from tests.support.root import ROOT
from tests.support.served_api import Api, an_api
from tests.support.temporal_ui import CHROMIUM, PATIENCE_MS
from web.render import STATIC

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
SAMPLE = ROOT / "examples" / "in-app" / "index.html"
MOST = 4096


class Product:
    """A product of another company's, whose pages allow the script and the answers, and nothing else."""

    def __init__(self) -> None:
        self.centre = self.key = ""

    async def page(self, _: Request) -> Response:
        text = (
            SAMPLE.read_text(encoding="utf-8").replace("HELP_CENTRE", self.centre).replace("PUBLISHABLE_KEY", self.key)
        )
        policy = f"default-src 'none'; script-src {self.centre}; connect-src {self.centre}"
        return HTMLResponse(text, headers={"Content-Security-Policy": policy})


@pytest.fixture(scope="module")
def product() -> Iterator[tuple[Product, str]]:
    one = Product()
    with served(Starlette(routes=[Route("/", one.page)])) as url:
        yield one, url


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(
    api: Api, temporal_dev: Client, shared_database: str, product: tuple[Product, str]
) -> AsyncIterator[tuple[Api, str]]:
    import_folder(api.db, KB)
    async with an_api(shared_database, temporal_dev, TIERLINE_HELP_CENTRE="true") as served_centre:
        one, url = product
        one.centre = served_centre.url
        one.key = make_key(api.db, "in-app", [url], api.db.clock.now()).key
        yield served_centre, url


@pytest_asyncio.fixture(loop_scope="session")
async def page(running: Browser, place: tuple[Api, str]) -> AsyncIterator[Page]:
    """The product's page with the help open. Whatever the browser complains of fails the test."""
    one = await running.new_page()
    one.set_default_timeout(PATIENCE_MS)
    trouble: list[str] = []
    one.on("pageerror", lambda error: trouble.append(str(error)))
    one.on("console", lambda said: trouble.append(said.text) if said.type == "error" else None)
    await one.goto(place[1], wait_until="domcontentloaded")
    await one.get_by_role("button", name="Help").click()
    yield one
    await one.close()
    assert [
        line for line in trouble if not any(word in line for word in ("favicon", "It broke", "status of 422"))
    ] == []


def test_the_script_is_small() -> None:
    assert (STATIC / "in-app.js").stat().st_size <= MOST


@pytest.mark.long
@needs_browser
async def test_the_articles_of_the_screen_are_there_at_once_and_one_helps(page: Page, place: tuple[Api, str]) -> None:
    articles = page.locator("dialog p button")
    await expect(articles.first).to_be_visible(timeout=PATIENCE_MS)
    assert 1 <= await articles.count() <= 3
    await articles.first.click()
    await expect(page.get_by_role("link", name="Read it")).to_have_attribute(
        "href", re.compile(place[0].url + "/help/")
    )
    await page.get_by_role("button", name="Yes").click()
    await expect(page.get_by_role("status")).to_have_text("Good to hear.", timeout=PATIENCE_MS)


@pytest.mark.long
@needs_browser
async def test_a_ticket_brings_screen_version_error_and_what_was_searched(page: Page, place: tuple[Api, str]) -> None:
    await page.evaluate("window.dispatchEvent(new ErrorEvent('error', {message: 'It broke: E17'}))")
    await page.get_by_label("Search").fill("export ends with an error")
    async with page.expect_response(lambda answer: "q=export" in answer.url):
        await page.keyboard.press("Enter")
    await page.locator("dialog p button").first.click()
    await page.get_by_role("button", name="No").click()
    await page.get_by_label("Your e-mail").fill("ada@example.com")
    await page.get_by_label("In one line").fill("Export fails")
    await page.get_by_label("What happens?").fill("Nothing comes.")
    await page.get_by_role("button", name="Send").click()
    status = page.get_by_role("status")
    await expect(status).to_contain_text("We have it, as number", timeout=PATIENCE_MS)

    ticket = (await status.inner_text()).split()[-1]
    with place[0].db.session() as session:
        texts = journal.texts(session, ticket)
    assert texts["1.description"] == "Nothing comes.\n\nScreen: settings/billing\nVersion: 4.12\nError: It broke: E17"
    assert texts["1.searched"].startswith("Searched for: export ends with an error\nRead: ")


@pytest.mark.long
@needs_browser
async def test_articles_that_come_late_do_not_replace_what_is_being_written(page: Page) -> None:
    held = asyncio.Event()

    async def hold(route: Asked) -> None:
        await held.wait()
        await route.continue_()

    await page.route("**/api/v1/answers?q=*", hold)
    await page.get_by_label("Search").fill("export ends with an error")
    async with page.expect_request("**/api/v1/answers?q=*"):
        await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Write to us").click()
    await page.get_by_label("In one line").fill("Export fails")
    async with page.expect_response("**/api/v1/answers?q=*") as late:
        held.set()
    await (await late.value).finished()
    await page.evaluate("new Promise(done => setTimeout(done))")  # what the page does with the answer is done
    await expect(page.get_by_label("In one line")).to_have_value("Export fails")


@pytest.mark.long
@needs_browser
async def test_a_refusal_stands_in_the_dialog_and_what_was_written_stays(page: Page) -> None:
    await page.get_by_role("button", name="Write to us").click()
    await page.get_by_label("Your e-mail").fill("ada@localhost")
    await page.get_by_label("In one line").fill("Export fails")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("status")).to_contain_text("it is no mail address", timeout=PATIENCE_MS)
    await expect(page.get_by_label("In one line")).to_have_value("Export fails")

"""The card of a ticket in another site's page: framed where the settings name that site, and nowhere else."""

import html
import re
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Frame, Page, expect
from temporalio.client import Client

from domain.core.enums import Role
from domain.core.ids import ticket_id
from tests.support.desk_visitor import Visitor
from tests.support.served_api import Api, an_api
from tests.support.temporal_ui import CHROMIUM, PATIENCE_MS
from tests.support.waiting import until

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


class OtherSite(BaseHTTPRequestHandler):
    """A site whose one page frames the address in its query. To a browser, localhost is another site than
    127.0.0.1."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        address = html.escape(unquote(urlsplit(self.path).query))
        self.wfile.write(f'<h1>Helpdesk</h1><iframe id="card" src="{address}"></iframe>'.encode())

    def log_message(self, *_: object) -> None:
        """Nothing of it belongs into the output of the tests."""


def another_site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), OtherSite) as server:
        thread = threading.Thread(target=server.serve_forever, name="another site")
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


helpdesk = pytest.fixture(scope="module")(another_site)
stranger = pytest.fixture(scope="module")(another_site)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def framed(temporal_dev: Client, shared_database: str, api: Api, helpdesk: str) -> AsyncIterator[Api]:
    """An API whose cards the helpdesk may frame; the workers are those of `api`."""
    async with an_api(shared_database, temporal_dev, TIERLINE_DESK_FRAME_ANCESTORS=helpdesk) as one:
        yield one


async def framing(context: BrowserContext, site: str, address: str) -> Page:
    """A page of another site that frames `address`."""
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    await page.goto(f"{site}/ticket?{quote(address, safe='')}")
    return page


async def frame_of(page: Page) -> Frame:
    """The frame, once it has loaded something, or was kept from it."""
    await until(lambda: len(page.frames) == 2 and page.frames[1].url not in ("", "about:blank"))
    return page.frames[1]


@pytest.mark.long
@needs_browser
async def test_the_card_is_framed_signed_in_and_worked_in_the_page_of_a_site_that_is_named(
    framed: Api, helpdesk: str, running: Browser
) -> None:
    ticket = await framed.open(subject="In the sidebar")
    await framed.take(ticket)
    # What a proxy in front says: a cookie is sent in a frame of another site over TLS only.
    context = await running.new_context(extra_http_headers={"X-Forwarded-Proto": "https"})
    page = await framing(context, helpdesk, f"{framed.url}/desk/tickets/{ticket}/card")
    card = page.frame_locator("#card")
    await card.locator("#token").fill(framed.tokens[Role.AGENT])
    await card.get_by_role("button", name="Sign in").click()
    await expect(card.locator("h1")).to_have_text("In the sidebar", timeout=PATIENCE_MS)
    await card.locator("summary", has_text="Note a step").click()
    await card.locator("form[data-command=step] textarea").first.fill("Cleared the cache.")
    await card.locator("form[data-command=step] button").click()
    await expect(card.locator(".gate")).to_contain_text("Cleared the cache.", timeout=PATIENCE_MS)
    raised = {"priority": "P1", "reason": "It is worse."}
    await framed.post(f"/api/v1/tickets/{ticket}/prioritise", raised, role=Role.LEAD)
    await expect(card.locator("main > header .priority")).to_have_text("P1", timeout=PATIENCE_MS)  # live there too
    cookie: Mapping[str, Any] = next(one for one in await context.cookies() if one["name"] == "tierline_session")
    assert (cookie["sameSite"], cookie["secure"], cookie["httpOnly"]) == ("None", True, True)
    assert cookie["partitionKey"] == "http://localhost"
    await context.close()


@pytest.mark.long
@needs_browser
async def test_other_pages_and_other_sites_frame_nothing(
    framed: Api, api: Api, helpdesk: str, stranger: str, running: Browser
) -> None:
    context = await running.new_context()
    for site, address in (
        (helpdesk, f"{framed.url}/desk/sign-in"),
        (helpdesk, f"{framed.url}/desk/queue"),
        (stranger, f"{framed.url}/desk/sign-in/card"),
        (helpdesk, f"{api.url}/desk/sign-in/card"),  # where no site is named
    ):
        page = await framing(context, site, address)
        assert (await frame_of(page)).url.startswith("chrome-error:"), address
    allowed = await framing(context, helpdesk, f"{framed.url}/desk/sign-in/card")
    await expect(allowed.frame_locator("#card").locator("#token")).to_be_visible(timeout=PATIENCE_MS)
    await context.close()


# -- Without a browser -----------------------------------------------------------------------------------------


async def cookie_of(api: Api, path: str, scheme: str) -> str:
    visitor = Visitor(api)
    visitor.session.headers["X-Forwarded-Proto"] = scheme
    fields = {"token": api.tokens[Role.AGENT], "zone": "UTC", "next": "/desk/tickets/1/card"}
    return str((await visitor.post(path, fields)).headers["Set-Cookie"])


async def test_only_signing_in_inside_the_frame_over_tls_gives_a_cookie_that_is_sent_there(
    framed: Api, api: Api
) -> None:
    inside = await cookie_of(framed, "/desk/sign-in/card", "https")
    assert re.search(r"HttpOnly; .*SameSite=None; Secure; Partitioned$", inside)
    for served, path, scheme in (
        (framed, "/desk/sign-in", "https"),
        (framed, "/desk/sign-in/card", "http"),
        (api, "/desk/sign-in/card", "https"),
    ):
        cookie = await cookie_of(served, path, scheme)
        assert "SameSite=lax" in cookie
        assert "Partitioned" not in cookie


async def test_a_form_from_another_site_is_refused_although_the_cookie_comes_with_it(
    framed: Api, helpdesk: str
) -> None:
    ticket = await framed.open()
    await framed.take(ticket)
    visitor = Visitor(framed)
    await visitor.sign_in()
    card = f"/desk/tickets/{ticket}/card"
    page = await visitor.get(card)
    hidden = visitor.hidden(page, f"/desk/tickets/{ticket}/step/card")
    step = f"/desk/tickets/{ticket}/step/card"
    for headers in ({"Origin": helpdesk}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await visitor.post(step, hidden | {"text": "Forged."}, headers=headers)).status_code == 403
    assert (await visitor.post(step, {"text": "Forged."})).status_code == 403  # without the session's own token
    assert (await visitor.post(step, hidden | {"text": "Written here."})).status_code == 303


async def test_a_helpdesks_number_leads_to_the_card(framed: Api) -> None:
    visitor = Visitor(framed)
    assert (await visitor.get("/desk/helpdesk/zendesk/4711/card")).headers["Location"] == (
        "/desk/sign-in/card?next=%2Fdesk%2Fhelpdesk%2Fzendesk%2F4711%2Fcard"
    )
    await visitor.sign_in()
    answer = await visitor.get("/desk/helpdesk/zendesk/4711/card")
    assert answer.headers["Location"] == f"/desk/tickets/{ticket_id('zendesk', '4711')}/card"
    assert (await visitor.get(answer.headers["Location"])).status_code == 404
    for wrong in ("zendesk/x", "zendesk/" + "1" * 20, "a%20b/1"):
        assert (await visitor.get(f"/desk/helpdesk/{wrong}/card")).status_code == 404

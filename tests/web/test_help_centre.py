"""The help centre in a real browser: a visitor finds an answer, or opens a ticket that carries what they tried."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page
from sqlalchemy import select
from temporalio.client import Client

from services.knowledge.importing import import_folder
from store import journal
from store.database import Database
from store.tables.base import Base
from store.tables.knowledge import HelpReadRow, HelpSearchRow, HelpSessionRow
from tests.support.hostile import HOSTILE
from tests.support.knowledge import KB
from tests.support.served_api import Api, an_api
from tests.support.temporal_ui import CHROMIUM, PATIENCE_MS

pytestmark = [pytest.mark.long, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")]

ANALYTICS = ("help_sessions", "help_searches", "help_reads")
ADA = "ada.lovelace@example.com"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def centre(api: Api, temporal_dev: Client, shared_database: str) -> AsyncIterator[Api]:
    """A help centre with the samples, and an article that is up to no good."""
    import_folder(api.db, KB)
    async with an_api(shared_database, temporal_dev, TIERLINE_HELP_CENTRE="true") as one:
        yield one


class Visitor:
    """Somebody with a browser of their own."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.trouble: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.trouble.append(str(error)))
        page.on("console", lambda one: self.trouble.append(one.text) if one.type == "error" else None)

    async def search(self, query: str) -> None:
        await self.page.goto(f"{self.url}/help", wait_until="domcontentloaded")
        await self.page.fill("#q", query)
        await self.page.keyboard.press("Enter")
        await self.page.wait_for_url("**/help/search?q=*")


async def visitor(running: Browser, url: str) -> Visitor:
    context = await running.new_context(viewport={"width": 390, "height": 800})
    return Visitor(await context.new_page(), url)


def kept(db: Database) -> str:
    """All that the tables of visits hold, as text."""
    with db.session() as session:
        rows = [session.execute(select(Base.metadata.tables[name])).all() for name in ANALYTICS]
    return str(rows)


def sessions(db: Database) -> list[HelpSessionRow]:
    with db.session() as session:
        return list(session.scalars(select(HelpSessionRow).order_by(HelpSessionRow.started_at)))


async def test_a_visitor_who_says_that_an_article_helped_is_counted_and_nothing_says_who_it_was(
    centre: Api, running: Browser
) -> None:
    one = await visitor(running, centre.url)
    await one.search(f"exprot error for {ADA} from 203.0.113.7")
    await one.page.get_by_role("link", name="An export ends with an error").click()
    await one.page.get_by_role("button", name="Yes, it helped").click()
    await one.page.get_by_role("status").wait_for()

    latest = sessions(centre.db)[-1]
    assert latest.helped_by == "troubleshooting/reports/export-error"
    assert latest.helped_at is not None
    assert (latest.ticket_id, latest.channel) == (None, "help centre")
    with centre.db.session() as session:
        search = session.scalars(select(HelpSearchRow).where(HelpSearchRow.session_id == latest.id)).one()
        read = session.scalars(select(HelpReadRow).where(HelpReadRow.session_id == latest.id)).one()
    assert search.query == "exprot error for [e-mail address removed] from [ip address removed]"
    assert search.opened
    assert read.helped is True
    assert not re.search(r"ada|example\.com|203\.0|127\.0\.0\.1|mozilla", kept(centre.db), re.IGNORECASE)
    assert one.trouble == []


async def test_a_ticket_from_a_search_carries_it_and_what_was_read(centre: Api, running: Browser) -> None:
    one = await visitor(running, centre.url)
    await one.search("reminder sent twice")
    await one.page.get_by_role("link", name="Reminders by mail").click()
    await one.page.get_by_role("button", name="No", exact=True).click()
    await one.page.get_by_role("link", name="write to us", exact=True).click()
    await one.page.fill("#email", ADA)
    await one.page.fill("#description", "Our customers got it twice.")
    await one.page.get_by_role("button", name="Send").click()
    ticket = await one.page.locator("strong").inner_text()

    latest = sessions(centre.db)[-1]
    assert (latest.ticket_id, latest.helped_at) == (ticket, None)
    with centre.db.session() as session:
        texts = journal.texts(session, ticket)
        state = journal.load(session, ticket)
    assert texts["1.searched"] == "Searched for: reminder sent twice\nRead: product-guides/reminders"
    assert texts["1.subject"] == "Reminders by mail and text message"
    assert state is not None
    assert (state.source, state.account.id, state.account_unknown) == (
        "api:help-centre", "visitors-of:example.com", True,
    )  # fmt: skip
    assert "ada" not in kept(centre.db).lower()
    assert one.trouble == []


async def test_no_page_of_it_has_a_serious_fault_or_is_too_wide_or_runs_what_somebody_wrote(
    centre: Api, running: Browser, tmp_path: Any
) -> None:
    one = await visitor(running, centre.url)
    article = "/help/troubleshooting/reports/export-error"
    typed = "%3Csvg/onload=alert(1)%3E export"
    pages = (
        "/help",
        "/help/faq",
        article,
        f"/help/search?q={typed}",
        "/help/ticket",
        "/help/no/such",
        article + "?helped=no",
    )
    for path in pages:
        answer = await one.page.goto(centre.url + path, wait_until="domcontentloaded")
        assert answer is not None
        assert "script-src" not in answer.headers["content-security-policy"]
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        found = (await Axe().run(one.page, options={"resultTypes": ["violations"]})).response["violations"]
        assert [fault["id"] for fault in found if fault["impact"] in ("serious", "critical")] == [], path
        width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await one.page.evaluate(width) <= 0, path
        assert await one.page.locator("body script, main svg, main img").count() == 0


async def test_a_hostile_article_name_and_query_are_text(centre: Api, running: Browser, tmp_path: Any) -> None:
    hostile = " ".join(HOSTILE)
    folder = tmp_path / "kb" / "faq"
    folder.mkdir(parents=True)
    quoted = hostile.replace("\\", "").replace('"', "")[:150].replace("\n", " ")
    (folder / "bad.md").write_text(f'---\ntitle: "{quoted} zebra"\n---\n{hostile}\n\nzebra\n')
    import_folder(centre.db, tmp_path / "kb")
    try:
        one = await visitor(running, centre.url)
        for path in ("/help", "/help/faq", "/help/faq/bad", "/help/search?q=zebra"):
            await one.page.goto(centre.url + path, wait_until="domcontentloaded")
            wrong = (
                "main script, main img, main svg, main iframe, main style, main form[action*='else'], main [onerror]"
            )
            assert await one.page.locator(wrong).count() == 0, path
            assert await one.page.get_by_text("zebra").count() > 0
        assert [said for said in one.trouble if "404" not in said] == []
    finally:
        import_folder(centre.db, KB)


async def test_without_the_setting_there_is_no_help_centre(api: Api) -> None:
    assert (await api.get("/help", role=None)).status_code in (401, 404)

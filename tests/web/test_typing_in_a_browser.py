"""Drafts, templates and presence in a real browser: nothing is lost, and nothing half-finished goes out."""

from uuid import uuid4

import pytest
from playwright.async_api import Browser, expect

from domain.core.enums import Role
from services import reply_templates
from tests.support.desk_browser import sign_in
from tests.support.served_api import Api
from tests.support.temporal_ui import CHROMIUM, PATIENCE_MS
from tests.support.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")]

BODY = "Hello,\n\n{{personal line}}\n\nAbout {{subject}}: it works from {{when}} on."
LINE = "I have run your export of March myself."
REPLY = "form[data-command=respond]"


def kept_template(api: Api) -> str:
    name = f"works-{uuid4().hex[:8]}"
    made = reply_templates.make({"name": name, "situation": f"It works again {name}", "body": BODY})
    reply_templates.save(api.db, made, by="lena", role=Role.LEAD)
    return name


async def test_what_is_typed_is_there_in_another_tab_seen_by_a_colleague_and_gone_once_it_is_sent(
    api: Api, running: Browser
) -> None:
    ticket = await api.open(subject="Half a sentence")
    person = await sign_in(running, api.url, api.tokens[Role.AGENT])
    lead = await sign_in(running, api.url, api.tokens[Role.LEAD])
    page = await person.tab(f"/desk/tickets/{ticket}")
    theirs = await lead.tab(f"/desk/tickets/{ticket}")
    await expect(theirs.locator(".presence")).to_contain_text("agent-1 has it open", timeout=PATIENCE_MS)
    await page.keyboard.press("r")
    await page.keyboard.type("Half a sentence")
    await expect(page.locator(f"{REPLY} .draft")).to_contain_text("Draft kept", timeout=PATIENCE_MS)
    second = await person.tab(f"/desk/tickets/{ticket}")

    async def is_whole() -> bool:
        await second.reload(wait_until="domcontentloaded")
        return await second.locator(f"{REPLY} textarea").input_value() == "Half a sentence"

    await until(is_whole)
    await page.keyboard.type(", and the rest")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".message.ours")).to_contain_text("and the rest", timeout=PATIENCE_MS)
    third = await person.tab(f"/desk/tickets/{ticket}")
    await expect(third.locator(f"{REPLY} textarea")).to_have_value("")
    assert person.trouble + lead.trouble == []


async def test_a_draft_that_cannot_be_kept_is_said_so_and_the_page_stays_as_it_is(api: Api, running: Browser) -> None:
    ticket = await api.open(subject="The database is away")
    person = await sign_in(running, api.url, api.tokens[Role.AGENT])
    page = await person.tab(f"/desk/tickets/{ticket}")
    draft = page.locator(f"{REPLY} .draft")
    await page.route(
        "**/drafts/**", lambda route: route.fulfill(status=503, body="<h1>Not available now</h1><button autofocus>")
    )
    await page.keyboard.press("r")
    await page.keyboard.type("Half a sentence")
    await expect(draft).to_contain_text("Draft not kept", timeout=PATIENCE_MS)
    assert await page.get_by_text("Not available now").count() == 0
    await page.unroute("**/drafts/**")
    await page.keyboard.type(", and the rest")  # the focus is where it was
    await expect(draft).to_contain_text("Draft kept", timeout=PATIENCE_MS)
    await expect(page.locator(f"{REPLY} textarea")).to_have_value("Half a sentence, and the rest")


async def test_who_writes_is_seen_on_a_page_that_is_open_already(api: Api, running: Browser) -> None:
    ticket = await api.open(subject="Two at once, again")
    person = await sign_in(running, api.url, api.tokens[Role.AGENT])
    lead = await sign_in(running, api.url, api.tokens[Role.LEAD])
    theirs = await lead.tab(f"/desk/tickets/{ticket}")
    page = await person.tab(f"/desk/tickets/{ticket}")
    await page.keyboard.press("r")
    while not await theirs.get_by_text("agent-1 is writing").count():  # it counts for 25 s: she goes on writing
        await page.keyboard.type("a ", delay=100)
    assert person.trouble + lead.trouble == []


async def test_f9_a_reply_from_a_template_goes_out_with_its_gaps_and_the_personal_line(
    api: Api, running: Browser
) -> None:
    name = kept_template(api)
    ticket = await api.open(subject="Export fails")
    person = await sign_in(running, api.url, api.tokens[Role.AGENT])
    page = await person.tab(f"/desk/tickets/{ticket}")
    await page.keyboard.press("r")
    await page.locator("#respond-use").select_option(name)
    await page.locator(f"{REPLY} button[value=template]").click()
    await expect(page.locator("#respond-personal")).to_be_focused(timeout=PATIENCE_MS)
    await page.keyboard.type(LINE)
    async with page.expect_navigation(wait_until="domcontentloaded"):  # before that no script hears the next key
        await page.keyboard.press("Control+Enter")
    await expect(page.locator("#refused")).to_contain_text("when", timeout=PATIENCE_MS)
    await page.locator("#respond-gap-1").fill("noon")
    await page.keyboard.press("Control+Enter")
    said = page.locator(".message.ours .words")
    await expect(said).to_have_text(
        f"Hello,\n\n{LINE}\n\nAbout Export fails: it works from noon on.", timeout=PATIENCE_MS
    )
    assert person.trouble == []


async def test_f9_the_preview_follows_what_is_typed_and_the_form_still_saves(api: Api, running: Browser) -> None:
    person = await sign_in(running, api.url, api.tokens[Role.LEAD])
    page = await person.tab("/desk/new-template")
    await page.fill("#body", f"{{{{personal line}}}} {uuid4().hex} {{{{when}}}}")
    await expect(page.locator("#preview mark").nth(1)).to_have_text("when", timeout=PATIENCE_MS)
    name = f"typed-{uuid4().hex[:8]}"
    await page.fill("#name", name)
    await page.fill("#situation", "Typed in a browser")
    await page.get_by_role("button", name="Save").click()
    await page.wait_for_url("**/desk/templates")
    await expect(page.locator("table")).to_contain_text(name)
    assert person.trouble == []

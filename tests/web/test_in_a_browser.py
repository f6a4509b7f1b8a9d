"""The desk in a real browser: keys and live pages."""

import pytest
from playwright.async_api import Browser, expect

from domain.core.enums import Role
from tests.support.desk_browser import sign_in
from tests.support.served_api import Api
from tests.support.temporal_ui import CHROMIUM, PATIENCE_MS

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


async def test_the_next_ticket_is_taken_and_answered_by_keys_alone(api: Api, running: Browser) -> None:
    await api.open(subject="Keys alone", priority="P1", description="Nothing works.")
    person = await sign_in(running, api.url, api.tokens[Role.AGENT])
    page = await person.tab("/desk/queue?view=unassigned")
    await page.keyboard.press("n")
    await page.wait_for_url("**/desk/tickets/**")
    await expect(page.locator("header.top")).to_contain_text("agent-1")
    await page.keyboard.press("r")
    await page.keyboard.type("We are looking into it.")
    await page.keyboard.press("Control+Enter")
    said = page.locator(
        ".message.ours", has_text="We are looking into it."
    )  # the ticket of another test may come first
    await expect(said).to_be_visible(timeout=PATIENCE_MS)
    assert person.trouble == []


async def test_another_persons_act_is_seen_without_a_reload_and_what_is_being_typed_stays(
    api: Api, running: Browser
) -> None:
    ticket = await api.open(subject="Two at once")
    person = await sign_in(running, api.url, api.tokens[Role.AGENT])
    page = await person.tab(f"/desk/tickets/{ticket}")
    await page.keyboard.press("r")
    await page.keyboard.type("Half a sen")
    await api.post(f"/api/v1/tickets/{ticket}/respond", {"text": "We fixed it."}, role=Role.LEAD)
    await expect(page.locator(".message.ours")).to_contain_text("We fixed it.", timeout=PATIENCE_MS)
    box = page.locator("form[data-command=respond] textarea")
    await expect(box).to_have_value("Half a sen")
    await box.focus()
    await page.keyboard.press("Control+Enter")  # G14: the page that it was written on did not show the answer
    await expect(page.locator("#refused")).to_contain_text("Somebody answered: lead-1", timeout=PATIENCE_MS)
    await expect(page.locator("form[data-command=respond] textarea")).to_have_value("Half a sen")
    assert person.trouble == []


async def test_a_new_ticket_comes_into_the_open_queue(api: Api, running: Browser) -> None:
    person = await sign_in(running, api.url, api.tokens[Role.LEAD])
    page = await person.tab("/desk/queue?view=unassigned")
    await page.wait_for_function("document.getElementById('live').hidden")
    await api.open(subject="Out of the blue", priority="P1")
    await expect(page.get_by_text("Out of the blue")).to_be_visible(timeout=PATIENCE_MS)
    assert person.trouble == []

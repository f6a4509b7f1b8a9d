"""The desk in a real browser: keys, live pages, what is hostile, and whom it might keep out."""

from collections.abc import AsyncIterator
from pathlib import Path

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
    await expect(page.locator(".message.ours")).to_contain_text("We are looking into it.", timeout=PATIENCE_MS)
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


async def test_what_is_hostile_is_text_and_runs_nowhere(api: Api, running: Browser) -> None:
    subject = HOSTILE[7]  # a text with tags is taken for HTML at the door, and becomes plain text there
    ticket = await api.open(subject=subject, description="\n".join(HOSTILE), product_area=HOSTILE[3], tags=HOSTILE[:3])
    for text in HOSTILE:
        await api.post(f"/api/v1/tickets/{ticket}/note", {"text": text})
    await api.post(f"/api/v1/tickets/{ticket}/fill", {"fields": {"customer_impact": HOSTILE[1]}})
    person = await sign_in(running, api.url, api.tokens[Role.AGENT])
    page = await person.tab(f"/desk/tickets/{ticket}")
    await expect(page.locator("h1")).to_have_text(subject)
    shown = await page.locator("body").inner_text()
    for text in HOSTILE[:-1]:
        assert text in shown
    assert await page.locator("main [onerror], main [onload], main [onfocus], main script, main style").count() == 0
    await person.tab("/desk/queue?view=all")
    assert person.trouble == []


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def screens(api: Api) -> dict[str, str]:
    """The address of each kind of page, with much on it."""
    new = await api.open(subject="For everybody", description="Nothing works.", priority="P2")
    await api.post(f"/api/v1/tickets/{new}/take", {})
    await api.post(f"/api/v1/tickets/{new}/step", {"text": "Cleared the cache: no change."})
    handed = await api.open(
        subject="The export of last month ends with an error for accounts with two currencies",
        description="We press Export, and after a minute the page says that something went wrong.\nRequest 7f3a-11.",
        priority="P2",
    )
    await api.post(f"/api/v1/tickets/{handed}/take", {})
    package = {
        "steps_taken": "Cleared the cache: no change. Tried Firefox and Chrome.",
        "customer_impact": "Finance cannot close the month.",
        "reproduction_steps": "1. Reports\n2. Last month\n3. Export",
        "logs_or_screenshots": "Request 7f3a-11: KeyError 'currency' in /srv/app/reports/export.py, line 214",
    }
    answer = await api.post(f"/api/v1/tickets/{handed}/escalate", {"fields": package})
    assert answer.status_code == 200, answer.text
    opener = api.token(Role.ENGINEER, name="opens-for-looks")
    area = {"product_area": "reports", "priority": "P0"}
    incident = (await api.post("/api/v1/incidents", area, token=opener)).json()["incident"]
    room = f"/api/v1/incidents/{incident}"
    await api.post(f"{room}/acknowledge", {})
    await api.post(f"{room}/join", {"ticket": new})
    words = {"status": "We know why exports fail, and are testing the change.", "impact": "No exports since 09:10."}
    await api.post(f"{room}/update", words)
    seq = (await api.post(f"{room}/update", words | {"workaround": "Export each currency."})).json()["seq"]
    return {
        "queue": "/desk/queue?view=all",
        "empty-queue": "/desk/queue?view=promised",
        "ticket": f"/desk/tickets/{new}",
        "card": f"/desk/tickets/{handed}/card",
        "escalate": f"/desk/tickets/{handed}/escalate",
        "resolve": f"/desk/tickets/{new}/resolve",
        "incidents": "/desk/incidents",
        "all-incidents": "/desk/incidents?ended=yes",
        "room": f"/desk/incidents/{incident}?seq={seq}",
        "new": "/desk/new",
        "nothing": "/desk/nothing",
        "sign-in": "/desk/sign-in",
    }


@pytest.mark.parametrize("dark", [False, True])
async def test_no_page_has_a_serious_fault_of_accessibility_or_is_too_wide(
    api: Api, running: Browser, screens: dict[str, str], dark: bool, tmp_path: Path
) -> None:
    """The folder of the test keeps pictures of all pages: `--basetemp` says where."""
    person = await sign_in(running, api.url, api.tokens[Role.LEAD], dark=dark)
    page = await person.tab("/desk/queue")
    for name, path in screens.items():
        await page.set_viewport_size({"width": 1280, "height": 900})
        await page.goto(api.url + path, wait_until="domcontentloaded")
        for width in (390, 820, 1440):
            await page.set_viewport_size({"width": width, "height": 900})
            await page.screenshot(path=tmp_path / f"{name}-{width}.png", full_page=True)
            too_wide = await page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert too_wide <= 0, f"{name} at {width}"
        for panel in await page.locator("details").all():
            await panel.evaluate("one => one.open = true")
        found = (await Axe().run(page)).response["violations"]
        serious = {one["id"]: one["nodes"][0]["html"] for one in found if one["impact"] in ("serious", "critical")}
        assert serious == {}, name

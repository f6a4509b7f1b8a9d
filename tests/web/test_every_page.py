"""Every page of the desk in a real browser: whom it might keep out, light and dark, and whether it fits a phone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

import web
from domain.core.enums import Role
from services import reply_templates
from services.drafts import keep_draft
from store.drafts import Whose
from tests.support.accessibility import faults_of, grave_faults
from tests.support.desk_browser import sign_in
from tests.support.desk_pages import pages
from tests.support.full_desk import Past
from tests.support.knowledge import places_of
from tests.support.packages import T2_PACKAGE
from tests.support.policy_lab import id_of_a_trial
from tests.support.served_api import Api
from tests.support.surveys import answer_survey, closed_ticket, token_of
from tests.support.temporal_ui import CHROMIUM, PATIENCE_MS

pytestmark = [pytest.mark.long, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")]

TEMPLATE = "looks-of-a-template"
BODY = "Hello,\n\n{{personal line}}\n\nAbout {{subject}}: it works from {{when}} on."


async def _in_engineering(api: Api) -> str:
    """A ticket with a complete package, which Tier 2 holds."""
    ticket = await api.open(
        subject="The export of last month ends with an error for accounts with two currencies",
        description="We press Export, and after a minute the page says that something went wrong.\nRequest 7f3a-11.",
        priority="P2",
    )
    await api.take(ticket)
    answer = await api.post(f"/api/v1/tickets/{ticket}/escalate", {"fields": T2_PACKAGE})
    assert answer.status_code == 200, answer.text
    return ticket


async def _held(api: Api) -> str:
    """A ticket with something in each of its panels, and a reply that was begun with a template."""
    account = {"id": "every-page", "plan": "premium", "zone": "America/New_York"}
    ticket = await api.open(subject="For everybody", description="Nothing works.", priority="P2", account=account)
    due = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    gives: list[tuple[str, dict[str, Any], Role]] = [
        ("take", {}, Role.LEAD),
        ("step", {"text": "Cleared the cache: no change."}, Role.LEAD),
        ("respond", {"text": "We are looking into it."}, Role.LEAD),
        ("ask", {"to": "lead-1", "text": "Is this known?"}, Role.LEAD),
        ("promise", {"text": "An update.", "due": due}, Role.LEAD),
        ("attention", {"reason": "They leave."}, Role.CSM),
    ]
    for command, payload, role in gives:
        answer = await api.post(f"/api/v1/tickets/{ticket}/{command}", payload, role=role)
        assert answer.status_code == 200, answer.text
    made = reply_templates.make({"name": TEMPLATE, "situation": "Looks", "body": BODY})
    reply_templates.save(api.db, made, by="lead-1", role=Role.LEAD)
    text = reply_templates.filled(api.db, TEMPLATE, ticket, "lead-1")
    keep_draft(api.db, Whose(ticket, "lead-1", "respond"), {"text": text, "template": TEMPLATE}, "once")
    return ticket


async def _led(api: Api, member: str) -> tuple[str, int]:
    """An incident with an update that is approved and one that is not; and the number of its newest event."""
    opener = api.token(Role.ENGINEER, name="opens-for-looks")  # one person opens a few only (G6)
    area = {"product_area": "reports", "priority": "P0"}
    room = (await api.post("/api/v1/incidents", area, token=opener)).json()["incident"]
    base = f"/api/v1/incidents/{room}"
    await api.post(f"{base}/acknowledge", {})
    await api.post(f"{base}/join", {"ticket": member})
    words = {"status": "We know why exports fail, and are testing the change.", "impact": "No exports since 09:10."}
    await api.post(f"{base}/update", words)
    await api.post(f"{base}/approve", {"update": 1}, role=Role.LEAD)
    answer = await api.post(f"{base}/update", words | {"workaround": "Export each currency."})
    assert answer.status_code == 200, answer.text
    return str(room), answer.json()["seq"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def addresses(api: Api, past: Past) -> list[str]:
    """The address of every page, with much on it, and of some that are empty, or of another kind."""
    held = await _held(api)
    handed = await _in_engineering(api)
    incident, seq = await _led(api, held)
    places = {"{ticket}": held, "{incident}": f"{incident}?seq={seq}", "{account:path}": "every-page"}
    places["{trial}"] = await id_of_a_trial(api, "every-page")
    surveyed = await closed_ticket(api, subject="For everybody")
    await answer_survey(api, surveyed, 2, "It took too long, and nobody called back.")
    places["{token}"] = f"{token_of(surveyed)}?thanks"
    places |= places_of(api.db, "zzqy wwqx of the moon")
    return [
        *pages(places | {"{name}": TEMPLATE}),
        "/desk/queue?view=promised",
        "/desk/queue?view=questions",
        "/desk/incidents?ended=yes",
        "/desk/accounts?view=mine",
        "/desk/credits?account=every-page",
        "/desk/credits?state=applied",
        "/desk/credits/refunds?state=all",
        "/desk/credits/refunds?state=approved",
        f"/desk/statement?account=every-page&month={past.month}",
        "/desk/statement?account=every-page&month=2019-02",
        "/desk/statement?account=nobody-here&month=2019-02",
        "/desk/loop/wanted?kind=any&by=arr",
        f"/desk/week?week={past.week}",
        f"/desk/week/compare?before=2019-W07&after={past.week}",
        "/desk/week/compare?before=nonsense&after=2019-W07",
        f"/desk/week/variety?week={past.week}",
        "/desk?something_else=1",
        "/desk/week/release?version=4.13",
        "/desk/week/release?version=nonsense",
        f"/desk/tickets/{past.cancelled}",
        f"/desk/tickets/{past.billing}",
        f"/desk/search?q=everybody&ticket={held}",
        f"/desk/tickets/{handed}",
        f"/desk/tickets/{handed}/escalate",
        f"/desk/tickets/{held}/forecast?priority=P0",
        "/survey/nothing",
        f"/survey/{token_of(await closed_ticket(api))}",
        "/desk/nothing",
    ]


async def test_no_page_has_a_serious_fault_of_accessibility_or_is_too_wide(
    api: Api, running: Browser, addresses: list[str]
) -> None:
    """It takes its time: axe looks at more than fifty pages. `tests.e2e.desk_pictures --all` makes pictures of them."""
    person = await sign_in(running, api.url, api.tokens[Role.LEAD])
    page = await person.tab("/desk")
    await page.emulate_media(reduced_motion="reduce")  # a colour that changes by and by would be between the two
    faults = {}
    for address in addresses:
        await page.goto(api.url + address, wait_until="domcontentloaded")
        faults[address] = await faults_of(page)
    await page.goto(f"{api.url}/desk/queue", wait_until="domcontentloaded")
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        await page.keyboard.press("Control+k")
        await expect(page.locator("#palette")).to_be_visible(timeout=PATIENCE_MS)
        faults[f"the palette, {scheme}"] = await grave_faults(page)
        await page.keyboard.press("Escape")
        await expect(page.locator("#palette")).to_be_hidden(timeout=PATIENCE_MS)
    assert {address: found for address, found in faults.items() if found} == {}
    assert person.trouble == []


def test_in_the_dark_a_page_has_other_colours_and_nothing_else() -> None:
    """What the dark is told by is no condition for anything but a colour."""
    files = [file for file in Path(web.__file__ or "").parent.rglob("*") if file.suffix in (".css", ".js", ".html")]
    assert len(files) > 20
    assert [file.name for file in files if "prefers-color-scheme" in file.read_text()] == []

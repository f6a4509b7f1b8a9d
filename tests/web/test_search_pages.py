"""Search: tickets, incidents and accounts by what names them, as a page and as entries of the palette."""

from uuid import uuid4

import pytest
from playwright.async_api import Browser, expect

from domain.core.enums import Role
from tests.support.desk_browser import sign_in
from tests.support.desk_visitor import Visitor, at_ticket
from tests.support.served_api import Api
from tests.support.temporal_ui import CHROMIUM, PATIENCE_MS
from tests.support.waiting import until

HOSTILE = "<img src=x onerror=alert(1)>"
BRACES = "{{7*7}} ${7*7} &lt;b&gt;"
"""A subject that is taken for HTML at the door, and becomes plain text there."""
SHOWN = "{{7*7}} ${7*7} <b>"
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


async def found_by(visitor: Visitor, typed: str) -> list[str]:
    """The addresses of the palette's entries."""
    answer = await visitor.get("/desk/search/entries", params={"q": typed})
    assert answer.status_code == 200, answer.text
    return [one["href"] for one in answer.json()]


async def test_a_ticket_is_found_by_words_by_ids_by_its_account_and_by_its_customer(api: Api) -> None:
    word, account, customer, external = (uuid4().hex for _ in range(4))
    visitor, ticket, address = await at_ticket(
        api, external_id=external, subject=f"Ledger {word}", account={"id": account, "plan": "premium"}
    )
    await api.post(
        f"/api/v1/tickets/{ticket}/reply",
        {"text": "Still.", "by": customer},
        token=api.token(Role.INTEGRATION),
    )
    for typed in (word, f"ledger {word[:9]}", ticket, ticket.upper(), external, account, customer):
        assert address in await found_by(visitor, typed), typed
        page = await visitor.get("/desk/search", params={"q": typed})
        assert f'href="{address}"' in page.text, typed
    assert f"/desk/accounts/{account}" in await found_by(visitor, account)
    assert await found_by(visitor, uuid4().hex) == []
    assert "No ticket has these words" in (await visitor.get("/desk/search", params={"q": uuid4().hex})).text


async def test_an_incident_is_found_by_its_number(api: Api) -> None:
    visitor = Visitor(api)
    await visitor.sign_in()
    form = {"product_area": uuid4().hex, "priority": "P1"}
    opener = api.token(Role.LEAD, name="opens-what-is-found")  # one person opens a few only (G6)
    answer = await api.post("/api/v1/incidents", form, token=opener)
    assert answer.status_code == 201, answer.text
    number = answer.json()["incident"]
    await until(lambda: found_by(visitor, str(number)), "the incident is on record")
    for typed in (str(number), f"incident-{number}"):
        assert f"/desk/incidents/{number}" in await found_by(visitor, typed)
        assert f'href="/desk/incidents/{number}"' in (await visitor.get(f"/desk/search?q={typed}")).text
    assert await found_by(visitor, "incident-999999999") == []


@pytest.mark.parametrize("typed", ["", " ", "'", "%", "a", "& | !", "\\", "x" * 5000, "\u202e", HOSTILE])
async def test_whatever_is_typed_is_a_question(api: Api, typed: str) -> None:
    visitor = Visitor(api)
    await visitor.sign_in()
    await found_by(visitor, typed)
    page = await visitor.get("/desk/search", params={"q": typed})
    assert page.status_code == 200
    assert "<img" not in page.text


async def test_what_is_found_is_bounded_and_goes_on_page_by_page(api: Api) -> None:
    word = uuid4().hex
    for _ in range(9):
        await api.open(subject=f"Many {word}")
    visitor = Visitor(api)
    await visitor.sign_in()
    assert len(await found_by(visitor, word)) == 8


async def test_without_script_the_search_page_has_pages_and_the_acts_that_fit_the_open_ticket(api: Api) -> None:
    visitor, ticket, address = await at_ticket(api, subject="Acts")
    assert f'<input type="hidden" name="ticket" value="{ticket}">' in (await visitor.get(address)).text
    page = (await visitor.get("/desk/search", params={"ticket": ticket})).text
    assert f'href="{address}/escalate"' in page
    assert 'href="/desk/queue?view=breached"' in page
    assert ">waive<" not in page
    assert "What you can do" not in (await visitor.get("/desk/search?q=x&ticket=nonsense")).text
    assert (await Visitor(api).get("/desk/search/entries?q=x")).status_code == 303  # nobody is signed in


@pytest.mark.long
@needs_chromium
async def test_slash_goes_to_the_search_field_and_enter_searches(api: Api, running: Browser) -> None:
    word = uuid4().hex
    ticket = await api.open(subject=f"Slash {word}")
    person = await sign_in(running, api.url, api.tokens[Role.AGENT])
    page = await person.tab("/desk/queue")
    await page.keyboard.press("/")
    await page.keyboard.type(word)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/desk/search?q=*")
    await expect(page.locator(f'a[href="/desk/tickets/{ticket}"]')).to_be_visible(timeout=PATIENCE_MS)
    assert person.trouble == []


@pytest.mark.long
@needs_chromium
async def test_the_palette_finds_opens_and_acts_by_keys_alone_and_says_what_it_has(api: Api, running: Browser) -> None:
    word = uuid4().hex
    ticket = await api.open(subject=f"{BRACES} {word}")
    person = await sign_in(running, api.url, api.tokens[Role.AGENT])
    page = await person.tab("/desk/incidents")
    palette = page.locator("#palette")
    box, options, status = (palette.get_by_role(role) for role in ("combobox", "option", "status"))
    chosen = palette.locator("[aria-selected=true]")
    await page.keyboard.press("Control+k")
    await expect(box).to_be_focused(timeout=PATIENCE_MS)
    await page.keyboard.type("queue")
    await expect(chosen).to_contain_text("Queue", timeout=PATIENCE_MS)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/desk/queue*")
    await page.keyboard.press(":")
    await page.keyboard.type(word)
    await expect(options.filter(has_text=ticket)).to_contain_text(SHOWN, timeout=PATIENCE_MS)
    await expect(status).to_have_text("2 entries", timeout=PATIENCE_MS)
    await expect(box).to_have_attribute("aria-activedescendant", str(await chosen.get_attribute("id")))
    await page.keyboard.press("ArrowDown")
    await expect(chosen).to_contain_text("Search for", timeout=PATIENCE_MS)
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/desk/tickets/{ticket}")
    await page.keyboard.press(":")
    await page.keyboard.type("internal note")
    await page.keyboard.press("Enter")
    await page.keyboard.type("By the palette.")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".message.internal")).to_contain_text("By the palette.", timeout=PATIENCE_MS)
    await page.keyboard.press("Control+k")
    await page.keyboard.type("waive")
    await expect(options).to_have_count(1, timeout=PATIENCE_MS)  # no act of an agent's: only the search
    await page.keyboard.press("Escape")
    await expect(palette).to_be_hidden(timeout=PATIENCE_MS)
    assert person.trouble == []

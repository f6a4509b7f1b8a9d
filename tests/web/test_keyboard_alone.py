"""What people do all day at the desk, by the keyboard alone, each with no more keys than it may take.

A key is whatever is pressed besides writing into fields (`tests.support.keys`).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Browser, Page, expect
from temporalio.client import Client

from domain.core.enums import Role
from domain.ticket.state import workflow_id
from services import reply_templates
from tests.support.desk_browser import Person, sign_in
from tests.support.keys import Keys
from tests.support.packages import T2_PACKAGE, T3_PACKAGE
from tests.support.served_api import Api
from tests.support.temporal_ui import CHROMIUM, PATIENCE_MS
from tests.support.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")]

SEND = "Control+Enter"
HEAD = "main > header.whole"


async def agent(api: Api, running: Browser) -> Person:
    """An agent of the test's own, signed in."""
    return await sign_in(running, api.url, api.token(Role.AGENT, name=f"key-{uuid4().hex[:6]}"))


async def at(api: Api, running: Browser, path: str) -> tuple[Person, Keys]:
    """An agent of the test's own, with a page open, and the keys that they press."""
    person = await agent(api, running)
    return person, Keys(await person.tab(path))


async def shows(page: Page, place: str, text: str) -> None:
    await expect(page.locator(place).first).to_contain_text(text, timeout=PATIENCE_MS)


async def give(api: Api, ticket: str, command: str, payload: dict[str, Any], role: Role = Role.AGENT) -> None:
    answer = await api.post(f"/api/v1/tickets/{ticket}/{command}", payload, role=role)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("path", ["/desk", "/desk/queue?view=unassigned"])
async def test_g10_the_right_next_ticket_is_taken_with_one_key(api: Api, running: Browser, path: str) -> None:
    await api.open(subject="To be pulled", priority="P1")
    person, keys = await at(api, running, path)
    await keys.press("n")
    await keys.page.wait_for_url("**/desk/tickets/**")
    await shows(keys.page, HEAD, "key-")
    assert len(keys.pressed) <= 1
    assert person.trouble == []


async def test_f9_a_reply_from_a_template_with_its_gap_and_a_personal_line_goes_out_with_four_keys(
    api: Api, running: Browser
) -> None:
    word = uuid4().hex[:8]
    body = "Hello,\n\n{{personal line}}\n\nAbout {{subject}}: it works from {{when}} on."
    made = reply_templates.make({"name": f"works-{word}", "situation": f"{word} works again", "body": body})
    reply_templates.save(api.db, made, by="lena", role=Role.LEAD)
    ticket = await api.open(subject="Export fails")
    person, keys = await at(api, running, f"/desk/tickets/{ticket}")
    await keys.press("r", "/")
    await keys.write(word)
    await keys.press("Enter")
    await expect(keys.page.locator("#respond-personal")).to_be_focused(timeout=PATIENCE_MS)
    await keys.write("I have run your export myself.", "noon")
    await keys.press(SEND)
    sent = "Hello,\n\nI have run your export myself.\n\nAbout Export fails: it works from noon on."
    await expect(keys.page.locator(".message.ours .words")).to_have_text(sent, timeout=PATIENCE_MS)
    assert len(keys.pressed) <= 4
    assert person.trouble == []


async def test_f9_a_gap_that_is_left_holds_the_reply(api: Api, running: Browser) -> None:
    word = uuid4().hex[:8]
    body = "{{personal line}}\n\nIt works from {{when}} on."
    made = reply_templates.make({"name": f"held-{word}", "situation": f"{word} is held", "body": body})
    reply_templates.save(api.db, made, by="lena", role=Role.LEAD)
    ticket = await api.open(subject="Export fails")
    _, keys = await at(api, running, f"/desk/tickets/{ticket}")
    await keys.press("r", "/")
    await keys.write(word)
    await keys.press("Enter")
    await expect(keys.page.locator("#respond-personal")).to_be_focused(timeout=PATIENCE_MS)
    await keys.write("I have run your export myself.")
    await keys.press(SEND)
    await shows(keys.page, "#refused", "when")
    await expect(keys.page.locator(".message.ours")).to_have_count(0)


@pytest.mark.parametrize(
    ("key", "field"), [("s", "steps taken"), ("u", "logs or screenshots")], ids=["a step", "an attachment"]
)
async def test_g3_the_package_fills_while_one_works_with_two_keys(
    api: Api, running: Browser, key: str, field: str
) -> None:
    ticket = await api.open(subject="Export fails")
    await give(api, ticket, "take", {})
    person, keys = await at(api, running, f"/desk/tickets/{ticket}")
    await shows(keys.page, ".gate li:not(.filled)", "is missing")
    await keys.press(key)
    await keys.write("Cleared the cache: no change.")
    await keys.press(SEND)
    filled = keys.page.locator(".gate li.filled", has_text=field)
    await expect(filled).to_contain_text("Cleared the cache", timeout=PATIENCE_MS)
    assert len(keys.pressed) <= 2
    assert person.trouble == []


async def test_g4_a_complete_ticket_is_escalated_with_two_keys_and_the_issue_is_seen_before(
    api: Api, running: Browser
) -> None:
    ticket = await api.open(subject="Export fails", priority="P2")
    await give(api, ticket, "take", {})
    await give(api, ticket, "escalate", {"fields": T2_PACKAGE})
    await give(api, ticket, "fill", {"fields": T3_PACKAGE})
    person, keys = await at(api, running, f"/desk/tickets/{ticket}")
    await keys.press("e")
    await keys.page.wait_for_url("**/escalate")
    await shows(keys.page, "section.issue", "Export hangs")
    await keys.press("Enter")
    await shows(keys.page, HEAD, "in T3")
    assert len(keys.pressed) <= 2
    assert person.trouble == []


async def test_g3_the_last_field_moves_the_ticket_with_two_keys(api: Api, running: Browser) -> None:
    ticket = await api.open(subject="Export fails")
    await give(api, ticket, "take", {})
    await give(api, ticket, "fill", {"fields": {**T2_PACKAGE, "customer_impact": None}})
    person, keys = await at(api, running, f"/desk/tickets/{ticket}")
    await shows(keys.page, ".hand-up", "1 missing")
    await keys.press("e")
    await keys.page.wait_for_url("**/escalate")
    await keys.write("Nobody can close the month.")
    await keys.press(SEND)
    await shows(keys.page, HEAD, "in T2")
    assert len(keys.pressed) <= 2
    assert person.trouble == []


async def test_c6_the_customer_is_asked_and_the_clock_stops_with_two_keys(api: Api, running: Browser) -> None:
    ticket = await api.open(subject="Export fails", priority="P2")
    await give(api, ticket, "take", {})
    person, keys = await at(api, running, f"/desk/tickets/{ticket}")
    await keys.press("w")
    await keys.write("Which browser do you use?")
    await keys.press(SEND)
    await shows(keys.page, HEAD, "waits on customer")
    await shows(keys.page, ".limit", "Stopped while the ticket waits")
    assert len(keys.pressed) <= 2
    assert person.trouble == []


async def test_c6_a_ticket_waits_until_an_agreed_day_with_a_promise_with_two_keys(api: Api, running: Browser) -> None:
    ticket = await api.open(subject="Move our shop", priority="P3")
    await give(api, ticket, "take", {})
    person, keys = await at(api, running, f"/desk/tickets/{ticket}")
    await keys.press("w")
    await keys.write("I call you then.", "tomorrow 9:00", "Change the address with Tom.")
    await keys.press(SEND)
    await shows(keys.page, HEAD, "waits on customer")
    await shows(keys.page, "section[aria-labelledby=promises]", "(snooze)")
    await shows(keys.page, "section[aria-labelledby=promises]", "Change the address with Tom.")
    assert len(keys.pressed) <= 2
    entries = (await api.get(f"/api/v1/tickets/{ticket}/timeline")).json()["entries"]
    [back] = [datetime.fromisoformat(one["due"]) for one in entries if one["type"] == "promised"]
    assert timedelta(0) < back - datetime.now(UTC) < timedelta(days=2)
    assert person.trouble == []


async def test_g14_two_browsers_on_one_ticket_see_each_other_and_the_later_reply_is_held_with_no_key_more(
    api: Api, running: Browser
) -> None:
    ticket = await api.open(subject="Two at once")
    first, ada = await at(api, running, f"/desk/tickets/{ticket}")
    second, ben = await at(api, running, f"/desk/tickets/{ticket}")
    await shows(ben.page, ".presence", "has it open")
    for keys, text in ((ada, "It works again."), (ben, "We are still looking.")):
        await keys.press("r")
        await keys.write(text)
    await ada.press(SEND)
    for keys in (ada, ben):  # without a key of theirs
        await expect(keys.page.locator(".message.ours")).to_have_count(1, timeout=PATIENCE_MS)
        await shows(keys.page, ".message.ours", "It works again.")
    await ben.page.locator("#respond-text").focus()
    await ben.press(SEND)
    await shows(ben.page, "#refused", "Somebody answered: key-")
    await expect(ben.page.locator("#respond-text")).to_have_value("We are still looking.")
    await expect(ben.page.locator(".message.ours")).to_have_count(1)
    await ben.page.locator("#respond-text").focus()
    await ben.press(SEND)  # having read what came
    await expect(ben.page.locator(".message.ours")).to_have_count(2, timeout=PATIENCE_MS)
    assert (len(ada.pressed), len(ben.pressed)) == (2, 3)
    assert first.trouble + second.trouble == []


async def test_why_a_clock_is_due_then_is_seen_with_one_key_and_without_scrolling(api: Api, running: Browser) -> None:
    ticket = await api.open(subject="Export fails", priority="P2")
    person, keys = await at(api, running, f"/desk/tickets/{ticket}")
    await keys.press("y")
    why = keys.page.locator("section[aria-labelledby=clocks] details[open] table")
    await expect(why).to_be_in_viewport(ratio=1, timeout=PATIENCE_MS)
    assert len(keys.pressed) <= 1
    assert await keys.page.evaluate("scrollY") == 0
    assert person.trouble == []


async def _fixed(api: Api, temporal: Client, accounts: Sequence[str]) -> tuple[str, list[str]]:
    """An issue that engineering has fixed, and the tickets that wait for it."""
    tickets: list[str] = []
    key = ""
    for account in accounts:
        ticket = await api.open(subject=f"Export of {account}", account={"id": account, "plan": "standard"})
        await give(api, ticket, "take", {})
        await give(api, ticket, "escalate", {"fields": T2_PACKAGE})
        await give(api, ticket, "escalate", {"fields": T3_PACKAGE} | ({"issue": key} if key else {}))

        async def issue(of: str = ticket) -> str:
            return str(((await api.get(f"/api/v1/tickets/{of}")).json()["links"]["jira"] or {}).get("key", ""))

        key = await until(issue, "the ticket has its issue")
        tickets.append(ticket)
    fact = {"key": key, "category": "done", "status": "Done", "resolution": "Fixed", "fix_versions": ["4.13"]}
    said = fact | {"by": "jira", "role": "integration", "version": datetime.now(UTC).isoformat()}
    for ticket in tickets:
        await temporal.get_workflow_handle(workflow_id(ticket)).signal("jira_changed", said)

        async def back(of: str = ticket) -> bool:
            return bool((await api.get(f"/api/v1/tickets/{of}")).json()["tier"] == "T2")

        await until(back, "it is back from engineering")
    return key, tickets


async def test_f10_the_loop_is_closed_with_all_customers_each_with_a_line_of_their_own_with_three_keys(
    api: Api, running: Browser, temporal_dev: Client
) -> None:
    names = [f"loop-{uuid4().hex[:6]}" for _ in range(3)]
    _, tickets = await _fixed(api, temporal_dev, names)
    person, keys = await at(api, running, f"/desk/tickets/{tickets[0]}")
    await keys.press("l")
    await keys.page.wait_for_url("**/desk/loop*")
    await expect(keys.page.locator("[aria-labelledby=waiting] tr[data-row]")).to_have_count(3)
    labels = await keys.page.locator("form[data-first] label[for^=line-]").all_inner_texts()
    lines = [f"Your export of October, {label.split()[-1]}, runs again." for label in labels]
    await keys.write("Version 4.13 mends the export.", *lines)
    await keys.press(SEND)
    await shows(keys.page, "h1", "3 of 3 done")
    assert len(keys.pressed) <= 3
    for account, ticket in zip(names, tickets, strict=True):
        page = await person.tab(f"/desk/tickets/{ticket}")
        said = f"Your export of October, {account}, runs again.\n\nVersion 4.13 mends the export."
        await expect(page.locator(".message.ours .words")).to_have_text(said, timeout=PATIENCE_MS)
        await page.close()
    assert person.trouble == []


async def test_anywhere_is_reached_through_the_palette(api: Api, running: Browser) -> None:
    word = uuid4().hex[:10]
    ticket = await api.open(subject=f"Palette {word}")
    person, keys = await at(api, running, "/desk/incidents")
    await keys.press("Control+k")
    await keys.write(word)
    await expect(keys.page.locator("#palette [role=option]", has_text=ticket)).to_be_visible(timeout=PATIENCE_MS)
    await keys.press("Enter")
    await keys.page.wait_for_url(f"**/desk/tickets/{ticket}")
    assert len(keys.pressed) <= 2
    assert person.trouble == []


async def test_a_list_is_walked_and_from_ticket_to_ticket_one_key_leads_on_and_back(api: Api, running: Browser) -> None:
    for place in range(2):
        await api.open(subject=f"In a row {place}", priority="P1")
    person, keys = await at(api, running, "/desk/queue?view=unassigned")
    links = keys.page.locator("tr[data-row] td.subject > a:first-child")
    first, second = [str(await links.nth(place).get_attribute("href")) for place in range(2)]
    await keys.press("j", "j")
    await expect(links.nth(1)).to_be_focused()
    await keys.press("k")
    await expect(links.nth(0)).to_be_focused()
    await keys.press("Enter")
    await keys.page.wait_for_url(f"**{first}")
    await keys.press("]")
    await keys.page.wait_for_url(f"**{second}")
    await keys.press("[")
    await keys.page.wait_for_url(f"**{first}")
    assert person.trouble == []


async def test_the_keys_of_a_page_are_listed_with_one_key(api: Api, running: Browser) -> None:
    ticket = await api.open(subject="With many keys")
    person, keys = await at(api, running, f"/desk/tickets/{ticket}")
    await keys.press("?")
    listed = keys.page.locator("#keys")
    await expect(listed).to_be_visible(timeout=PATIENCE_MS)
    for text in ("Take", "Reply to the customer", "Fill fields", "send the form that you are in"):
        await expect(listed).to_contain_text(text)
    await keys.press("t")  # meant for the list, not for the page behind it
    await keys.press("Escape")
    await expect(listed).to_be_hidden()
    await shows(keys.page, HEAD, "nobody has taken it")
    assert person.trouble == []


async def test_many_tickets_are_acted_on_with_three_keys_and_a_result_for_each(api: Api, running: Browser) -> None:
    account = {"id": f"bulk-{uuid4().hex[:6]}", "plan": "enterprise"}
    for _ in range(2):
        await api.open(subject="To be taken", priority="P1", account=account)
    person, keys = await at(api, running, "/desk/queue?view=unassigned")
    chosen = await keys.page.locator("tr[data-row]").count()
    await keys.press("X", "b", SEND)
    await shows(keys.page, "h1", f"of {chosen} done")
    await expect(keys.page.locator("tr[data-row]")).to_have_count(chosen)
    assert len(keys.pressed) <= 3
    assert person.trouble == []


async def test_one_ticket_is_chosen_and_acted_on_with_three_keys(api: Api, running: Browser) -> None:
    await api.open(subject="To be taken", priority="P1")
    person, keys = await at(api, running, "/desk/queue?view=unassigned")
    await keys.press("x", "b", SEND)
    await shows(keys.page, "h1", "1 of 1 done")
    assert len(keys.pressed) <= 3
    assert person.trouble == []

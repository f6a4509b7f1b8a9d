"""Many tabs of one browser: one of them holds the one stream, and all of them see what changes."""

from collections.abc import Sequence
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, Request, expect
from temporalio.client import Client

from domain.core.enums import Role
from tests.support.desk_browser import Person, sign_in
from tests.support.served_api import Api, an_api
from tests.support.temporal_ui import CHROMIUM, PATIENCE_MS
from tests.support.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")]

HIDE = "(hidden) => { window.isHidden = hidden; document.dispatchEvent(new Event('visibilitychange')); }"
"""Lets a page believe that nobody sees it, or that somebody does again."""


class Streams:
    """The streams that a browser asks for."""

    def __init__(self, person: Person) -> None:
        self.asked: list[Page] = []
        """For each stream, the tab that asked for it."""
        self._open: dict[Request, Page] = {}
        person.context.on("request", self._begin)
        person.context.on("requestfinished", self._end)
        person.context.on("requestfailed", self._end)

    def _begin(self, request: Request) -> None:
        if "/desk/live?" in request.url:
            self.asked.append(request.frame.page)
            self._open[request] = request.frame.page

    def _end(self, request: Request) -> None:
        self._open.pop(request, None)

    @property
    def open(self) -> int:
        return sum(not tab.is_closed() for tab in self._open.values())


async def all_show(tabs: Sequence[Page], text: str) -> None:
    for tab in tabs:
        await expect(tab.locator("main")).to_contain_text(text, timeout=PATIENCE_MS)


async def test_ten_tabs_have_one_stream_and_see_each_change_also_when_its_holder_closes(
    api: Api, running: Browser
) -> None:
    ticket = await api.open(subject="In ten tabs", priority="P0")
    other = await api.open(subject="In another tab")
    person = await sign_in(running, api.url, api.tokens[Role.LEAD])
    streams = Streams(person)
    paths = [f"/desk/tickets/{ticket}"] * 5 + [f"/desk/tickets/{ticket}/card"] * 4
    tabs = [await person.tab(path) for path in paths]
    apart = await person.tab(f"/desk/tickets/{other}")
    loaded: list[str] = []
    apart.on("request", lambda request: loaded.append(request.url))
    await api.take(ticket)
    await all_show(tabs, "agent-1")
    assert len(streams.asked) == streams.open == 1
    assert [url for url in loaded if other in url] == []  # what it shows has not changed
    holder = streams.asked[0]
    await holder.close()
    rest = [tab for tab in tabs if tab is not holder]
    await until(lambda: len(streams.asked) == 2)
    await api.post(f"/api/v1/tickets/{ticket}/prioritise", {"priority": "P2", "reason": "Less bad."}, role=Role.LEAD)
    for tab in rest:
        await expect(tab.locator("main > header .priority")).to_have_text("P2", timeout=PATIENCE_MS)
    await until(lambda: streams.open == 1)
    assert len(streams.asked) == 2
    assert person.trouble == []


async def test_the_list_and_the_room_of_incidents_follow_without_a_reload(api: Api, running: Browser) -> None:
    person = await sign_in(running, api.url, api.tokens[Role.LEAD])
    streams = Streams(person)
    of_all = await person.tab("/desk/incidents")
    opener = api.token(Role.ENGINEER, name="opens-what-is-seen")  # one person opens a few only (G6)
    declared = await api.post("/api/v1/incidents", {"product_area": "Seen at once"}, token=opener)
    incident = declared.json()["incident"]
    await expect(of_all.get_by_text("Seen at once")).to_be_visible(timeout=PATIENCE_MS)
    room = await person.tab(f"/desk/incidents/{incident}?seq=1")
    await api.post(f"/api/v1/incidents/{incident}/acknowledge", {})
    await expect(room.locator("main > header")).to_contain_text("led by agent-1", timeout=PATIENCE_MS)
    row = of_all.locator("tr", has_text="Seen at once")
    await expect(row).to_contain_text("agent-1", timeout=PATIENCE_MS)
    ticket = await api.open(subject="Hit by it")
    await api.post(f"/api/v1/incidents/{incident}/join", {"ticket": ticket})
    await expect(room.locator("main")).to_contain_text("Hit by it", timeout=PATIENCE_MS)
    assert len(streams.asked) == 1
    assert person.trouble == []


async def test_after_a_restart_of_the_server_no_change_is_missed_and_meanwhile_the_page_says_that_it_is_old(
    api: Api, running: Browser, temporal_dev: Client, shared_database: str
) -> None:
    # Urgent, so that it is on the first page of the queue, whatever other tests have opened.
    account = {"id": "across-a-restart", "plan": "enterprise"}
    ticket = await api.open(subject="Across a restart", priority="P1", account=account)
    async with an_api(shared_database, temporal_dev) as first:
        person = await sign_in(running, first.url, first.tokens[Role.LEAD])
        streams = Streams(person)
        tabs = [await person.tab(path) for path in (f"/desk/tickets/{ticket}", "/desk/queue?view=all")]
        await until(lambda: streams.open == 1)
    for tab in tabs:
        await expect(tab.locator("#live")).to_contain_text("connecting: as of", timeout=PATIENCE_MS)
    await api.post(f"/api/v1/tickets/{ticket}/take", {})  # by another server, while this one is away
    async with an_api(shared_database, temporal_dev, TIERLINE_API_PORT=urlsplit(first.url).port):
        await expect(tabs[0].locator("main > header")).to_contain_text("agent-1", timeout=PATIENCE_MS)
        row = tabs[1].locator("tr", has_text="Across a restart")
        await expect(row).to_contain_text("agent-1", timeout=PATIENCE_MS)
        for tab in tabs:
            await expect(tab.locator("#live")).to_be_hidden(timeout=PATIENCE_MS)
    await person.context.close()


async def test_a_form_that_is_open_is_not_loaded_again_and_says_that_its_ticket_has_changed(
    api: Api, running: Browser
) -> None:
    ticket = await api.open(subject="Being resolved")
    person = await sign_in(running, api.url, api.tokens[Role.LEAD])
    page = await person.tab(f"/desk/tickets/{ticket}/resolve")
    box = page.locator("form[data-command=resolve] textarea").first
    await box.fill("Half a sen")
    await api.post(f"/api/v1/tickets/{ticket}/note", {"text": "It is not over."})
    await expect(page.locator("#live")).to_contain_text("changed since", timeout=PATIENCE_MS)
    await expect(box).to_have_value("Half a sen")
    assert person.trouble == []


async def test_a_page_of_many_tickets_follows_but_not_while_one_of_its_forms_is_open(
    api: Api, running: Browser
) -> None:
    first, second = [await api.open(subject=f"Attention number {number}") for number in (1, 2)]
    person = await sign_in(running, api.url, api.tokens[Role.LEAD])
    board = await person.tab("/desk/board")
    accounts = await person.tab("/desk/accounts?view=all")
    await api.post(f"/api/v1/tickets/{first}/attention", {"reason": "They leave."}, role=Role.CSM)
    await all_show([board], "Attention number 1")
    await board.locator(
        "#attention ~ * details:has(form) summary, section:has(#attention) details summary"
    ).first.click()
    await api.post(f"/api/v1/tickets/{second}/attention", {"reason": "They leave."}, role=Role.CSM)
    state = board.locator("#live")
    await expect(state).to_contain_text("changed since", timeout=PATIENCE_MS)
    await expect(board.locator("main")).not_to_contain_text("Attention number 2")
    await state.get_by_role("link", name="load it again").click()
    await all_show([board], "Attention number 2")
    assert await accounts.locator("main").get_attribute("data-live") == "tickets"
    await person.context.close()


async def test_a_page_that_does_not_follow_says_after_a_minute_as_of_when_it_is(api: Api, running: Browser) -> None:
    person = await sign_in(running, api.url, api.tokens[Role.LEAD])
    page = await person.tab("/desk/queue")
    await page.clock.install()
    for path, aged in (("/desk/templates", True), ("/desk/new", False)):
        await page.goto(api.url + path)
        await page.clock.fast_forward(70_000)
        state = page.locator("#live")
        if aged:
            await expect(state).to_contain_text("as of", timeout=PATIENCE_MS)
            await state.get_by_role("link", name="load it again").click()
            await expect(state).to_be_hidden(timeout=PATIENCE_MS)
        else:
            await expect(state).to_be_hidden()
    await person.context.close()


async def test_a_tab_that_nobody_sees_loads_what_changed_when_it_is_seen(api: Api, running: Browser) -> None:
    ticket = await api.open(subject="Behind another tab")
    person = await sign_in(running, api.url, api.tokens[Role.LEAD])
    await person.context.add_init_script("Object.defineProperty(document, 'hidden', { get: () => !!window.isHidden });")
    hidden, seen = await person.tab(f"/desk/tickets/{ticket}"), await person.tab(f"/desk/tickets/{ticket}")
    await hidden.evaluate(HIDE, True)
    await api.take(ticket)
    await expect(seen.locator("main > header")).to_contain_text("agent-1", timeout=PATIENCE_MS)
    await expect(hidden.locator("main > header")).not_to_contain_text("agent-1")
    await hidden.evaluate(HIDE, False)
    await expect(hidden.locator("main > header")).to_contain_text("agent-1", timeout=PATIENCE_MS)


async def test_without_locks_each_tab_that_is_seen_has_a_stream_of_its_own(api: Api, running: Browser) -> None:
    ticket = await api.open(subject="In an old browser")
    person = await sign_in(running, api.url, api.tokens[Role.LEAD])
    await person.context.add_init_script(
        "delete Navigator.prototype.locks;"
        "Object.defineProperty(document, 'hidden', { get: () => !!window.isHidden });"
    )  # fmt: skip
    streams = Streams(person)
    tabs = [await person.tab(f"/desk/tickets/{ticket}") for _ in range(2)]
    await until(lambda: streams.open == 2)
    await tabs[0].evaluate(HIDE, True)
    await until(lambda: streams.open == 1)
    await api.take(ticket)
    await expect(tabs[1].locator("main > header")).to_contain_text("agent-1", timeout=PATIENCE_MS)
    await tabs[0].evaluate(HIDE, False)
    await expect(tabs[0].locator("main > header")).to_contain_text("agent-1", timeout=PATIENCE_MS)
    await until(lambda: streams.open == 2)

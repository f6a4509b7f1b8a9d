"""The content security policy in a real browser: what somebody might get into a page does not run, and styles nothing.

Each page is served as it is, but for what is injected into it on its way to the browser.
"""

from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, Request, Route, expect

from domain.core.enums import Role
from tests.support.desk_browser import Person, sign_in
from tests.support.served_api import Api
from tests.support.temporal_ui import CHROMIUM, PATIENCE_MS
from tests.support.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")]

ELSEWHERE = "https://elsewhere.example"
INJECTED = {
    "script": ("<script>ran('script')</script>", "script-src-elem"),
    "handler": ("<img src=/desk/static/none.png alt='' onerror=\"ran('handler')\">", "script-src-attr"),
    "svg": ("<svg onload=\"ran('svg')\"></svg>", "script-src-attr"),
    "link": ("<a id=link href=\"javascript:ran('link')\">here</a>", "script-src-elem"),
    "style": ("<style>#styled { z-index: 7 }</style><p id=styled>styled</p>", "style-src-elem"),
    "attribute": ("<p id=colourful style='z-index: 7'>colourful</p>", "style-src-attr"),
    "script of another site": (f"<script src={ELSEWHERE}/x.js></script>", "script-src-elem"),
    "style of another site": (f"<link rel=stylesheet href={ELSEWHERE}/x.css>", "style-src-elem"),
    "picture of another site": (f"<img src={ELSEWHERE}/x.png alt=''>", "img-src"),
    "frame of another site": (f"<iframe src={ELSEWHERE}/x></iframe>", "frame-src"),
    "object of another site": (f"<object data={ELSEWHERE}/x></object>", "object-src"),
    "base": (f"<base href={ELSEWHERE}/>", "base-uri"),
    "form": (f"<form id=form action={ELSEWHERE}/x><button>Send</button></form>", "form-action"),
}
"""What is injected, and the directive that stops it."""
LISTEN = """
    window.done = []; window.stopped = [];
    window.ran = (what) => window.done.push(what);
    document.addEventListener("securitypolicyviolation", (one) => window.stopped.push(one.effectiveDirective));
"""


class Poisoned:
    """A page into which all of INJECTED gets, with the policy that it comes with, or without."""

    def __init__(self, person: Person, path: str, *, policy: bool) -> None:
        self.asked: list[str] = []
        """Addresses of other sites that the browser asked for."""
        self._person = person
        self._path = path
        self._policy = policy

    async def load(self) -> Page:
        page = await self._person.context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        await page.add_init_script(LISTEN)
        await page.route("**/*", self._serve)
        await page.goto(self._person.url + self._path, wait_until="domcontentloaded")
        return page

    async def _serve(self, route: Route, request: Request) -> None:
        if request.url.startswith(ELSEWHERE):
            self.asked.append(urlsplit(request.url).path)
            await route.abort()
        elif urlsplit(request.url).path == self._path and request.resource_type == "document":
            answer = await route.fetch()
            left_out = "" if self._policy else "content-security-policy"
            headers = {name: value for name, value in answer.headers.items() if name != left_out}
            head, mark, rest = (await answer.text()).partition('<main id="main"')
            assert mark, "the page has no main"
            what = "".join(html for html, _ in INJECTED.values())
            await route.fulfill(status=answer.status, headers=headers, body=head + what + mark + rest)
        else:
            await route.continue_()


async def followed(page: Page) -> None:
    """Do what a person might: follow the link, send the form."""
    await page.locator("#link").evaluate("one => one.click()")
    await page.locator("#form").evaluate("one => one.requestSubmit()")


@pytest.mark.parametrize("path", ["/desk/sign-in", "/desk/queue", "/desk/tickets/{ticket}/card"])
async def test_nothing_that_gets_into_a_page_runs_or_loads_from_elsewhere(
    api: Api, running: Browser, path: str
) -> None:
    ticket = await api.open(subject="With something in it")
    person = await sign_in(running, api.url, api.tokens[Role.LEAD])
    poisoned = Poisoned(person, path.format(ticket=ticket), policy=True)
    page = await poisoned.load()
    for styled in ("#styled", "#colourful"):
        await expect(page.locator(styled)).to_have_css("z-index", "auto")
    await followed(page)

    async def all_are_stopped() -> bool:
        return set(await page.evaluate("stopped")) == {directive for _, directive in INJECTED.values()}

    await until(all_are_stopped, "a report of each directive")
    assert await page.evaluate("stopped.length") >= len(INJECTED)
    assert await page.evaluate("done") == []
    assert poisoned.asked == []
    await page.close()


async def test_without_the_policy_all_of_it_would_run(api: Api, running: Browser) -> None:
    """The control: what the test above injects does harm, and the listener reports nothing where nothing is stopped."""
    person = await sign_in(running, api.url, api.tokens[Role.LEAD])
    poisoned = Poisoned(person, "/desk/queue", policy=False)
    page = await poisoned.load()

    async def ran() -> bool:
        return set(await page.evaluate("done")) >= {"script", "handler", "svg"}

    await until(ran, "what is injected runs")
    await expect(page.locator("#styled")).to_have_css("z-index", "7")
    await expect(page.locator("#colourful")).to_have_css("z-index", "7")
    await until(lambda: {"/x.js", "/x.css", "/x.png", "/x"} <= set(poisoned.asked), "it loads from elsewhere")
    assert await page.evaluate("stopped") == []
    await page.locator("#link").evaluate("one => one.click()")
    await page.wait_for_function("() => done.includes('link')")
    await page.close()

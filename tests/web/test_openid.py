"""Signing in by the company's identity provider: what is believed, for how long, and what is not."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import pytest_asyncio
import requests
from playwright.async_api import expect
from temporalio.client import Client

from domain.core.enums import Role
from integrations.openid import provider
from integrations.standins.common import Fault
from integrations.standins.openid import LASTS, PERSON, OpenIdStandIn
from integrations.standins.run import served
from services.security import openid, sessions
from services.security.auth import NotAuthenticated
from tests.support.desk_browser import Person as DeskPerson
from tests.support.desk_browser import browser
from tests.support.desk_visitor import Visitor
from tests.support.served_api import Api, an_api
from tests.support.temporal_ui import CHROMIUM, PATIENCE_MS
from web.gate import COOKIE

SECRET = "a secret: with / and %, of 32 letters"
START = "/desk/sign-in/openid"
SETTINGS = {
    "OPENID_CLIENT_ID": "tierline desk",
    "OPENID_CLIENT_SECRET": SECRET,
    "OPENID_ROLES": '{"support-leads": "lead", "support": "agent"}',
}


class Provider:
    """A provider that runs, and its address."""

    def __init__(self, standin: OpenIdStandIn, url: str) -> None:
        self.standin = standin
        self.url = url


@pytest.fixture(scope="module")
def at() -> Iterator[Provider]:
    standin = OpenIdStandIn(SETTINGS["OPENID_CLIENT_ID"], SECRET)
    with served(standin.app) as url:
        yield Provider(standin, url)


@pytest.fixture(autouse=True)
def _as_new(at: Provider) -> None:
    at.standin.person, at.standin.lies = dict(PERSON), set()
    at.standin.faults.clear()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(at: Provider, shared_database: str, temporal_dev: Client) -> AsyncIterator[Api]:
    """A desk that knows this provider."""
    async with an_api(shared_database, temporal_dev, OPENID_ISSUER=at.url, **SETTINGS) as api:
        at.standin.redirects = {f"{api.url}{START}/back"}
        yield api


async def way_back(visitor: Visitor, start: str = START, **changes: str) -> str:
    """Go to the provider and sign in there. Returns the address at the desk to which it sends the browser."""
    sent = await visitor.get(start)
    assert sent.status_code == 303, sent.text
    with requests.Session() as browser:
        browser.trust_env = False
        page = browser.get(sent.headers["Location"], timeout=60)
        assert page.status_code == 200, page.text
        asked = parse_qs(urlsplit(sent.headers["Location"]).query)
        there = f"{sent.headers['Location'].split('/authorize')[0]}/allow?"
        back = browser.get(there + urlencode(asked, doseq=True), allow_redirects=False, timeout=60)
    found = urlsplit(back.headers["Location"])
    query = {name: values[0] for name, values in parse_qs(found.query).items()} | changes
    return f"{found.path}?{urlencode(query)}"


async def come_back(visitor: Visitor, **changes: str) -> requests.Response:
    return await visitor.get(await way_back(visitor, **changes))


async def test_whoever_the_provider_names_is_signed_in_with_the_role_of_their_group(desk: Api, at: Provider) -> None:
    at.standin.person = PERSON | {"preferred_username": "lena", "groups": ["staff", "support", "support-leads"]}
    visitor = Visitor(desk)
    back = await visitor.get(
        await way_back(visitor, f"{START}?next=%2Fdesk%2Fqueue%3Fview%3Dmine&zone=Europe%2FVienna")
    )
    assert (back.status_code, back.headers["Location"]) == (303, "/desk/queue?view=mine")
    page = await visitor.get("/desk/queue")
    assert 'lena <span class="dim">lead</span>' in page.text  # the first of the map counts, not of the claim
    found = sessions.find_session(desk.db, visitor.session.cookies[COOKIE], datetime.now(UTC))
    assert (found.caller.actor, found.caller.role, found.zone) == ("lena", Role.LEAD, "Europe/Vienna")


async def test_both_ways_to_sign_in_stand_side_by_side(desk: Api, api: Api) -> None:
    page = (await Visitor(desk).get("/desk/sign-in?next=%2Fdesk%2Fincidents")).text
    assert 'href="/desk/sign-in/openid?next=/desk/incidents"' in page
    assert 'name="token"' in page
    assert "/openid" not in (await Visitor(api).get("/desk/sign-in")).text
    assert (await Visitor(api).get(START)).status_code == 404
    assert (await Visitor(desk).sign_in()).status_code == 303


async def test_the_provider_is_asked_with_pkce_a_state_and_a_nonce_each_new(desk: Api) -> None:
    first, second = [parse_qs(urlsplit((await Visitor(desk).get(START)).headers["Location"]).query) for _ in range(2)]
    assert first["code_challenge_method"] == ["S256"]
    assert first["scope"] == ["openid profile email"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) >= 43
        assert first[name] != second[name]


@pytest.mark.parametrize("there", ["https://evil.example/", "//evil.example", "/desk/\\evil", "/api/v1/queue"])
async def test_signing_in_at_the_provider_leads_to_no_other_site(desk: Api, there: str) -> None:
    visitor = Visitor(desk)
    back = await visitor.get(await way_back(visitor, f"{START}?{urlencode({'next': there})}"))
    assert back.headers["Location"] == "/desk"


@pytest.mark.parametrize(
    "lie",
    [
        "wrong_nonce",
        "no_nonce",
        "wrong_audience",
        "expired",
        "not_yet",
        "other_issuer",
        "alg_none",
        "shared_secret",
        "bad_signature",
        "other_key",
    ],
)
async def test_a_token_that_proves_nothing_signs_nobody_in(desk: Api, at: Provider, lie: str) -> None:
    at.standin.lies = {lie}
    answer = await come_back(Visitor(desk))
    assert answer.status_code == 401
    assert "did not prove who you are" in answer.text
    assert COOKIE not in answer.headers.get("Set-Cookie", "")


async def test_an_answer_to_another_browser_signs_nobody_in(desk: Api) -> None:
    mine, theirs = Visitor(desk), Visitor(desk)
    way = await way_back(theirs)
    assert (await mine.get(way)).status_code == 401  # nothing was begun here
    await mine.get(START)
    assert (await mine.get(way)).status_code == 401  # something else was
    for wrong in ({"state": "x"}, {"state": ""}, {"iss": "https://evil.example"}, {"code": "x"}, {"code": ""}):
        answer = await come_back(Visitor(desk), **wrong)
        assert answer.status_code == 401, wrong
        assert COOKIE not in answer.headers.get("Set-Cookie", "")


async def test_a_code_signs_in_once(desk: Api) -> None:
    visitor = Visitor(desk)
    way = await way_back(visitor)
    copy = Visitor(desk)
    copy.session.cookies.update(visitor.session.cookies)
    assert (await visitor.get(way)).status_code == 303
    assert (await visitor.get(way)).status_code == 401  # the browser has forgotten what it began
    assert (await copy.get(way)).status_code == 401  # and the provider has forgotten the code


async def test_who_would_not_sign_in_there_is_not_signed_in_here(desk: Api) -> None:
    answer = await come_back(Visitor(desk), error="access_denied")
    assert answer.status_code == 401
    assert "did not sign you in" in answer.text


@pytest.mark.parametrize("groups", [[], ["staff", "Support"], "support-leads,support", {"support": True}, None])
async def test_without_a_group_that_gives_a_role_nobody_comes_in_and_the_page_says_what_to_ask_for(
    desk: Api, at: Provider, groups: object
) -> None:
    at.standin.person = PERSON | {"groups": groups}
    answer = await come_back(Visitor(desk))
    assert answer.status_code == 403
    assert "ask its admin for one of support-leads, support (in the claim groups)" in answer.text
    assert COOKIE not in answer.headers.get("Set-Cookie", "")


async def test_a_single_group_may_stand_without_a_list(desk: Api, at: Provider) -> None:
    at.standin.person = PERSON | {"groups": "support"}
    assert (await come_back(Visitor(desk))).status_code == 303


@pytest.mark.parametrize("name", ["", "  ", "tierline", "ada\u202e", " ada", "a" * 101, 7, None])
async def test_a_name_that_could_be_taken_for_another_is_no_name(desk: Api, at: Provider, name: object) -> None:
    at.standin.person = PERSON | {"preferred_username": name}
    answer = await come_back(Visitor(desk))
    assert answer.status_code == 403
    assert COOKIE not in answer.headers.get("Set-Cookie", "")


async def test_new_keys_of_the_provider_are_fetched_when_they_are_met_and_not_with_every_sign_in(
    desk: Api, at: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    await come_back(Visitor(desk))
    asked = at.standin.edge.requests
    before = dict(asked)
    assert (await come_back(Visitor(desk))).status_code == 303
    for path in ("GET /keys", "GET /.well-known/openid-configuration"):
        assert asked[path] == before[path]
    at.standin.renew_key()
    monkeypatch.setattr(provider, "AGAIN", 0.0)
    assert (await come_back(Visitor(desk))).status_code == 303
    assert asked["GET /keys"] == before["GET /keys"] + 1


@pytest.mark.parametrize("lie", ["huge", "no_token"])
async def test_an_answer_that_is_not_as_it_should_be_signs_nobody_in(desk: Api, at: Provider, lie: str) -> None:
    at.standin.lies = {lie}
    answer = await come_back(Visitor(desk))
    assert answer.status_code == 503
    assert "sign in by a token" in answer.text


@pytest.mark.parametrize("fault", ["server_error", "commit_then_drop", "unauthorized", "slow"])
async def test_a_provider_in_trouble_is_asked_once_and_waited_for_only_so_long(
    desk: Api, at: Provider, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(provider, "TIMEOUT", (3.0, 0.2))
    visitor = Visitor(desk)
    way = await way_back(visitor)
    at.standin.faults.add(token_fault(fault))
    before = at.standin.edge.requests["POST /token"]
    answer = await visitor.get(way)
    assert answer.status_code == (401 if fault == "unauthorized" else 503)
    assert at.standin.edge.requests["POST /token"] == before + 1


async def test_a_provider_that_calls_itself_by_another_name_is_not_asked(
    at: Provider, shared_database: str, temporal_dev: Client
) -> None:
    at.standin.lies = {"other_name"}
    async with an_api(shared_database, temporal_dev, OPENID_ISSUER=at.url, **SETTINGS) as api:
        answer = await Visitor(api).get(START)
        assert answer.status_code == 503
        assert "sign in by a token" in answer.text
        assert (await Visitor(api).sign_in()).status_code == 303


async def test_the_session_ends_by_signing_out_by_an_admin_and_by_time(desk: Api) -> None:
    visitor, other = Visitor(desk), Visitor(desk)
    await come_back(visitor)
    await come_back(other)
    page = await visitor.get("/desk/queue")
    await visitor.send(page, "/desk/sign-out", {})
    assert (await visitor.get("/desk/queue")).status_code == 303
    cookie, now = other.session.cookies[COOKIE], datetime.now(UTC)
    mine = next(one for one in sessions.live_sessions(desk.db, now) if cookie.startswith(one.id))
    assert (mine.actor, mine.role, mine.token_id) == ("ada", "agent", None)
    for later in (sessions.IDLE, openid.LONGEST):
        assert mine.id not in {one.id for one in sessions.live_sessions(desk.db, now + later)}
        with pytest.raises(NotAuthenticated, match="has ended"):
            sessions.find_session(desk.db, cookie, now + later)
    sessions.find_session(desk.db, cookie, now + sessions.IDLE - timedelta(minutes=5))  # keeps it in use
    with pytest.raises(NotAuthenticated, match="has ended"):
        sessions.find_session(desk.db, cookie, now + openid.LONGEST)
    assert sessions.end_sessions(desk.db, "ada") >= 1
    assert (await other.get("/desk/queue")).status_code == 303


def token_fault(kind: str) -> Fault:
    return Fault.model_validate({"kind": kind, "path": "/token", "seconds": LASTS if kind == "slow" else 0})


@pytest.mark.long
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
async def test_in_a_browser_a_person_signs_in_there_and_comes_back_to_where_they_wanted_to_go(
    desk: Api, at: Provider
) -> None:
    ticket = await desk.open(subject="By the front door")
    async with browser() as running:
        context = await running.new_context(timezone_id="Europe/Vienna")
        person = DeskPerson(context, desk.url)
        page = await person.tab(f"/desk/tickets/{ticket}")
        await page.get_by_role("link", name="Sign in at 127.0.0.1").press("Enter")
        await page.click("#allow")
        await page.wait_for_url(f"**/desk/tickets/{ticket}")
        await expect(page.locator("h1")).to_contain_text("By the front door", timeout=PATIENCE_MS)
        await expect(page.locator("header.top")).to_contain_text("ada", timeout=PATIENCE_MS)
        (cookie,) = [one for one in await context.cookies() if one["name"] == COOKIE]
        found = sessions.find_session(desk.db, cookie["value"], datetime.now(UTC))
        assert found.zone == "Europe/Vienna"  # the link says it, by the page's script
        await page.click("text=Sign out")
        await page.wait_for_url("**/desk/sign-in")
        assert person.trouble == []
        at.standin.person = PERSON | {"groups": ["sales"]}
        await page.click("text=Sign in at 127.0.0.1")
        await page.click("#allow")
        await expect(page.get_by_role("alert")).to_contain_text(
            "ask its admin for one of support-leads, support", timeout=PATIENCE_MS
        )

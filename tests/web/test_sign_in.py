"""Signing in: who comes in, for how long, and what a page of another site can do."""

import re
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console
from temporalio.client import Client

from cli.up import _show_desk
from domain.core.enums import Role
from services.security import sessions
from services.security.auth import NotAuthenticated, create_token
from store import tokens
from tests.support.desk_visitor import Visitor
from tests.support.served_api import Api, an_api
from web.gate import masked, unmasked
from web.sign_in import local_address
from workers.local import Local
from workers.settings import Settings

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)


async def test_a_page_without_a_session_leads_to_the_sign_in_page_and_back(api: Api) -> None:
    visitor = Visitor(api)
    away = await visitor.get("/desk/queue?view=mine")
    assert (away.status_code, away.headers["Location"]) == (303, "/desk/sign-in?next=%2Fdesk%2Fqueue%3Fview%3Dmine")
    back = await visitor.sign_in(there="/desk/queue?view=mine")
    assert (back.status_code, back.headers["Location"]) == (303, "/desk/queue?view=mine")
    page = await visitor.get("/desk/queue?view=mine")
    assert page.status_code == 200
    assert "agent-1" in page.text


async def test_the_cookie_is_the_browsers_alone(api: Api) -> None:
    visitor = Visitor(api)
    answer = await visitor.sign_in()
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/desk" in cookie
    assert "Secure" not in cookie  # the test has no TLS
    behind_tls = await Visitor(api).post(
        "/desk/sign-in", {"token": api.tokens[Role.AGENT]}, headers={"X-Forwarded-Proto": "https"}
    )
    assert "Secure" in behind_tls.headers["Set-Cookie"]


@pytest.mark.parametrize("shown", ["", "tl_0123456789_short", "nonsense"])
async def test_what_is_no_token_signs_nobody_in(api: Api, shown: str) -> None:
    answer = await Visitor(api).post("/desk/sign-in", {"token": shown})
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers


async def test_who_tries_many_tokens_is_slowed_down(database_url: str, temporal_dev: Client) -> None:
    async with an_api(database_url, temporal_dev, TIERLINE_API_RATE=50) as api:
        answers = [(await Visitor(api).sign_in(token="nonsense")).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]


async def test_a_programs_token_is_for_no_page(api: Api) -> None:
    answer = await Visitor(api).sign_in(Role.INTEGRATION)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


async def test_signing_out_ends_the_session_also_for_a_copy_of_the_cookie(api: Api) -> None:
    visitor, thief = Visitor(api), Visitor(api)
    await visitor.sign_in()
    thief.session.cookies.update(visitor.session.cookies)
    page = await visitor.get("/desk/queue")
    assert (await visitor.send(page, "/desk/sign-out", {})).status_code == 303
    assert (await thief.get("/desk/queue")).status_code == 303


async def test_a_revoked_token_ends_its_sessions_at_once(api: Api) -> None:
    token, row = create_token(api.db, "eva", Role.AGENT, timedelta(days=1), datetime.now(UTC))
    visitor = Visitor(api)
    await visitor.sign_in(token=token)
    assert (await visitor.get("/desk/queue")).status_code == 200
    with api.db.begin() as session:
        tokens.revoke(session, row.id, datetime.now(UTC))
    assert (await visitor.get("/desk/queue")).status_code == 303


async def test_a_form_without_its_sessions_token_changes_nothing(api: Api) -> None:
    ticket = await api.open(subject="Export fails")
    visitor, other = Visitor(api), Visitor(api)
    await visitor.sign_in()
    await other.sign_in(Role.LEAD)
    fields = Visitor.hidden(await other.get(f"/desk/tickets/{ticket}"), f"/desk/tickets/{ticket}/take")
    for forged in ({"csrf": ""}, {"csrf": "00"}, {"csrf": fields["csrf"]}):
        answer = await visitor.post(f"/desk/tickets/{ticket}/take", forged)
        assert answer.status_code == 403
    assert (await api.get(f"/api/v1/tickets/{ticket}")).json()["assignee"] is None


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}]
)
async def test_another_sites_page_sends_no_form(api: Api, headers: dict[str, str]) -> None:
    answer = await Visitor(api).post("/desk/sign-in", {"token": api.tokens[Role.AGENT]}, headers=headers)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_a_session_ends_after_eight_hours_without_use_and_after_a_week_in_any_case(api: Api) -> None:
    token, _ = create_token(api.db, "kim", Role.AGENT, timedelta(days=300), NOW)
    cookie = sessions.sign_in(api.db, token, "Europe/Vienna", NOW)
    assert sessions.find_session(api.db, cookie, NOW + timedelta(hours=7, minutes=59)).zone == "Europe/Vienna"
    with pytest.raises(NotAuthenticated, match="has ended"):
        sessions.find_session(api.db, cookie, NOW + timedelta(hours=15, minutes=59))
    cookie, at = sessions.sign_in(api.db, token, "", NOW), NOW
    while at + timedelta(hours=7) < NOW + sessions.LONGEST:
        at += timedelta(hours=7)
        sessions.find_session(api.db, cookie, at)
    with pytest.raises(NotAuthenticated, match="has ended"):
        sessions.find_session(api.db, cookie, NOW + sessions.LONGEST)


async def test_a_sign_in_link_signs_in_once_and_only_by_its_button(api: Api) -> None:
    _, row = create_token(api.db, "mia", Role.LEAD, timedelta(days=1), datetime.now(UTC))
    code = sessions.make_sign_in_code(api.db, row.id, datetime.now(UTC))
    visitor = Visitor(api)
    for _ in range(3):  # a mail scanner opens links
        assert (await visitor.get(f"/desk/sign-in?code={code}")).status_code == 200
    assert (await visitor.post("/desk/sign-in", {"code": code})).status_code == 303
    assert "mia" in (await visitor.get("/desk/queue")).text
    again = await Visitor(api).post("/desk/sign-in", {"code": code})
    assert again.status_code == 401


async def test_the_link_that_tierline_up_and_the_demo_print_signs_in_as_a_lead(
    api: Api, shared_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "una")
    console = Console(record=True, file=StringIO(), width=60)
    settings = Settings.model_validate({"DATABASE_URL": shared_database, "TIERLINE_API_HOST": "127.0.0.1"})
    _show_desk(Local({}, {"API": f"{api.url}/api/v1"}), settings, console)
    printed = dict(re.findall(r"^  (Desk|Sign in, once) +(\S+)$", console.export_text(), re.MULTILINE))
    assert printed["Desk"] == f"{api.url}/desk"
    path, _, code = printed["Sign in, once"].removeprefix(api.url).partition("?code=")
    visitor = Visitor(api)
    assert (await visitor.get(f"{path}?code={code}")).status_code == 200
    assert (await visitor.post(path, {"code": code})).status_code == 303
    page = await visitor.get("/desk/board")  # which leads read
    assert (page.status_code, "una" in page.text) == (200, True)


def test_where_other_machines_reach_the_desk_no_link_is_printed(api: Api, shared_database: str) -> None:
    console = Console(record=True, file=StringIO(), width=60)
    settings = Settings.model_validate({"DATABASE_URL": shared_database, "TIERLINE_API_HOST": "0.0.0.0"})
    _show_desk(Local({}, {"API": f"{api.url}/api/v1"}), settings, console)
    shown = console.export_text()
    assert "tierline token sign-in" in " ".join(shown.split())
    assert "code=" not in shown


@pytest.mark.parametrize(
    "there", ["https://evil.example/desk/", "//evil.example", "/desk/\\evil.example", "/desk/a b", "/api/v1/queue", ""]
)
def test_signing_in_leads_to_no_other_site(there: str) -> None:
    assert local_address(there) == "/desk"


def test_a_csrf_token_looks_different_on_each_page() -> None:
    token = "ab" * 32
    assert unmasked(masked(token)) == unmasked(masked(token)) == token
    assert masked(token) != masked(token)
    assert unmasked("zz") == ""


async def test_every_page_says_what_it_may_load_and_who_may_frame_it(api: Api) -> None:
    visitor = Visitor(api)
    await visitor.sign_in()
    for path in ("/desk/queue", "/desk/nothing", "/desk/sign-in"):
        policy = (await visitor.get(path)).headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy

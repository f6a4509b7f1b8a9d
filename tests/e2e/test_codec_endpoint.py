"""The codec endpoint on a real socket: who gets in, from where, and the UI and the `temporal` command by it."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from fastapi import FastAPI
from google.protobuf.json_format import MessageToDict
from playwright.async_api import Page, expect
from temporalio.api.common.v1 import Payload, Payloads

from api.codec import LONGEST_BODY, beside, codec_app
from domain.core.enums import Role
from domain.ticket.state import workflow_id
from integrations.standins.run import served
from services.intake.request import OpenRequest
from services.security.auth import GRANTABLE, create_token
from services.security.codec import Codec, Keys
from store import journal, tokens
from store.database import Database
from tests.support.encrypted_tierline import NEW, OLD, EncryptedTierline, an_encrypted_tierline
from tests.support.on_record import on_record
from tests.support.temporal_ui import CHROMIUM, PATIENCE_MS, browser_page
from tests.support.waiting import PATIENCE, until
from workers.embedded import free_port, temporal_binary

pytestmark = pytest.mark.long

UI = "http://127.0.0.1:8233"
WORDS = "The export has been failing since Monday"
WRITER = "who-wrote-it"
"""Stands in the first lines of the ticket's input, which the UI shows without scrolling."""
FIRST_TIMER = "Warn of the SLA: first response"
"""A summary on its timeline."""


class Endpoint:
    """The endpoint beside the API, with a token for each role that somebody may have."""

    def __init__(self, database_url: str, *keys: str, origin: str | None = UI, rate: float = 50.0) -> None:
        self.db = Database(database_url)
        codec = Codec(Keys.parse(",".join(keys))) if keys else Codec()
        self.app = beside(FastAPI(), codec_app(codec, self.db, origin=origin, rate=rate))
        now = datetime.now(UTC)
        self.tokens = {
            role.value: create_token(self.db, f"the-{role}", role, timedelta(hours=1), now)[0] for role in GRANTABLE
        }
        self.tokens["nobody"] = f"tl_{'0' * 10}_{'x' * 43}"
        past = now - timedelta(hours=2)
        self.tokens["expired"] = create_token(self.db, "olga", Role.OPS, timedelta(hours=1), past)[0]

    def refusals(self) -> list[tuple[str, str, str]]:
        """Who was refused, in which role, and why, as it stands on record."""
        with self.db.session() as session:
            return [(row.actor_id, row.role, row.code) for row in on_record(session)]


@pytest.fixture
def endpoint(database_url: str) -> Iterator[Endpoint]:
    endpoint = Endpoint(database_url, NEW)
    yield endpoint
    endpoint.db.dispose()


@pytest.fixture
def url(endpoint: Endpoint) -> Iterator[str]:
    with served(endpoint.app) as url:
        yield f"{url}/codec"


def said(*payloads: Payload) -> str:
    return json.dumps(MessageToDict(Payloads(payloads=payloads)))


PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"It broke"')


def post(url: str, body: str | bytes, token: str | None, **headers: str) -> requests.Response:
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.post(url, data=body, headers={"Content-Type": "application/json"} | bearer | headers, timeout=60)


@pytest.mark.parametrize("role", ["ops", "admin"])
def test_what_is_encrypted_here_is_decrypted_here_and_what_is_plain_comes_back_as_it_is(
    endpoint: Endpoint, url: str, role: str
) -> None:
    encrypted = post(f"{url}/encode", said(PLAIN), endpoint.tokens[role]).json()
    decrypted = post(f"{url}/decode?preserveStorageRefs=true", json.dumps(encrypted), endpoint.tokens[role])
    plain = post(f"{url}/decode", said(PLAIN), endpoint.tokens[role])
    assert "SXQgYnJva2Ui" not in json.dumps(encrypted)  # the words, in the base64 of Temporal's JSON
    assert decrypted.json() == plain.json() == MessageToDict(Payloads(payloads=[PLAIN]))
    assert decrypted.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("token", "origin", "status", "recorded"),
    [
        (None, None, 401, ("unknown", "", "unauthenticated")),
        ("nobody", None, 401, ("unknown", "", "unauthenticated")),
        ("agent", None, 403, ("the-agent", "agent", "not_allowed")),
        ("finance", UI, 403, ("the-finance", "finance", "not_allowed")),
        ("integration", None, 403, ("the-integration", "integration", "not_allowed")),
        ("ops", "https://evil.example", 403, ("unknown", "", "not_allowed")),
        ("ops", "null", 403, ("unknown", "", "not_allowed")),
    ],
)
@pytest.mark.parametrize("path", ["decode", "encode"])
def test_who_may_not_read_is_refused_in_one_line_and_on_record(
    endpoint: Endpoint,
    url: str,
    path: str,
    token: str | None,
    origin: str | None,
    status: int,
    recorded: tuple[str, str, str],
) -> None:
    shown = endpoint.tokens[token] if token else None
    answer = post(f"{url}/{path}", said(PLAIN), shown, **({"Origin": origin} if origin else {}))
    _is_a_refusal(answer, status)
    assert endpoint.refusals() == [recorded]


def test_an_expired_token_is_refused_and_on_record(endpoint: Endpoint, url: str) -> None:
    _is_a_refusal(post(f"{url}/decode", said(PLAIN), endpoint.tokens["expired"]), 401)
    shown = endpoint.tokens["expired"].split("_")[1]
    assert endpoint.refusals() == [(f"token {shown}", "", "unauthenticated")]


def test_a_token_that_asks_too_often_is_told_when_to_ask_again(database_url: str) -> None:
    endpoint = Endpoint(database_url, NEW, rate=0.1)  # a burst of one
    with served(endpoint.app) as url:
        first, second = (post(f"{url}/codec/encode", said(PLAIN), endpoint.tokens["ops"]) for _ in range(2))
    assert first.status_code == 200
    _is_a_refusal(second, 429)
    assert 1 <= int(second.headers["Retry-After"]) <= 10
    endpoint.db.dispose()


@pytest.mark.parametrize(
    ("origin", "configured", "let_in"),
    [(UI, UI, True), ("https://evil.example", UI, False), (UI, None, False), (f"{UI}.evil.example", UI, False)],
)
def test_a_browser_is_told_which_page_may_ask(
    database_url: str, origin: str, configured: str | None, let_in: bool
) -> None:
    asks = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,authorization-extras,content-type,x-namespace",
    }
    endpoint = Endpoint(database_url, origin=configured)
    with served(endpoint.app) as url:
        answer = requests.options(f"{url}/codec/decode", headers=asks, timeout=60)
    assert (answer.status_code == 200) == let_in
    assert answer.headers.get("Access-Control-Allow-Origin") == (origin if let_in else None)
    endpoint.db.dispose()


def test_a_cookie_is_believed_from_the_uis_pages_alone(endpoint: Endpoint, url: str) -> None:
    with requests.Session() as browser:
        form = {"token": endpoint.tokens["ops"]}
        signed_in = browser.post(f"{url}/sign-in", form, allow_redirects=False, timeout=60)
        headers = {"Content-Type": "application/json"}
        ours, nowhere, evil = (
            browser.post(f"{url}/encode", said(PLAIN), headers=headers | origin, timeout=60).status_code
            for origin in ({"Origin": UI}, {}, {"Origin": "https://evil.example"})
        )
    cookie = signed_in.headers["Set-Cookie"].lower()
    assert (signed_in.status_code, signed_in.headers["Location"]) == (303, UI)
    assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/codec", "max-age=28800"))
    assert (ours, nowhere, evil) == (200, 401, 403)


def test_a_token_that_was_revoked_opens_nothing_any_more_also_from_its_cookie(endpoint: Endpoint, url: str) -> None:
    with requests.Session() as browser:
        form = {"token": endpoint.tokens["ops"]}
        browser.post(f"{url}/sign-in", form, allow_redirects=False, timeout=60)
        with endpoint.db.begin() as session:
            tokens.revoke(session, endpoint.tokens["ops"].split("_")[1], datetime.now(UTC))
        _is_a_refusal(browser.post(f"{url}/decode", said(PLAIN), headers={"Origin": UI}, timeout=60), 401)


@pytest.mark.parametrize("token", ["nobody", "agent", "expired", "", "<script>"])
def test_who_may_not_read_is_not_signed_in(endpoint: Endpoint, url: str, token: str) -> None:
    form = {"token": endpoint.tokens.get(token, token)}
    answer = requests.post(f"{url}/sign-in", form, allow_redirects=False, timeout=60)
    assert answer.status_code in (401, 403)
    assert "Set-Cookie" not in answer.headers
    assert "<script>" not in answer.text
    assert len(endpoint.refusals()) == 1


def test_of_a_stranger_no_more_is_read_than_a_token_needs(endpoint: Endpoint, url: str) -> None:
    """A form of millions of fields would keep the process busy for seconds."""
    answer = requests.post(f"{url}/sign-in", data=b"a=b&" * 250_000, timeout=60)
    assert answer.status_code == 413
    assert endpoint.refusals() == [("unknown", "", "too_large")]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b'{"payloads": 1}', 400),
        (b'{"payloads":' + b"[" * 100_000, 400),
        (b'{"payloads": [{"metadata": {"a": "\xff"}}]}', 400),
        (b'"\\ud800"', 400),
        (b'{"payloads": [{"metadata": {"encoding": "YmluYXJ5L2VuY3J5cHRlZA=="}, "data": "AAAA"}]}', 400),
        (b" " * (LONGEST_BODY + 1), 413),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(endpoint: Endpoint, url: str, body: bytes, status: int) -> None:
    _is_a_refusal(post(f"{url}/decode", body, endpoint.tokens["ops"]), status)


def _is_a_refusal(answer: requests.Response, status: int) -> None:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "payloads" not in answer.json()
    assert "\n" not in answer.json()["detail"]


# -- As people use it ----------------------------------------------------------------------------------------


@asynccontextmanager
async def a_readable_ticket(home: Path, database_url: str) -> AsyncIterator["Readable"]:
    """A ticket of a Tierline that encrypts, and the endpoint by which it can be read."""
    ui_port = free_port()
    endpoint = Endpoint(database_url, NEW, OLD, origin=f"http://127.0.0.1:{ui_port}")
    with served(endpoint.app) as url, an_encrypted_tierline(home, database_url, ui_port, f"{url}/codec") as place:
        async with place.working(NEW, OLD) as (desk, _, db):
            account = {"id": "acme", "plan": "standard"}
            form = {"external_id": "mail-1", "account": account, "subject": WORDS, "by": WRITER}
            ticket = (await desk.open(OpenRequest.parse(form))).ticket
            yield Readable(ticket, f"{url}/codec", endpoint.tokens["ops"], place, db)
    endpoint.db.dispose()


@dataclass
class Readable:
    ticket: str
    endpoint: str
    token: str
    place: EncryptedTierline
    db: Database


def _content(shown: str) -> bytes:
    """What stands in the payloads of a history, which its JSON holds in base64."""
    return b"".join(base64.b64decode(data) for data in re.findall(r'"data": "([^"]*)"', shown))


async def temporal(*words: str) -> str:
    process = await asyncio.create_subprocess_exec(temporal_binary(), *words, stdout=-1, stderr=-2)
    async with asyncio.timeout(PATIENCE):
        out, _ = await process.communicate()
    return out.decode()


async def test_the_temporal_command_reads_and_writes_by_the_endpoint(home: Path, database_url: str) -> None:
    async with a_readable_ticket(home, database_url) as there:
        of_the_ticket = ["--address", there.place.address, "--workflow-id", workflow_id(there.ticket)]
        codec = ["--codec-endpoint", there.endpoint, "--codec-auth", f"Bearer {there.token}"]
        shown = ["workflow", "show", *of_the_ticket, "--output", "json"]

        without, readable = await temporal(*shown), await temporal(*shown, *codec)
        note = json.dumps({"do": "note", "by": "olga", "text": "sent by the command"})
        await temporal("workflow", "signal", *of_the_ticket, *codec, "--name", "advance", "--input", note)

        async def noted() -> bool:
            with there.db.session() as session:
                return "sent by the command" in journal.texts(session, there.ticket).values()

        await until(noted)
        again = await temporal(*shown)

    assert WORDS.encode() not in _content(without)
    assert WORDS.encode() in _content(readable)
    assert b"sent by the command" not in _content(again)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: on Debian, apt-get install chromium")
async def test_the_temporal_ui_shows_a_tickets_words_to_who_has_signed_in_and_to_nobody_else(
    home: Path, database_url: str
) -> None:
    async with a_readable_ticket(home, database_url) as there, browser_page() as page:
        # Given a browser that has not signed in: the UI says so, and shows what it got from Temporal
        address = f"{there.place.ui_url}/namespaces/default/workflows/{workflow_id(there.ticket)}"
        await page.goto(address, wait_until="domcontentloaded")
        trouble = page.locator("#content").get_by_text("Codec Server could not connect")
        await expect(trouble).to_be_visible(timeout=PATIENCE_MS)
        for secret in (WRITER, FIRST_TIMER):
            await expect(page.get_by_text(secret)).to_have_count(0)

        # When its user signs in, and lets the UI send cookies there, which is a setting of the UI's server otherwise
        await page.goto(f"{there.endpoint}/sign-in")
        await page.get_by_label("Your token").fill(there.token)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(f"{there.place.ui_url}/**", wait_until="domcontentloaded")
        await _send_cookies_to(page, there.endpoint)

        # Then the input can be read, and the timeline says what it waits for
        await page.goto(address, wait_until="domcontentloaded")
        for secret in (WRITER, FIRST_TIMER):
            await expect(page.get_by_text(secret).first).to_be_visible(timeout=PATIENCE_MS)


async def _send_cookies_to(page: Page, endpoint: str) -> None:
    await page.get_by_role("button", name=re.compile("codec", re.IGNORECASE)).first.click()
    await page.get_by_test_id("use-local-endpoint-input").check()
    dialog = page.locator("dialog[open]")
    await dialog.get_by_label("Codec Server browser endpoint").fill(endpoint)
    await dialog.get_by_text("Include cross-origin credentials").click()
    await dialog.get_by_role("button", name="Apply").click()

"""The generic webhook both ways, by the very programs that `docs/webhooks.md` shows, through the HTTP API."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import update
from temporalio.client import Client

from domain.core.ids import ticket_id
from integrations.standard_webhooks import headers_for
from integrations.standins import zendesk
from integrations.standins.run import CHAT_SECRET, running
from services.webhooks.sink import Subscriber, WebhookOut
from store import journal
from store import webhook_outbox as feed
from store.database import Database
from store.tables.integrations import WebhookRow
from tests.support.clients import clients
from tests.support.root import ROOT
from tests.support.served_api import Api, an_api
from tests.support.timeskipping import way_to
from tests.support.waiting import until
from workers.webhook_relay import WebhookRelay
from workers.worker import running as workers_running

pytestmark = pytest.mark.long

PAGE = (ROOT / "docs" / "webhooks.md").read_text()
SECRET = CHAT_SECRET.get_secret_value()


def program(name: str, folder: Path) -> Path:
    """A program of the page, as a file."""
    (text,) = (block for block in re.findall(r"```python\n(.*?)```", PAGE, re.S) if block.startswith(f"# {name}\n"))
    file = folder / name
    file.write_text(text)
    return file


def environment(**names: str) -> dict[str, str]:
    return {"PATH": os.defpath, "WEBHOOK_SECRET": SECRET, "NO_PROXY": "*"} | names


@pytest_asyncio.fixture(loop_scope="session")
async def api(temporal_dev: Client, database_url: str, db: Database) -> AsyncIterator[Api]:
    """An API that takes webhooks, its workers, and a Zendesk."""
    with running() as outside, zendesk.running(uuid4().int % 10**12) as desk:
        world = clients(db, outside)
        names = {
            "WEBHOOK_SECRETS": SECRET,
            "ZENDESK_URL": desk.url,
            "ZENDESK_EMAIL": zendesk.EMAIL,
            "ZENDESK_API_TOKEN": zendesk.TOKEN.get_secret_value(),
            "ZENDESK_WEBHOOK_SECRETS": zendesk.SECRET.get_secret_value(),
        }
        async with workers_running(temporal_dev, world), an_api(database_url, temporal_dev, **names) as served:
            served.zendesk = desk  # type: ignore[attr-defined]
            yield served


def types(api: Api, ticket: str) -> list[str]:
    with api.db.session() as session:
        return [entry.event.body.type for entry in journal.timeline(session, ticket)]


async def send(api: Api, folder: Path, order: str) -> list[str]:
    """Run the page's sender. Returns the answers."""
    argv = [sys.executable, str(program("send.py", folder)), order]
    ran = await asyncio.to_thread(
        subprocess.run, argv, env=environment(TIERLINE_API_URL=api.url), capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


async def test_the_pages_sender_opens_and_answers_a_ticket_and_a_second_run_changes_nothing(
    api: Api, tmp_path: Path
) -> None:
    order = uuid4().hex
    ticket = ticket_id("webhook", order)
    assert await send(api, tmp_path, order) == ["202", "202"]
    await until(lambda: "responded" in types(api, ticket))
    assert await send(api, tmp_path, order) == ["202", "202"]
    await until(lambda: "clock_met" in types(api, ticket))
    assert types(api, ticket) == ["opened", "responded", "clock_met"]
    with api.db.session() as session:
        known = journal.load(session, ticket)
    assert known is not None
    assert known.account_unknown


@pytest.fixture
def receiver(tmp_path: Path):
    """The page's receiver, at work."""
    argv = [sys.executable, str(program("receive.py", tmp_path)), "0"]
    process = subprocess.Popen(argv, env=environment(), stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


async def test_the_pages_receiver_hears_each_event_once_in_order(api: Api, tmp_path: Path, receiver) -> None:
    port = receiver.stdout.readline().split()[1]
    sink = WebhookOut(api.db, Subscriber(name="page", url=f"http://127.0.0.1:{port}/", secret=CHAT_SECRET))
    with api.db.begin() as session:
        feed.register(session, [sink.destination])
    order = uuid4().hex
    ticket = ticket_id("webhook", order)
    await send(api, tmp_path, order)
    await until(lambda: "clock_met" in types(api, ticket))
    for _ in range(2):  # the second time round, all of it as after a relay that died before it noted anything
        feeder = WebhookRelay(api.db, sink)
        while await asyncio.to_thread(feeder.send_one):
            pass
        with api.db.begin() as session:
            session.execute(update(WebhookRow).values(state="pending", attempts=0))
    receiver.terminate()
    told = [line for line in receiver.stdout.read().splitlines() if line]
    assert told == ["1 ticket.opened new", "2 ticket.responded new", "3 ticket.clock_met new"]


async def test_zendesks_webhooks_come_in_by_the_api(api: Api) -> None:
    control: zendesk.ZendeskControl = api.zendesk  # type: ignore[attr-defined]
    number = control.act(comment="It broke.", subject="Export")
    (delivery,) = control.deliveries()
    url = f"{api.url}/webhooks/zendesk"
    post = {"data": delivery.body.encode(), "role": None}
    first = await api.ask("POST", "/webhooks/zendesk", headers=delivery.headers, **post)
    again = await api.ask("POST", "/webhooks/zendesk", headers=delivery.headers, **post)
    assert [(one.status_code, one.json()["new"]) for one in (first, again)] == [(202, 1), (202, 0)], url
    await until(lambda: types(api, ticket_id("zendesk", str(number))) == ["opened"])


async def test_forged_webhooks_are_refused_and_change_nothing(api: Api) -> None:
    body = b'{"type": "ticket.open", "data": {"external_id": "1", "account": {"id": "acme"}}}'
    headers = headers_for(CHAT_SECRET, "d-1", datetime.now(UTC), body)
    for path, given in (
        ("generic", {}),
        ("generic", headers | {"webhook-id": "d-2"}),
        ("zendesk", headers),
        ("zendesk", zendesk.signed(body, CHAT_SECRET).headers),
    ):
        answer = await api.ask("POST", f"/webhooks/{path}", data=body, headers=given, role=None)
        assert answer.status_code == 401, answer.text
    assert types(api, ticket_id("webhook", "1")) == []


async def test_the_relay_tells_subscribers_and_ends_when_told(
    api: Api, database_url: str, temporal_dev: Client, tmp_path: Path, receiver
) -> None:
    port = receiver.stdout.readline().split()[1]
    subscriber = {"name": "page", "url": f"http://127.0.0.1:{port}/", "secret": SECRET, "events": ["opened"]}
    names = environment(
        DATABASE_URL=database_url,
        TIERLINE_HOME=str(tmp_path),
        NOTICE_URL="http://127.0.0.1:9/hook",
        NOTICE_SECRET=SECRET,
        WEBHOOK_SUBSCRIBERS=json.dumps([subscriber]),
        **way_to(temporal_dev),
    )
    argv = [sys.executable, "-m", "cli.main", "relay"]
    relay = subprocess.Popen(argv, env=names, stdout=subprocess.PIPE, text=True)
    try:
        assert relay.stdout is not None
        assert "ready" in await asyncio.to_thread(relay.stdout.readline)
        await send(api, tmp_path, uuid4().hex)
        told = await asyncio.wait_for(asyncio.to_thread(receiver.stdout.readline), 60)
        assert told == "1 ticket.opened new\n"
        relay.terminate()
        assert await asyncio.to_thread(relay.wait, 60) == 0
    finally:
        relay.kill()
        relay.wait()
        if relay.stdout:
            relay.stdout.close()

"""All that `tierline up` starts, as one: metrics, health, encryption, and engineering's answers by Jira's webhooks.

It is started once, with all the settings that these tests are about, since a start of all processes costs more than
everything that is asked of them here.
"""

import asyncio
import base64
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from google.protobuf.json_format import MessageToDict
from sqlalchemy import text
from temporalio.api.common.v1 import Payloads

from domain.core.enums import Plan, Role, SlaState, Status, Tier, WaitsOn
from domain.ticket.state import Account, Ticket, workflow_id
from services.intake.request import OpenRequest
from services.policy_file.load import load_policy
from services.security.auth import create_token
from services.tickets import TicketService
from store import journal
from tests.support import local_tierline
from tests.support.encrypted_tierline import NEW
from tests.support.local_tierline import reached, whole_house
from tests.support.metrics import (
    LABELS_OF_FAILURES,
    ONLY_WHEN_IT_HAPPENS,
    WITH_TLS,
    asked_for,
    free_ports,
    labels_asked_for,
    scraped,
)
from tests.support.packages import T2_PACKAGE, T3_PACKAGE
from tests.support.terminal import command
from tests.support.waiting import until
from workers.local import Local

pytestmark = pytest.mark.long

AN_HOUR = "3600"
"""Seconds between two looks at Jira: what comes sooner came by a webhook."""


@pytest.fixture(scope="module")
def house() -> Iterator[Local]:
    folder = Path(tempfile.mkdtemp(prefix="tl-"))
    settings = {
        "TIERLINE_METRICS": f"127.0.0.1:{free_ports(3)}",
        "TIERLINE_LOG": "json",
        "TIERLINE_API_LOG_REQUESTS": "true",
        "TIERLINE_CODEC_KEYS": NEW,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_tierline, "SWEEP", AN_HOUR)
        with whole_house(folder, **settings) as running:
            yield running
    shutil.rmtree(folder, ignore_errors=True)


def form(**fields: Any) -> OpenRequest:
    account = Account(id="acme", plan=Plan.ENTERPRISE)
    return OpenRequest.parse({"external_id": uuid4().hex, "account": account} | fields)


def log_of(home: Path, name: str) -> list[str]:
    """What a process has logged, without the line that says that it is ready."""
    lines = (home / "logs" / f"{name}.log").read_text().splitlines()
    return [line for line in lines if not line.startswith((f"{name} is ready", '{"ready"'))]


def names(series: Iterable[str]) -> set[str]:
    return {one.partition("{")[0] for one in series}


async def test_every_part_is_well(house: Local) -> None:
    """As the containers' health checks ask it."""
    ours = {
        name: value for name, value in house.environment.items() if name not in ("TIERLINE_METRICS", "TIERLINE_LOG")
    }
    environment = ours | {"TIERLINE_API_PORT": house.pages["API"].split(":")[2].split("/")[0]}

    async def well() -> bool:
        parts = ((), ("worker",), ("relay",), ("api",))
        return all([(await command(environment, "health", *part, "--json")).code == 0 for part in parts])

    await until(well)
    told = (await command(environment, "health", "worker", "--json")).json
    assert {check["name"] for check in told["checks"]} >= {"database", "temporal", "queue tickets", "queue journal"}


async def test_it_shows_all_that_the_dashboard_asks_for(house: Local) -> None:
    ports = [int(house.pages[f"Metrics, {name}"].split(":")[2].split("/")[0]) for name in ("worker", "relay", "API")]
    async with reached(house) as (client, db):
        # Given one ticket that is open, and requests to the API that are answered and refused
        desk = TicketService(client, db, load_policy())
        ticket = (await desk.open(form(priority="P1"))).ticket
        await desk.handle(ticket, "take", {"by": "ada"})
        base = house.pages["API"].removesuffix("/api/v1")
        requests.get(f"{base}/livez", timeout=60)
        requests.post(f"{base}/codec/decode", data="{}", timeout=60)
        requests.get(f"{base}/somewhere/{ticket}", timeout=60)

        # When Prometheus comes by
        async def counted() -> bool:
            with db.session() as session:
                there = session.scalar(text("SELECT count(*) FROM tickets WHERE status = 'open' AND tier = 'T1'"))
            shown = scraped(ports[1])
            compared = "tierline_reconciled_timestamp_seconds" in names(shown)  # by the schedule, at its beginning
            return compared and bool(there) and shown.get('tierline_tickets{status="open",tier="T1"}') == there

        await until(counted)
        worker, relay, api = map(scraped, ports)

    # Then the worker tells of Temporal, the relay how everything stands, the API what was asked of it
    assert worker['temporal_num_pollers{namespace="default",poller_type="workflow_task",task_queue="tickets"}'] >= 1
    labels = re.compile(r'(\w+)="([^"]*)"')
    seen = {(series.partition("{")[0], *(value for _, value in labels.findall(series))) for series in relay}
    assert {("tierline_tickets_sla", state.value) for state in SlaState} <= seen
    assert {("tierline_tickets_waiting", what.value) for what in WaitsOn} <= seen
    assert {
        ("tierline_tickets", status.value, tier.value) for status in Status for tier in Tier if status != "closed"
    } <= seen
    assert api['tierline_api_requests_total{endpoint="/livez",method="GET",status="200"}'] >= 1
    assert api['tierline_api_requests_total{endpoint="/codec/decode",method="POST",status="401"}'] == 1
    assert not [series for series in (*worker, *relay, *api) if ticket in series or "acme" in series]
    # and what they log is JSON, line by line
    logged = [
        json.loads(line)
        for name in ("worker", "relay", "api")
        for line in log_of(Path(house.environment["TIERLINE_HOME"]), name)
    ]
    assert {line["time"][-1] for line in logged} == {"Z"}
    refused = ("/codec/decode", 401)
    (answered,) = [line for line in logged if (line.get("endpoint"), line.get("status")) == refused]
    assert answered["logger"] == "tierline.requests"
    # and the dashboard asks for nothing that nobody shows
    shown = names((*worker, *relay, *api))
    assert asked_for() - shown - ONLY_WHEN_IT_HAPPENS == WITH_TLS
    known = {name for series in (*worker, *relay, *api) for name, _ in labels.findall(series)}
    assert labels_asked_for() - known == LABELS_OF_FAILURES | {"process", "job"}  # the latter are Prometheus' own


async def test_with_keys_all_of_it_encrypts_and_its_ui_knows_where_to_ask(house: Local) -> None:
    words = "The export has been failing since Monday"
    async with reached(house) as (client, db):
        desk = TicketService(client, db, load_policy())
        ticket = (await desk.open(form(subject=words))).ticket
        assert (await desk.handle(ticket, "take", {"by": "ada"})).assignee == "ada"  # the worker has the key too
        started = (await client.get_workflow_handle(workflow_id(ticket)).fetch_history()).events[0]
        secret = started.workflow_execution_started_event_attributes.input.payloads[0]
        ui, api = house.pages["Temporal UI"], house.pages["API"].removesuffix("/api/v1")
        token = create_token(db, "olga", Role.OPS, timedelta(hours=1), datetime.now(UTC))[0]
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}", "Origin": ui}
        asked = json.dumps(MessageToDict(Payloads(payloads=[secret])))
        readable = requests.post(f"{api}/codec/decode", data=asked, headers=headers, timeout=60).json()
        told = requests.get(f"{ui}/api/v1/settings", timeout=60).json()
    assert words.encode() not in secret.SerializeToString()
    assert words.encode() in base64.b64decode(readable["payloads"][0]["data"])
    assert told["Codec"]["Endpoint"] == f"{api}/codec"


async def test_engineerings_answer_is_back_long_before_the_next_sweep(house: Local) -> None:
    """Jira's stand-in sends webhooks to the API; the sweep is the safety net."""
    async with reached(house) as (client, db):
        desk = TicketService(client, db, load_policy())
        ticket = (await desk.open(form(priority="P3"))).ticket
        await desk.handle(ticket, "take", {"by": "ada"})
        await desk.handle(ticket, "escalate", {"by": "ada", "to": "T3", "fields": T2_PACKAGE | T3_PACKAGE})

        async def linked() -> Ticket | None:
            with db.session() as session:
                found = journal.load(session, ticket)
            return found if found and found.issue else None

        async def back() -> Ticket | None:
            found = await linked()
            return found if found and found.tier is Tier.T1 else None

        issue = (await until(linked)).issue
        done = {"to": "Done", "resolution": "Fixed"}
        answer = await asyncio.to_thread(requests.post, issue.url, data=done, timeout=60)
        answer.raise_for_status()
        assert (await until(back)).issue.resolution == "Fixed"

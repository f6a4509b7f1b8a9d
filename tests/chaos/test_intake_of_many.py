"""Many tickets come in while Temporal is away, or PostgreSQL is killed: none is lost, none comes twice."""

import asyncio
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio
import requests
from temporalio.client import Client

from domain.core.enums import Role
from domain.core.ids import ticket_id
from domain.ticket.state import workflow_id
from integrations.standins import run as standins
from services.security.auth import create_token
from store.database import Database
from tests.support.processes import Processes
from tests.support.scale import SCALE
from tests.support.waiting import PATIENCE, until

pytestmark = pytest.mark.long

SOURCES = 10
EACH = 20 * SCALE
"""Tickets that each source sends, one after the other; the sources send side by side."""


class Sent(NamedTuple):
    external_id: str
    status: int
    """0: the connection broke, so nobody knows."""
    waits: str | None
    """Retry-After."""


class Sender:
    """One system that sends tickets, in order."""

    def __init__(self, house: Processes, token: str, name: str) -> None:
        self.name = name
        self._url = f"{house.api_url}/api/v1/tickets"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {token}"

    def send(self, external_id: str) -> Sent:
        form = {"source": self.name, "external_id": external_id, "account": {"id": "acme", "plan": "free"}}
        try:
            answer = self._session.post(
                self._url, json=form | {"category": "how-to", "priority": "P3"}, timeout=PATIENCE
            )
        except requests.RequestException:
            return Sent(external_id, 0, None)
        return Sent(external_id, answer.status_code, answer.headers.get("Retry-After"))

    def send_all(self, progress: "Progress") -> list[Sent]:
        sent = []
        for number in range(EACH):
            sent.append(self.send(f"{self.name}-{number:03}"))
            progress.step()
        return sent


class Progress:
    """Lets a test wait until so many have been sent."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    def step(self) -> None:
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def reached(self, count: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._count >= count, timeout=PATIENCE)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def door() -> AsyncIterator[Processes]:
    """A ticket service without workers: what it starts stands still, so that starts alone are looked at."""
    folder = Path(tempfile.mkdtemp(prefix="tl-"))
    with standins.running() as outside:
        house = Processes(folder, outside)
        try:
            await house.up("temporal", "relay", "api")
            yield house
        finally:
            house.stop()
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def senders(door: Processes, request: pytest.FixtureRequest) -> list[Sender]:
    db = Database(door.postgres.url)
    try:
        names = [f"{request.node.name[:20]}-{number}" for number in range(SOURCES)]
        now = datetime.now(UTC)
        token, _ = create_token(db, "form", Role.INTEGRATION, timedelta(days=1), now, sources=names)
    finally:
        db.dispose()
    return [Sender(door, token, name) for name in names]


async def all_at_once(senders: list[Sender], progress: Progress) -> list[list[Sent]]:
    with ThreadPoolExecutor(len(senders)) as pool:
        loop = asyncio.get_running_loop()
        return list(await asyncio.gather(*(loop.run_in_executor(pool, one.send_all, progress) for one in senders)))


async def started(door: Processes, tickets: set[str]) -> dict[str, list[datetime]]:
    """When the workflow of each of these tickets was started: more than once, if it has several runs."""
    client = await Client.connect(door.temporal.address)
    found: dict[str, list[datetime]] = {}
    async for run in client.list_workflows("WorkflowType = 'TicketWorkflow'"):
        if run.id in tickets:
            found.setdefault(run.id, []).append(run.start_time)
    return found


async def test_what_comes_while_temporal_is_away_is_started_once_and_in_order_when_it_is_back(
    door: Processes, senders: list[Sender]
) -> None:
    door.kill("temporal")
    sent = await all_at_once(senders, Progress())
    assert {one.status for row in sent for one in row} == {202}
    await door.up("temporal")

    ids = {
        workflow_id(ticket_id(sender.name, one.external_id))
        for sender, row in zip(senders, sent, strict=True)
        for one in row
    }
    assert len(ids) == SOURCES * EACH

    async def no_more_wait_than(bound: int) -> bool:
        ((waiting,),) = door.rows("SELECT count(*) FROM inbox WHERE handled_at IS NULL")
        return waiting <= bound

    for bound in range(SOURCES * EACH, -1, -EACH):  # as slow as the machine is, as long as it goes on
        await until(lambda bound=bound: no_more_wait_than(bound), f"at most {bound} wait")  # type: ignore[misc]

    async def all_seen() -> dict[str, list[datetime]] | None:
        found = await started(door, ids)
        return found if len(found) == len(ids) else None

    runs = await until(all_seen, "every start seen")

    assert set(map(len, runs.values())) == {1}
    for sender, row in zip(senders, sent, strict=True):
        times = [runs[workflow_id(ticket_id(sender.name, one.external_id))][0] for one in row]
        assert times == sorted(times), sender.name
    assert senders[0].send("after-it").status == 201


async def test_when_postgres_is_killed_every_2xx_is_there_and_every_503_can_be_sent_again(
    door: Processes, senders: list[Sender]
) -> None:
    progress = Progress()
    sending = asyncio.create_task(all_at_once(senders, progress))
    assert await asyncio.to_thread(progress.reached, SOURCES * EACH // 3)
    door.kill("postgres")
    assert await asyncio.to_thread(progress.reached, SOURCES * EACH // 2)
    await door.up("postgres")
    sent = await sending

    told: Counter[int] = Counter(one.status for row in sent for one in row)
    assert set(told) <= {201, 202, 503}
    assert min(told[201], told[503]) >= EACH // 2, told
    assert all(one.waits for row in sent for one in row if one.status == 503)
    there = {row[0] for row in door.rows("SELECT external_id FROM tickets")}
    assert {one.external_id for row in sent for one in row if one.status in (201, 202)} <= there

    again = {sender.send(one.external_id).status for sender, row in zip(senders, sent, strict=True) for one in row}

    assert again <= {200, 201, 202}
    for sender, row in zip(senders, sent, strict=True):
        found = door.rows("SELECT external_id FROM tickets WHERE source = :source", source=sender.name)
        assert sorted(found) == [(one.external_id,) for one in row]
    assert door.rows("SELECT count(*) FROM ticket_events WHERE type = 'opened'") == door.rows(
        "SELECT count(*) FROM tickets"
    )

"""Tickets of one source start in the order in which they came, also those that found Temporal away."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from domain.ticket.state import workflow_id
from services.batching import WriteBatcher
from services.intake.request import OpenRequest
from services.tickets import TicketService
from store import inbox
from store.database import Database
from tests.support.policy import POLICY
from tests.support.served_api import a_form
from tests.support.timeskipping import Namespaces
from tests.support.waiting import PATIENCE, until


class Doors:
    """Two ticket services on one database: one finds Temporal away, one does not."""

    def __init__(self, away: TicketService, open_: TicketService, client: Client) -> None:
        self.away, self.open, self.client = away, open_, client

    async def started(self, tickets: list[str]) -> list[str]:
        """The tickets in the order in which their workflows were started. All have to be."""
        found = []
        for ticket in tickets:
            run = await self.client.get_workflow_handle(workflow_id(ticket)).describe()
            found.append((run.start_time, ticket))
        return [ticket for _, ticket in sorted(found)]


@pytest_asyncio.fixture(loop_scope="session")
async def doors(db: Database, temporal_namespaces: Namespaces) -> AsyncIterator[Doors]:
    nowhere = await Client.connect("127.0.0.1:1", lazy=True, data_converter=pydantic_data_converter)
    client = await temporal_namespaces.fresh()  # where no worker of the folder's finds them
    yield Doors(TicketService(nowhere, db, POLICY), TicketService(client, db, POLICY), client)


def form(source: str) -> OpenRequest:
    return OpenRequest.parse(a_form(source=source))


async def test_what_comes_after_a_ticket_that_waits_waits_behind_it_and_other_sources_do_not(doors: Doors) -> None:
    source = uuid4().hex
    waiting = [(await doors.away.open(form(source))).ticket for _ in range(3)]
    behind = await doors.open.open(form(source))
    other = await doors.open.open(form(uuid4().hex))

    assert (behind.started, other.started) == (False, True)
    assert await doors.open.start_overdue() == 4
    assert await doors.started([behind.ticket, *waiting]) == [*waiting, behind.ticket]
    assert (await doors.open.open(form(source))).started


async def test_without_waiting_behind_it_the_order_is_another(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: with the protection off, the same run shows the wrong order."""
    monkeypatch.setattr(inbox, "stuck_before", lambda *_: False)
    source = uuid4().hex
    waiting = [(await doors.away.open(form(source))).ticket for _ in range(2)]
    behind = await doors.open.open(form(source))
    await doors.open.start_overdue()
    assert await doors.started([behind.ticket, *waiting]) == [behind.ticket, *waiting]


async def test_many_that_start_what_waits_start_each_once_and_in_order(doors: Doors) -> None:
    source = uuid4().hex
    waiting = [(await doors.away.open(form(source))).ticket for _ in range(20)]
    await asyncio.gather(*(doors.open.start_overdue() for _ in range(4)))
    assert await doors.started(waiting) == waiting
    assert await doors.open.start_overdue(timedelta(0)) == 0


async def test_a_request_that_is_sent_again_starts_what_waits_alone(doors: Doors) -> None:
    request = form(uuid4().hex)
    first = await doors.away.open(request)
    again = await doors.open.open(request)
    assert (first.created, first.started) == (True, False)
    assert (again.created, again.started) == (False, True)
    assert await doors.open.start_overdue(timedelta(0)) == 0


async def test_what_comes_together_is_written_together_and_a_failure_reaches_all_that_waited_for_it() -> None:
    written: list[Any] = []

    def write(items: Any) -> None:
        written.append(list(items))
        if "bad" in items:
            raise ValueError("no")

    together = WriteBatcher(write)
    await asyncio.gather(*(together.add(str(number)) for number in range(50)))
    assert sorted((one for some in written for one in some), key=int) == [str(number) for number in range(50)]
    assert len(written) < 10
    results = await asyncio.gather(together.add("bad"), together.add("good"), return_exceptions=True)
    assert [type(one) for one in results] == [ValueError, ValueError]
    await together.add("later")
    assert written[-1] == ["later"]


async def test_a_batch_that_fails_after_all_have_given_up_is_said(caplog: pytest.LogCaptureFixture) -> None:
    began, go_on = threading.Event(), threading.Event()

    def write(_: Sequence[str]) -> None:
        began.set()
        assert go_on.wait(PATIENCE)
        raise OSError("the disk is full")

    together = WriteBatcher(write)
    adding = asyncio.create_task(together.add("one"))
    assert await asyncio.to_thread(began.wait, PATIENCE)
    adding.cancel()
    await asyncio.wait([adding])
    go_on.set()

    await until(lambda: "a batch of writes failed (OSError)" in caplog.messages)

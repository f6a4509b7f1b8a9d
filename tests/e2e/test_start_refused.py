"""A ticket whose start Temporal refuses for good holds up nobody else, and ops hear of it once."""

from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import select, text
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from domain.ticket.state import workflow_id
from services.tickets import INTAKE, TicketService
from store.database import Database
from store.tables.integrations import InboxRow, OutboxRow
from tests.support.policy import POLICY
from tests.support.working_tierline import form
from workers.virtual_time import server_options, started

pytestmark = pytest.mark.long

MOST = 60_000
"""Bytes that this server takes in one payload: the terms of a ticket and a short text fit, long texts do not."""
LONG = {"description": "坏" * 20_000, "attachments": "坏" * 20_000}


@pytest_asyncio.fixture(loop_scope="session")
async def strict() -> AsyncIterator[Client]:
    """A Temporal server whose operator allows small payloads only. It refuses what is larger as INVALID_ARGUMENT."""
    limits = (f"limit.blobSize.error={MOST}", f"limit.blobSize.warn={MOST}")

    def start() -> Awaitable[WorkflowEnvironment]:
        return WorkflowEnvironment.start_local(**server_options(*limits))

    async with await started(start) as environment:
        yield environment.client


async def runs(client: Client, ticket: str) -> bool:
    try:
        await client.get_workflow_handle(workflow_id(ticket)).describe()
    except RPCError:
        return False
    return True


async def test_the_others_of_its_source_go_on_and_it_is_tried_again(strict: Client, db: Database) -> None:
    desk = TicketService(strict, db, POLICY)
    nowhere = await Client.connect("127.0.0.1:1", lazy=True, data_converter=pydantic_data_converter)
    away = TicketService(nowhere, db, POLICY)
    waiting = [(await away.open(form(source="form", **texts))).ticket for texts in ({}, LONG, {})]
    _, refused, _ = waiting

    assert await desk.start_overdue(timedelta(0)) == 2

    assert [await runs(strict, ticket) for ticket in waiting] == [True, False, True]
    receipt = await desk.open(form(source="form"))  # nor does the next one wait behind it
    assert (receipt.started, await runs(strict, receipt.ticket)) == (True, True)

    assert await desk.start_overdue(timedelta(0)) == 0  # its next try is not due yet
    for _ in range(2):
        with db.begin() as session:
            session.execute(text("UPDATE inbox SET not_before = now() WHERE handled_at IS NULL"))
        assert await desk.start_overdue(timedelta(0)) == 0
    with db.session() as session:
        told = session.scalars(select(OutboxRow.title).where(OutboxRow.key.contains(":start:"))).all()
        (row,) = session.scalars(select(InboxRow).where(InboxRow.handled_at.is_(None))).all()
    (said,) = told
    assert said.startswith(f"ticket {refused} is on record and cannot start: Temporal refuses it (INVALID_ARG")
    assert "坏" not in said
    assert (row.source, row.delivery_id, row.attempts) == (INTAKE, refused, 3)


async def test_one_that_is_refused_when_it_comes_is_on_record_and_holds_up_nobody(strict: Client, db: Database) -> None:
    desk = TicketService(strict, db, POLICY)

    receipt = await desk.open(form(source="form", **LONG))
    assert (receipt.created, receipt.started) == (True, False)
    assert (await desk.open(form(source="form"))).started

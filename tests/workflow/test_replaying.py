"""The replay of histories that other tests have lived, itself."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from temporalio.client import Client

from tests.support.replaying import failures
from workflows import ports


async def test_a_run_that_no_worker_has_taken_up_has_nothing_to_replay(temporal_dev: Client) -> None:
    """Its history has one event, as that of a run has which has just been continued as new."""
    ticket = await temporal_dev.start_workflow(
        "TicketWorkflow", id=uuid4().hex, task_queue=ports.TICKETS, start_delay=timedelta(days=1)
    )
    assert len((await ticket.fetch_history()).events) == 1

    replayed = asyncio.create_task(failures(temporal_dev, [ticket.id]))

    await asyncio.wait([replayed], timeout=60)  # the Replayer cannot be cancelled either
    assert replayed.done()
    assert replayed.result() == {}

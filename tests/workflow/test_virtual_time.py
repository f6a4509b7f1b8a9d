"""The fixtures themselves: virtual time is exact, and every test gets what it was promised."""

from datetime import timedelta
from uuid import uuid4

from sqlalchemy import create_engine, text
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.worker import Worker

from workflows.search_attributes import STATUS

with workflow.unsafe.imports_passed_through():  # this module is a workflow's too, and the clock's has native code
    from tests.support.timeskipping import VirtualTime
    from tests.support.waiting import until

LIMIT = timedelta(minutes=15)


@workflow.defn
class Limit:
    """Rings once, 15 minutes after its start."""

    def __init__(self) -> None:
        self.rang_after: timedelta | None = None

    @workflow.run
    async def run(self) -> None:
        started = workflow.now()
        await workflow.sleep(LIMIT)
        self.rang_after = workflow.now() - started
        await workflow.wait_condition(lambda: False)

    @workflow.query
    def rang(self) -> float | None:
        return self.rang_after.total_seconds() if self.rang_after else None


async def test_a_timer_of_15_minutes_rings_when_the_workflows_clock_has_moved_that_far(
    temporal_env: VirtualTime,
) -> None:
    queue = f"limit-{uuid4()}"
    async with Worker(temporal_env.client, task_queue=queue, workflows=[Limit]):
        ticket = await temporal_env.client.start_workflow(Limit.run, id=queue, task_queue=queue)
        started = await temporal_env.now(ticket)
        assert await ticket.query(Limit.rang) is None

        await temporal_env.advance(ticket, timedelta(minutes=14, seconds=59))
        assert await ticket.query(Limit.rang) is None

        await temporal_env.advance_to(ticket, started + LIMIT + timedelta(seconds=2))
        rang = await until(lambda: ticket.query(Limit.rang), "the timer's workflow task is done")
        assert LIMIT.total_seconds() <= rang < LIMIT.total_seconds() + 5
        await ticket.terminate()


async def test_one_workflows_clock_moves_without_anothers(temporal_env: VirtualTime) -> None:
    queue = f"limit-{uuid4()}"
    async with Worker(temporal_env.client, task_queue=queue, workflows=[Limit]):
        moved, still = [
            await temporal_env.client.start_workflow(Limit.run, id=f"{queue}-{n}", task_queue=queue) for n in range(2)
        ]
        await temporal_env.advance_all([moved], timedelta(minutes=16))
        assert await moved.query(Limit.rang) is not None
        assert await still.query(Limit.rang) is None
        await moved.terminate()
        await still.terminate()


async def test_both_servers_know_our_search_attributes(temporal_env: VirtualTime, temporal_dev: Client) -> None:
    for client in (temporal_env.client, temporal_dev):
        ticket = await client.start_workflow(
            "NobodyRunsIt",
            id=f"attributes-{uuid4()}",
            task_queue="nobody-listens",
            search_attributes=TypedSearchAttributes([SearchAttributePair(STATUS, "open")]),
        )
        assert (await ticket.describe()).typed_search_attributes[STATUS] == "open"
        await ticket.terminate()


def test_every_test_has_a_database_of_its_own(database_url: str, postgres_url: str) -> None:
    assert database_url != postgres_url
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE only_here (id int)"))
    engine.dispose()


def test_no_test_sees_what_another_one_has_left(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT to_regclass('only_here')")) is None
    engine.dispose()

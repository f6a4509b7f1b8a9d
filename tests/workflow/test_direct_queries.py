"""No ticket goes on from what only a query has shown its worker (`workers/query_guard.py`).

Each scene has a query come to a worker that must build the ticket from its history, after something happened that no
workflow task covers yet. The server hands a query to a worker before any task of the same queue, so it takes no chance:
without the guard, each scene ends in a history that does not replay. Two ways lead there: a worker has just started, or
it has more tickets than its cache holds.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
import pytest_asyncio
import requests
from temporalio.api.enums.v1 import EventType as E
from temporalio.worker import CustomSlotSupplier, FixedSizeSlotSupplier, SlotPermit, SlotReserveContext, WorkerTuner

from domain.ticket.aggregate import next_deadline
from domain.ticket.state import workflow_id
from tests.support.durations import MINUTE, SECOND
from tests.support.replaying import failures
from tests.support.stage import Play, Stage, serving, to_engineering
from tests.support.timeskipping import VirtualTime, virtual_time
from tests.support.waiting import until
from tests.support.world import World
from workers.embedded.temporal import free_port
from workflows import ports

ONE_PARTITION = ["matching.numTaskqueueReadPartitions=1", "matching.numTaskqueueWritePartitions=1"]
"""With more, a query and a task could be waiting for a worker in different places."""
OTHERS = [queue for queue in ports.QUEUES if queue != ports.TICKETS]
ROUNDS = 20
"""How often a scene is played at most, should a busy machine have upset its order."""


class AnsweredTooSoonError(Exception):
    """A query was answered before the scene had seen it wait: Temporal gave it to another queue than the scene wants.

    It does so when a worker has not asked for tasks of its own tickets for ten seconds, as on a busy machine.
    """


class Server:
    """A Temporal server on virtual time that says what it is at."""

    def __init__(self, time: VirtualTime, metrics: str) -> None:
        self.time = time
        self._metrics = metrics

    async def under_way(self, service: str, operation: str) -> int:
        """How many such calls one of its services has begun and not ended."""
        found = (await asyncio.to_thread(requests.get, self._metrics, timeout=30)).text

        def total(counter: str) -> int:
            lines = re.findall(rf"^{counter}\{{(.*)\}} (\d+)$", found, re.MULTILINE)
            mine = (f'operation="{operation}"', f'service_name="{service}"')
            return sum(int(number) for labels, number in lines if all(label in labels for label in mine))

        return total("service_requests") - total("service_latency_count")

    async def until_under_way(self, service: str, operation: str, call: "asyncio.Task[Any]") -> None:
        """Wait until one of its services is at such a call. Raises AnsweredTooSoonError if `call` has ended before."""

        async def so() -> bool:
            if await self.under_way(service, operation) > 0:
                return True
            if call.done():
                raise AnsweredTooSoonError(operation)
            return False

        await until(so)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server() -> AsyncIterator[Server]:
    port = free_port()
    async with virtual_time(*ONE_PARTITION, arguments=["--metrics-port", str(port)]) as time:
        yield Server(time, f"http://127.0.0.1:{port}/metrics")


@asynccontextmanager
async def stage_without_tickets(server: Server) -> AsyncIterator[Stage]:
    """A stage on which nobody runs workflows yet."""
    stage = Stage(server.time, World())
    async with serving(stage.client, stage.world, queues=OTHERS):
        try:
            yield stage
        finally:
            await stage.clear()


def tickets(stage: Stage, **options: Any) -> Any:
    return serving(stage.client, stage.world, queues=[ports.TICKETS], **options)


async def until_scheduled(play: Play, after: int) -> None:
    """Wait until a workflow task is due, because of an event of the type `after`; or taken, as it is on a slow machine
    where Temporal has waited in vain for the worker that had the ticket last."""
    task = (E.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, E.EVENT_TYPE_WORKFLOW_TASK_STARTED)

    async def so() -> bool:
        skipped = E.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED
        kinds = [event.event_type for event in await play.history() if event.event_type != skipped]
        return kinds[-1] in task and after in kinds[-5:]

    await until(so)


async def until_quiet(play: Play) -> None:
    """Wait until no workflow task is due or under way, and none will be before something new happens."""
    await play.journalled()

    async def so() -> bool:
        told = await play.handle.describe()
        waiting = {one.activity_type.name for one in told.raw_description.pending_activities}
        return not told.raw_description.HasField("pending_workflow_task") and ports.RECORD_EVENTS.name not in waiting

    await until(so)


async def with_jira(stage: Stage) -> Play:
    """A ticket that waits for nothing but the answer of Jira."""
    play = await stage.open()
    stage.world.held[play.id] = asyncio.Event()
    await to_engineering(play)
    await until(lambda: asyncio.sleep(0, stage.world.issues_of(play.id)))
    await until_quiet(play)
    return play


@contextmanager
def a_query_that_waits(play: Play) -> Iterator[asyncio.Task[Any]]:
    asked = asyncio.create_task(play.handle.query("ticket"))
    try:
        yield asked
    finally:
        asked.cancel()


async def jira_answers_and_an_agent_responds(server: Server, stage: Stage, play: Play) -> "asyncio.Task[Any]":
    """An activity's answer, and then an Update: both are there before any worker looks."""
    stage.world.held[play.id].set()
    await until_scheduled(play, E.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
    update = asyncio.create_task(play.send("respond", text="We look at it."))
    await server.until_under_way("history", "UpdateWorkflowExecution", update)
    return update


async def a_worker_comes_back(server: Server, *, guarded: bool) -> dict[str, str]:
    async with stage_without_tickets(server) as stage:
        async with tickets(stage, guarded=guarded):
            play = await with_jira(stage)
        with a_query_that_waits(play) as asked:
            await server.until_under_way("matching", "QueryWorkflow", asked)
            update = await jira_answers_and_an_agent_responds(server, stage, play)
            async with tickets(stage, guarded=guarded):
                await asyncio.gather(asked, update)
                if guarded:
                    await play.seen(lambda ticket: ticket.issue)
                return await failures(stage.client, [workflow_id(play.id)])


async def a_deadline_passes_while_the_worker_is_away(server: Server, *, guarded: bool) -> dict[str, str]:
    async with stage_without_tickets(server) as stage:
        async with tickets(stage, guarded=guarded):
            play = await stage.open()
            await play.send("take")
            await until_quiet(play)
            deadline = next_deadline(await play.see())
            assert deadline is not None
        with a_query_that_waits(play) as asked:
            await server.until_under_way("matching", "QueryWorkflow", asked)
            await play.skip(deadline.at - play.opened_at + SECOND)
            await until_scheduled(play, E.EVENT_TYPE_TIMER_FIRED)
            before = await play.count("TIMER_STARTED")
            async with tickets(stage, guarded=guarded):
                await asked
                await until(lambda: has_risen(play, before))
                if guarded:
                    event = (await play.journalled())[-1]
                    assert event.at == deadline.at
                    assert event.detected >= deadline.at
                return await failures(stage.client, [workflow_id(play.id)])


async def has_risen(play: Play, before: int) -> bool:
    """Whether the ticket has armed its timer once more, for whatever comes next."""
    return await play.count("TIMER_STARTED") > before


class Slots(CustomSlotSupplier):
    """Slots for workflow tasks, of which there are none for the tickets that the worker knows while it is `closed`.

    A worker takes a slot before it asks the server for a task. So once it waits for a slot, it asks for nothing.
    """

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self.waiting = 0

    def close(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    async def reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit:
        self.waiting += ctx.is_sticky
        try:
            if ctx.is_sticky:
                await self._open.wait()
        finally:
            self.waiting -= ctx.is_sticky
        return SlotPermit()

    def try_reserve_slot(self, ctx: SlotReserveContext) -> None:
        return None

    def mark_slot_used(self, ctx: Any) -> None:
        """Nothing to do: there is no bound."""

    def release_slot(self, ctx: Any) -> None:
        """Nothing to do: there is no bound."""


def with_few_cached(slots: Slots) -> dict[str, Any]:
    """The options of a worker that keeps two tickets, and asks for one task of its own tickets at a time."""
    others = FixedSizeSlotSupplier(10)
    tuner = WorkerTuner.create_composite(
        workflow_supplier=slots, activity_supplier=others, local_activity_supplier=others, nexus_supplier=others
    )
    return {"cached": 2, "tuner": tuner, "max_concurrent_workflow_task_polls": 2}


async def a_worker_has_more_tickets_than_it_keeps(server: Server, *, guarded: bool) -> dict[str, str]:
    slots = Slots()
    async with stage_without_tickets(server) as stage, tickets(stage, guarded=guarded, **with_few_cached(slots)):
        play = await with_jira(stage)
        others = [await stage.open() for _ in range(2)]
        for other in others:
            await other.send("take", at=0 * MINUTE)
            await other.signal("note", text="Seen.")
            await until_quiet(other)  # what was looked at last is what the worker keeps
        slots.close()
        try:
            await others[-1].see()  # the worker had asked for one more task, and has it now
            await until(lambda: asyncio.sleep(0, slots.waiting))
            with a_query_that_waits(play) as asked:
                await server.until_under_way("matching", "QueryWorkflow", asked)
                update = await jira_answers_and_an_agent_responds(server, stage, play)
                slots.open()
                await asyncio.gather(asked, update)
        finally:
            slots.open()
        if guarded:
            await play.seen(lambda ticket: ticket.issue)
            await asyncio.gather(*(other.at(15 * MINUTE) for other in others))
            for other in others:
                assert await other.timeline("limit_noted", "limit_reached") == [
                    ("limit_noted", 10 * MINUTE),
                    ("limit_noted", 13 * MINUTE),
                    ("limit_reached", 15 * MINUTE),
                ]
        return await failures(stage.client, [workflow_id(one.id) for one in (play, *others)])


Scene = Callable[..., Awaitable[dict[str, str]]]
SCENES = pytest.mark.parametrize(
    "scene",
    [a_worker_comes_back, a_deadline_passes_while_the_worker_is_away, a_worker_has_more_tickets_than_it_keeps],
    ids=lambda scene: scene.__name__,
)


async def broken(
    scene: Scene, server: Server, *, guarded: bool, enough: Callable[[dict[str, str]], bool]
) -> dict[str, str]:
    """Play a scene until it went in its order and `enough` holds of the histories that do not replay; return these."""
    found: dict[str, str] = {}
    played = 0
    for _ in range(ROUNDS):
        try:
            found = await scene(server, guarded=guarded)
        except AnsweredTooSoonError:
            continue
        played += 1
        if enough(found):
            return found
    assert played, f"{ROUNDS} times the query was answered too soon"
    return found


@SCENES
async def test_every_history_replays_whatever_a_query_has_shown(server: Server, scene: Scene) -> None:
    assert await broken(scene, server, guarded=True, enough=lambda found: True) == {}


@SCENES
async def test_negative_control_without_the_guard_a_ticket_does_not_replay(server: Server, scene: Scene) -> None:
    assert await broken(scene, server, guarded=False, enough=bool), (
        f"{ROUNDS} times nothing broke: is the SDK's fault mended? See docs/upstream/direct-query.md"
    )

"""A stage for workflow tests: the real server on virtual time, the real workflows, and activities that remember.

The activities here stand for the world outside of Temporal and only record; the real ones have their own tests.
Tickets open at instants of the year 2035, chosen for their place in the week, so that every test can name its
instants exactly.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowInput,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from domain.core.enums import Plan
from domain.policy.policy import Policy
from domain.ticket.aggregate import next_deadline
from domain.ticket.events import Event
from domain.ticket.state import Account, Ticket
from services.intake.opening import opening_story, start_ticket
from services.intake.request import OpenRequest
from tests.support.timeskipping import VirtualTime
from tests.workflow.world import POLICY, World
from workers.query_guard import QueryGuard
from workers.worker import WORKFLOWS
from workflows import ports

Handle = WorkflowHandle[Any, Any]

MONDAY = datetime(2035, 6, 4, 8, tzinfo=UTC)
"""10:00 in Berlin, in a week without a public holiday."""
SATURDAY = datetime(2035, 6, 2, 1, tzinfo=UTC)
"""03:00 in Berlin."""
FRIDAY = datetime(2035, 10, 26, 14, tzinfo=UTC)
"""16:00 in Berlin, in the last week of daylight saving."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)

GATE_T2 = ["steps_taken", "customer_impact", "reproduction_steps", "logs_or_screenshots"]
FIRST_PACKAGE = dict.fromkeys(GATE_T2, "Said.")
REPORT = dict.fromkeys(("summary", "expected", "actual", "environment", "frequency"), "x") | {"code_change": True}
SECOND_PACKAGE = {
    "bug_report": REPORT,
    "business_impact": {"text": "x", "arr": 0},
    "workaround_status": "none",
    "communication_plan": "daily",
}
RECORD = {"resolution": "solved", "what_was_done": "x", "root_cause": "y", "kb_reason": "gap", "message": "Fixed."}
"""A resolution that satisfies G9 for any ticket that is solved."""


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = 60) -> Any:
    """The first true answer of `condition`, asked for again until then. AssertionError after so many seconds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not (answer := await condition()):
        assert loop.time() < end, f"in vain: {condition}"
        await asyncio.sleep(0.02)
    return answer


class Play:
    """One ticket on the stage."""

    def __init__(self, stage: "Stage", ticket: Ticket, handle: Handle) -> None:
        self.stage = stage
        self.id = ticket.id
        self.opened_at = ticket.opened_at
        self.handle = handle

    async def at(self, since: timedelta) -> None:
        """Move the ticket's clock to `since` after its opening, and see that every deadline until then has lapsed."""
        await self.skip(since)

        async def lapsed() -> bool:
            deadline = next_deadline(await self.see())
            return deadline is None or deadline.at > self.opened_at + since

        await until(lapsed)

    async def skip(self, since: timedelta) -> None:
        """Move the ticket's clock, whether a worker runs or not."""
        for _ in range(2):
            try:
                async with asyncio.timeout(60):
                    await self.stage.time.advance_to(self.handle, self.opened_at + since)
                return
            except TimeoutError:
                continue  # a long poll without an answer: ask again, from where the clock is by now
        raise AssertionError(f"the clock of {self.id} does not come to {since} after its opening")

    async def send(self, do: str, at: timedelta | None = None, **payload: Any) -> Any:
        """Give a command as an Update; with `at`, it was received then, so long after the opening."""
        return await self.update(do, self._payload(at, payload))

    async def update(self, do: str, *args: Any, id: str | None = None) -> Any:
        """Send an Update with whatever arguments."""
        return await self.handle.execute_update(do, args=args, id=id, rpc_timeout=timedelta(seconds=60))

    async def signal(self, do: str, at: timedelta | None = None, **payload: Any) -> None:
        """Send a command as the Signal `advance`."""
        await self.handle.signal("advance", self._payload(at, payload) | {"do": do})

    async def refused(self, do: str, at: timedelta | None = None, **payload: Any) -> dict[str, Any]:
        """Give a command that is refused, and return the refusal."""
        return await refusal(self.send(do, at, **payload))

    def _payload(self, at: timedelta | None, payload: dict[str, Any]) -> dict[str, Any]:
        received = {"received": (self.opened_at + at).isoformat()} if at is not None else {}
        return {"by": "ada", **received, **payload}

    async def see(self) -> Ticket:
        """The ticket as the workflow has it."""

        async def queried() -> Ticket | None:
            try:
                return await self.handle.query("ticket", result_type=Ticket)
            except RPCError as error:
                if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                    raise
                return None  # the first task of its run is on its way

        ticket: Ticket = await until(queried)
        return ticket

    async def seen(self, condition: Callable[[Ticket], Any]) -> Ticket:
        """The ticket, as soon as it meets the condition."""

        async def met() -> Ticket | None:
            ticket = await self.see()
            return ticket if condition(ticket) else None

        seen: Ticket = await until(met)
        return seen

    async def journalled(self, *types: str) -> list[Event]:
        """The ticket's events in the journal, once it has caught up and each of `types` is there."""

        async def there() -> bool:
            journal = self.stage.world.journal.get(self.id, [])
            caught_up = len(journal) == (await self.see()).seq
            return caught_up and set(types) <= {event.body.type for event in journal}

        await until(there)
        return self.stage.world.journal[self.id]

    async def timeline(self, *types: str) -> list[tuple[str, timedelta]]:
        """The events of `types`, each with the time since the opening at which it took effect."""
        events = await self.journalled()
        return [(event.body.type, event.at - self.opened_at) for event in events if event.body.type in types]

    async def history(self) -> list[Any]:
        """The events of the workflow's history."""
        return list((await self.handle.fetch_history()).events)

    async def count(self, kind: str) -> int:
        """How many events of a kind are in the workflow's history: `TIMER_STARTED`."""
        number = EventType.Value(f"EVENT_TYPE_{kind}")
        return sum(event.event_type == number for event in await self.history())


async def refusal(update: Awaitable[Any]) -> dict[str, Any]:
    """What an Update was refused with, in full."""
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await update
    cause = failed.value.cause
    assert isinstance(cause, ApplicationError), cause
    assert cause.details, f"no refusal of the core's: {cause}"
    detail: dict[str, Any] = cause.details[0]
    assert cause.type == detail["code"]
    return detail


class Stage:
    """Opens tickets in the real workflow."""

    def __init__(self, time: VirtualTime, world: World) -> None:
        self.time = time
        self.world = world
        config = time.client.config()
        self.client = Client(**config | {"interceptors": [*config["interceptors"], _StartsAt()]})
        self._plays: list[Play] = []

    async def open(self, at: datetime = MONDAY, *, speed: int = 1, policy: Policy = POLICY, **form: Any) -> Play:
        """Open a ticket at `at`; keyword arguments are the form's. The workflow's clock starts there.

        `speed` is for what virtual time cannot skip: an activity that is under way.
        """
        known = Account(id="acme", plan=Plan(form.pop("plan", "enterprise")), csm=form.pop("csm", None))
        request = OpenRequest.parse({"external_id": uuid4().hex, "account": known} | form)
        account = None if "account" in form else known
        story = opening_story(policy if speed == 1 else policy.at_speed(speed), request, at, account)
        with starting_at(at):
            handle = await start_ticket(self.client, story.events, recorded=False)
        await self.time.advance_to(handle, at)
        play = Play(self, story.state, handle)
        self._plays.append(play)
        await play.see()
        return play

    async def clear(self) -> None:
        """End what is still running."""
        for play in self._plays:
            try:
                await play.handle.terminate()
            except RPCError:  # it has ended
                continue
        # A review keeps incidents up for days; on another stage they would be strangers. The list lags behind: one that
        # has just begun is known to the world alone.
        running = "WorkflowType IN ('IncidentWorkflow', 'AreaPageWorkflow') AND ExecutionStatus = 'Running'"
        listed = {incident.id async for incident in self.time.client.list_workflows(running)}
        for name in listed | self.world.declared:
            with suppress(RPCError):
                await self.time.client.get_workflow_handle(name).terminate()


_starts_at: ContextVar[datetime | None] = ContextVar("starts_at", default=None)


@contextmanager
def starting_at(at: datetime) -> Iterator[None]:
    """What `Stage.client` starts in the block begins at this instant."""
    token = _starts_at.set(at)
    yield
    _starts_at.reset(token)


class _StartsAt(Interceptor):
    """Starts workflows at a chosen instant: with a delay until then, over which virtual time skips."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _DelayedStart(next)


class _DelayedStart(OutboundInterceptor):
    async def start_workflow(self, input: StartWorkflowInput) -> Handle:
        if at := _starts_at.get():
            input.start_delay = at - datetime.now(UTC)
        return await super().start_workflow(input)


def workers(
    client: Client,
    world: World,
    *,
    cached: int = 1000,
    queues: Sequence[str] = ports.QUEUES,
    guarded: bool = True,
    **options: Any,
) -> list[Worker]:
    """A worker for each queue, with activities that remember. `options` are those of the worker that runs workflows;
    `guarded` is false where a test shows what comes of a worker without the guard against direct queries."""
    activities = world.activities()
    return [
        Worker(
            client,
            task_queue=queue,
            workflows=WORKFLOWS if queue == ports.TICKETS else [],
            activities=activities[queue],
            max_cached_workflows=cached,
            workflow_failure_exception_types=[Exception],  # a bug fails the test instead of hanging it
            plugins=[QueryGuard()] if guarded and queue == ports.TICKETS else [],
            **(options if queue == ports.TICKETS else {}),
        )
        for queue in queues
    ]


@asynccontextmanager
async def serving(client: Client, world: World, **options: Any) -> AsyncIterator[None]:
    """Workers, for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        for worker in workers(client, world, **options):
            await stack.enter_async_context(worker)
        yield


@asynccontextmanager
async def on_stage(time: VirtualTime, **options: Any) -> AsyncIterator[Stage]:
    """A stage with workers for every queue. At the end, the world must not have met with anything impossible."""
    stage = Stage(time, World())
    async with serving(time.client, stage.world, **options):
        try:
            yield stage
        finally:
            await stage.clear()
    assert not stage.world.faults


Scene = Callable[[Stage], Awaitable[None]]


async def side_by_side(subtests: pytest.Subtests, acts: Mapping[str, Awaitable[None]]) -> None:
    """Play all of it at once, since each act waits most of its time, and report each by its name."""
    ends = await asyncio.gather(*acts.values(), return_exceptions=True)
    for name, end in zip(acts, ends, strict=True):
        with subtests.test(name):
            if isinstance(end, BaseException):
                raise end


async def play_all(stage: Stage, subtests: pytest.Subtests, scenes: Sequence[Scene]) -> None:
    """Play scenes side by side on one stage."""
    await side_by_side(subtests, {scene.__name__: scene(stage) for scene in scenes})

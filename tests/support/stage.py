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
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
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

from domain.core.enums import Plan, Tier, WaitsOn
from domain.policy.policy import Policy
from domain.ticket.aggregate import next_deadline
from domain.ticket.events import Event
from domain.ticket.state import Account, Ticket
from services.intake.opening import opening_recording, start_ticket
from services.intake.request import OpenRequest
from tests.support.durations import MINUTE
from tests.support.packages import BOTH_PACKAGES, RECORD, T2_PACKAGE, T3_PACKAGE
from tests.support.policy import POLICY
from tests.support.timeskipping import VirtualTime
from tests.support.waiting import RPC_PATIENCE, until
from tests.support.world import World
from workers.query_guard import QueryGuard
from workers.worker import WORKFLOWS
from workflows import ports

Handle = WorkflowHandle[Any, Any]
Answer = TypeVar("Answer")

MONDAY = datetime(2035, 6, 4, 8, tzinfo=UTC)
"""10:00 in Berlin, in a week without a public holiday."""
SATURDAY = datetime(2035, 6, 2, 1, tzinfo=UTC)
"""03:00 in Berlin."""
FRIDAY = datetime(2035, 10, 26, 14, tzinfo=UTC)
"""16:00 in Berlin, in the last week of daylight saving."""

NOT_NOW = (
    RPCStatusCode.FAILED_PRECONDITION,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
)
"""What a query may end with that is to be asked again: the first task of a run is on its way, too many queries wait
for a worker that is busy with other tests, or the query was lost (the last is what the client itself says then)."""
QUERY_PATIENCE = timedelta(seconds=30)
"""How long one query may take before it is asked again.

A worker without a cache can lose a query: where the query arrives while the run is evicted after a workflow task, the
SDK drops it ("There were leftover buffered tasks when evicting run"), and the server waits for an answer until the
caller's patience ends.
"""


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
        await self.stage.time.advance_to(self.handle, self.opened_at + since)

    async def send(self, do: str, at: timedelta | None = None, **payload: Any) -> Any:
        """Give a command as an Update; with `at`, it was received then, so long after the opening."""
        return await self.update(do, self._payload(at, payload))

    async def update(self, do: str, *args: Any, id: str | None = None) -> Any:
        """Send an Update with whatever arguments."""
        return await self.handle.execute_update(do, args=args, id=id, rpc_timeout=RPC_PATIENCE)

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
        return await self.ask("ticket", Ticket)

    async def ask(self, query: str, answer: type[Answer]) -> Answer:
        """The answer of a query, also where a run has just begun and its first task is on its way."""

        async def queried() -> Answer | None:
            try:
                return await self.handle.query(query, result_type=answer, rpc_timeout=QUERY_PATIENCE)
            except RPCError as error:
                if error.status not in NOT_NOW:
                    raise
                return None

        answered: Answer = await until(queried)
        return answered

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
        story = opening_recording(policy if speed == 1 else policy.at_speed(speed), request, at, account)
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


JIRA, JOURNAL, JOIN = ports.CREATE_ISSUE.name, ports.RECORD_EVENTS.name, ports.JOIN_INCIDENT.name


async def to_engineering(play: Play, at: timedelta | None = None) -> str:
    """Escalate an Enterprise ticket straight to Tier 3; the key of its Jira effect."""
    await play.send("take", at=at)
    if play.id not in play.stage.world.down[JOURNAL]:
        await play.journalled()
    await play.send("escalate", at=at, to="T3", fields=BOTH_PACKAGES)
    if pending := (await play.see()).pending_effects:
        return pending[0].key
    return next(event.body.key for event in await play.journalled() if event.body.type == "effect_done")


SUGGESTED = 40
"""Events after which this server suggests to continue as new."""


async def run_id(play: Play) -> str:
    return str((await play.handle.describe()).run_id)


async def until_new_run(play: Play, *, busy: bool = False) -> None:
    """Give notes until the ticket goes on as new. One that is `busy` drains its effects for a while before it does."""
    first = await run_id(play)
    for _ in range(SUGGESTED // 4):
        await play.send("note", text="x")
    if busy:
        now = await play.stage.time.now(play.handle)
        await play.skip(now - play.opened_at + MINUTE)
    await until(lambda: _continued(play, first))


async def _continued(play: Play, first: str) -> bool:
    return await run_id(play) != first


async def through_all_tiers(stage: Stage) -> Play:
    """The canonical ticket: take, respond, T2, take, T3, Jira done, resolve, close."""
    play = await stage.open(plan="enterprise", priority="P2")
    await play.send("take")
    await play.send("respond", text="We are on it.")
    await play.send("escalate", fields=T2_PACKAGE)
    await play.send("take", by="ben")
    await play.send("escalate", by="ben", fields=T3_PACKAGE)
    linked = await play.seen(lambda ticket: ticket.issue)
    assert (linked.tier, linked.waits_on) == (Tier.T3, WaitsOn.ENGINEERING)
    assert linked.issue is not None
    fact = {"by": "jira", "role": "integration", "key": linked.issue.key, "category": "done", "status": "Done",
            "resolution": "Fixed", "version": "2035-06-04T10:00:00Z"}  # fmt: skip
    await play.handle.signal("jira_changed", fact)
    back = await play.see()
    assert (back.tier, back.assignee, back.waits_on) == (Tier.T2, "ben", WaitsOn.AGENT)
    await play.send("resolve", by="ben", **RECORD)
    await play.send("close", by="ben")
    return play


async def metadata(play: Play) -> WorkflowMetadata:
    return await play.ask("__temporal_workflow_metadata", WorkflowMetadata)

"""Temporal on virtual time: the real server, with a clock for each workflow that can be moved forward.

The SDK calls this experimental, so nothing outside this module knows its names.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    QueryWorkflowInput,
    StartWorkflowUpdateInput,
    WorkflowHandle,
    WorkflowUpdateHandle,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from workers.embedded import ProcessError, temporal_binary
from workers.embedded.temporal import settings_words
from workflows.search_attributes import ATTRIBUTES

MAX_SKIPS = 10_000
"""Timers that one fast-forward may cross; the server's own default, 200, is too few for a long story."""
ATTEMPTS = 10
"""How often a server is started that is too slow for the SDK."""
TOO_SLOW = "did not start within"
"""What the SDK says then."""
ASKED_AGAIN_FOR = 120.0
"""Seconds for which a message is sent again whose workflow has just lost a workflow task. On a busy machine a task may
take longer than the SDK or the server allows: it is then done once more."""

Handle = WorkflowHandle[Any, Any]
Given = TypeVar("Given")


class VirtualTime:
    """Moves the clocks of the workflows that were started through `client`.

    A clock that is not being moved goes on at the pace of real time, and a workflow sees a timer's instant a second
    or two late: assert due and occurred to the second, and of detected only that it is not before them.

    An advance costs about 20 ms, and one second of real time for every timer that it crosses; several workflows
    advance side by side, so a table of scenarios should (`advance_all`).
    """

    def __init__(self, environment: WorkflowEnvironment) -> None:
        self._environment = environment

    @property
    def client(self) -> Client:
        """Start workflows through this one: another client's workflows live in real time."""
        return self._environment.client

    async def now(self, handle: Handle) -> datetime:
        """Return the workflow's own time, in UTC."""
        return await self._environment.get_current_time(handle)

    async def advance(self, handle: Handle, by: timedelta) -> bool:
        """Move the workflow's clock and fire what falls due, in order. False if the workflow ended on the way."""
        return await self._environment.fast_forward(handle, by)

    async def advance_to(self, handle: Handle, instant: datetime) -> bool:
        """Move the workflow's clock to `instant`; a clock that is past it already is left alone."""
        left = instant - await self.now(handle)
        return await self.advance(handle, left) if left > timedelta(0) else True

    async def advance_all(self, handles: Iterable[Handle], by: timedelta) -> None:
        """Move many clocks side by side."""
        await asyncio.gather(*(self.advance(handle, by) for handle in handles))


@asynccontextmanager
async def virtual_time(*settings: str, arguments: Sequence[str] = ()) -> AsyncIterator[VirtualTime]:
    """Run a server on virtual time that keeps everything in memory, for as long as the block lasts.

    `settings` are Temporal's dynamic configuration, each `key=value`; `arguments` go to the server as they are. Raises
    ProcessError where it does not start. It outlives a `kill -9` of this process, so end the block.
    """
    options = server_options("frontend.WorkflowTimeSkippingEnabled=true", *settings, arguments=arguments)

    def start() -> Awaitable[WorkflowEnvironment]:
        return WorkflowEnvironment.start_time_skipping_v2(
            ts_config=TimeSkippingConfig(enabled=False, max_session_skip_count=MAX_SKIPS),
            interceptors=[_AskAgain()],
            **options,
        )

    async with await started(start) as environment:
        yield VirtualTime(environment)


class _AskAgain(Interceptor):
    """Send Updates and queries again while the workflow's latest workflow task has failed.

    An Update keeps its id, so it is carried out once. Meanwhile the workflow's clock goes on at the pace of real time.
    """

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _AskingAgain(next)


class _AskingAgain(OutboundInterceptor):
    async def start_workflow_update(self, input: StartWorkflowUpdateInput) -> WorkflowUpdateHandle[Any]:
        input.update_id = input.update_id or uuid4().hex  # the second message is then the first one again
        return await _until_it_answers(lambda: self.next.start_workflow_update(input))

    async def query_workflow(self, input: QueryWorkflowInput) -> Any:
        return await _until_it_answers(lambda: self.next.query_workflow(input))


async def _until_it_answers(send: Callable[[], Awaitable[Given]]) -> Given:
    loop = asyncio.get_running_loop()
    end = loop.time() + ASKED_AGAIN_FOR
    while True:
        try:
            return await send()
        except RPCError as error:
            if error.status is not RPCStatusCode.FAILED_PRECONDITION or loop.time() > end:
                raise
        await asyncio.sleep(0.1)


async def started(start: Callable[[], Awaitable[WorkflowEnvironment]]) -> WorkflowEnvironment:
    """Return a server that the SDK starts, which gives it five seconds and no more: on a busy machine it is started
    again.

    Raises ProcessError where it does not start at all.
    """
    attempts = 0
    while True:
        try:
            return await start()
        except RuntimeError as error:
            attempts += 1
            if attempts == ATTEMPTS or TOO_SLOW not in str(error):
                raise ProcessError(f"Temporal did not start: {' '.join(str(error).split())[:300]}") from None


def server_options(*settings: str, arguments: Sequence[str] = ()) -> dict[str, Any]:
    """Return what the SDK needs to know of any server that it starts for us. Raises ProcessError without a binary.

    Each server has the settings of the embedded one; `settings` are added to them or replace them.
    """
    return {
        # Without `--output none` the server greets on our own stdout, which belongs to the command's answer.
        "dev_server_extra_args": [*settings_words(*settings), "--output", "none", *arguments],
        "dev_server_existing_path": temporal_binary(),  # without a path the SDK downloads one
        "dev_server_log_level": "never",  # unset, the SDK may choose "fatal", which the server refuses
        "search_attributes": ATTRIBUTES,
        "data_converter": pydantic_data_converter,
    }

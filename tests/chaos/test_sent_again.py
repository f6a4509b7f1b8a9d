"""A command that is sent again after Temporal was killed: what stands in the history is what came of it."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.update.v1 import UpdateRef
from temporalio.api.workflowservice.v1 import PollWorkflowExecutionUpdateRequest
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowInput,
    StartWorkflowUpdateInput,
    WorkflowHandle,
    WorkflowUpdateHandle,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RetryConfig, RPCError
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from domain.ticket.state import workflow_id
from services.intake.request import OpenRequest
from services.tickets import TicketService
from store.database import Database
from tests.support.people import Office, RealTicket
from tests.support.policy import POLICY
from tests.support.processes import Processes
from tests.support.waiting import until
from workers.runners import WrappedInstance, WrappingRunner
from workflows import ports
from workflows.ticket.workflow import TicketWorkflow

NO_RETRY = RetryConfig(max_retries=1, max_elapsed_time_millis=1)
"""Of a process that is to die: the SDK sends nothing again on its behalf."""


class HeldBack:
    """What a worker has worked out of its first Update, and does not hand over before it may."""

    def __init__(self) -> None:
        self.worked_out, self.may_go = threading.Event(), threading.Event()

    def runner(self) -> WrappingRunner:
        return WrappingRunner(SandboxedWorkflowRunner(), lambda inner: _Slow(inner, self))


class _Slow(WrappedInstance):
    def __init__(self, inner: Any, held_back: HeldBack) -> None:
        super().__init__(inner)
        self._held_back = held_back

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        completion = super().activate(act)
        if any(job.HasField("do_update") for job in act.jobs):
            self._held_back.worked_out.set()
            self._held_back.may_go.wait()
        return completion


class Updates(Interceptor):
    """Remembers the ids of the Updates that a client sends, and gives workflow tasks a minute."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _Remembering(next, self.ids)


class _Remembering(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, ids: list[str]) -> None:
        super().__init__(next)
        self._ids = ids

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        input.task_timeout = timedelta(minutes=1)
        return await super().start_workflow(input)

    async def start_workflow_update(self, input: StartWorkflowUpdateInput) -> WorkflowUpdateHandle[Any]:
        assert input.update_id is not None
        self._ids.append(input.update_id)
        return await super().start_workflow_update(input)


class Front:
    """Processes of the API, one after the other: each remembers nothing of the one before it."""

    def __init__(self, house: Processes) -> None:
        self._house, self.db, self.updates = house, Database(house.postgres.url), Updates()

    async def client(self, retry: RetryConfig | None = None) -> Client:
        address, converter = self._house.temporal.address, pydantic_data_converter
        return await Client.connect(address, data_converter=converter, interceptors=[self.updates], retry_config=retry)

    async def service(self, retry: RetryConfig | None = None) -> TicketService:
        return TicketService(await self.client(retry), self.db, POLICY, channel="chaos")


@pytest.fixture
def front(house: Processes) -> Iterator[Front]:
    front = Front(house)
    yield front
    front.db.dispose()


async def is_known(client: Client, ticket: str, update: str) -> bool:
    """Tell whether Temporal has this Update, answered or not."""
    workflow = WorkflowExecution(workflow_id=workflow_id(ticket))
    reference = UpdateRef(workflow_execution=workflow, update_id=update)
    request = PollWorkflowExecutionUpdateRequest(namespace=client.namespace, update_ref=reference)
    await client.workflow_service.poll_workflow_execution_update(request)
    return True


async def test_a_command_counts_from_one_instant_though_its_answer_met_another_server(
    house: Processes, front: Front
) -> None:
    """Until a worker has answered, Temporal knows an Update in its memory alone. Killed meanwhile, and sent the same
    Update again, it takes the answer to the first for one to the second: what they say must be the same, up to the
    instant at which they were received."""
    house.kill("worker")
    service = await front.service(NO_RETRY)
    form = {"source": "chaos", "external_id": uuid4().hex, "account": {"id": "acme", "plan": "standard"}}
    ticket = (await service.open(OpenRequest.parse(form))).ticket
    take = {"by": "ada", "id": uuid4().hex}
    held_back = HeldBack()

    first = asyncio.create_task(service.handle(ticket, "take", take))
    await until(lambda: front.updates.ids, "the command on its way")
    client = await front.client()
    await until(lambda: is_known(client, ticket, front.updates.ids[-1]), "the command at Temporal", among=(RPCError,))
    runner = held_back.runner()
    async with Worker(client, task_queue=ports.TICKETS, workflows=[TicketWorkflow], workflow_runner=runner):
        await until(held_back.worked_out.is_set, "the command worked out")
        first.cancel()  # its process dies
        house.kill("temporal")
        await house.up("temporal")
        again = asyncio.create_task((await front.service()).handle(ticket, "take", take))
        await until(lambda: len(front.updates.ids) > 1, "the command on its way again")
        await until(lambda: is_known(client, ticket, front.updates.ids[-1]), "it at Temporal", among=(RPCError,))
        held_back.may_go.set()
        answer = await again
    await house.up("worker")

    case = RealTicket(await Office.at(house, 1), ticket)
    await case.until_caught_up()  # the journal is what the history leads to, at a worker that has only that
    assert [entry.event.body.type for entry in case.events()] == ["opened", "taken"]
    assert (answer.seq, answer.did) == (2, ("taken",))

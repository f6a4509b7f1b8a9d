"""The place of a running ticket among those that wait for a worker: it follows the ticket's priority (G10)."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import Priority as PriorityProto
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionOptionsRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.core.enums import Priority
from domain.ticket.state import workflow_id
from workflows.task_priority import task_priority

log = logging.getLogger("tierline.task_order")

PATIENCE = timedelta(seconds=5)
"""How long Temporal may take: whatever is to be done for the ticket does not wait for its place."""

Follow = Callable[[str, Priority], None]
"""(id of a ticket, its priority) -> its workflow is served by that priority from now on."""


async def follow_priority(client: Client, ticket: str, priority: Priority) -> None:
    """Have a running ticket's workflow tasks, and its activities that are still to be dispatched, served by `priority`.

    One event in the ticket's history, and no workflow task. Safe to repeat: Temporal ignores what is so already. It
    only changes who is served first, so a ticket does not wait where Temporal does not do it: the log says so, and
    the activities that the ticket begins from now on have the new priority all the same (`workflows.ticket.effects`).
    """
    key = task_priority(priority).priority_key or 0
    request = UpdateWorkflowExecutionOptionsRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=workflow_id(ticket)),
        workflow_execution_options=WorkflowExecutionOptions(priority=PriorityProto(priority_key=key)),
        update_mask=FieldMask(paths=["priority.priority_key"]),
    )
    try:
        await client.workflow_service.update_workflow_execution_options(request, timeout=PATIENCE)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:  # it has ended: nothing of it waits
            log.warning("ticket %s is served by its former priority: %s", ticket, error.status.name)


def in_threads(client: Client, loop: asyncio.AbstractEventLoop) -> Follow:
    """Return `follow_priority` for activities that run in threads: it blocks while Temporal is asked on `loop`."""

    def follow(ticket: str, priority: Priority) -> None:
        asyncio.run_coroutine_threadsafe(follow_priority(client, ticket, priority), loop).result()

    return follow

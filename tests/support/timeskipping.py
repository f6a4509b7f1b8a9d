"""Temporal for tests: on virtual time, by the product's own helper, and on the machine's time."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from itertools import cycle

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from workers.virtual_time import Handle, VirtualTime, server_options, started, virtual_time

__all__ = ["Handle", "Namespaces", "VirtualTime", "namespaces", "real_time", "virtual_time", "way_to"]

MANY = 400
"""Namespaces of one server: more than the tests of a session ask for. They cost it nothing while they are not used."""


class Namespaces:
    """A server on the machine's own time, on which everybody gets a namespace to themselves.

    Our task queues, the schedule and some workflow ids have one name everywhere. In a namespace of many, the workers
    of one test would go on with what another has left, and its incident 1 would be the other's.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._names = cycle(_names())

    async def fresh(self) -> Client:
        """A client in a namespace that nobody has used."""
        return await Client.connect(
            self._address, namespace=next(self._names), data_converter=pydantic_data_converter
        )  # fmt: skip


@asynccontextmanager
async def namespaces() -> AsyncIterator[Namespaces]:
    """The server of the `Namespaces`, for as long as the block lasts."""
    # In each namespace the server would run a worker of its own, which starts what is on a schedule: nothing here is.
    named = [word for name in _names() for word in ("--namespace", name)]
    options = server_options("worker.perNamespaceWorkerCount=0", arguments=named)

    def start() -> Awaitable[WorkflowEnvironment]:
        return WorkflowEnvironment.start_local(**options)

    async with await started(start) as environment:
        yield Namespaces(environment.client.service_client.config.target_host)


def way_to(client: Client) -> dict[str, str]:
    """The variables that lead a process to where this client is."""
    return {"TEMPORAL_ADDRESS": client.service_client.config.target_host, "TEMPORAL_NAMESPACE": client.namespace}


def _names() -> list[str]:
    return [f"test-{number}" for number in range(MANY)]


@asynccontextmanager
async def real_time(*settings: str) -> AsyncIterator[Client]:
    """A server on the machine's own time, for as long as the block lasts. `settings` are those of its dynamic
    configuration, as in "limit.historyCount.suggestContinueAsNew=40"."""

    def start() -> Awaitable[WorkflowEnvironment]:
        return WorkflowEnvironment.start_local(**server_options(*settings))

    async with await started(start) as environment:
        yield environment.client

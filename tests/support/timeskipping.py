"""Temporal for tests: on virtual time, by the product's own helper, and on the machine's time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from workers.virtual_time import Handle, VirtualTime, server_options, virtual_time

__all__ = ["Handle", "VirtualTime", "real_time", "virtual_time"]


@asynccontextmanager
async def real_time() -> AsyncIterator[Client]:
    """A server on the machine's own time, for as long as the block lasts."""
    async with await WorkflowEnvironment.start_local(**server_options()) as environment:
        yield environment.client

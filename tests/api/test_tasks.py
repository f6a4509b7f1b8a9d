"""What runs beside the requests does not end in silence."""

import asyncio
from contextlib import suppress

import pytest
from temporalio.client import Client

from cli.processes import until_one_ends
from services.webhooks.deliveries import Deliveries
from tests.support.timeskipping import way_to
from tests.support.waiting import PATIENCE
from workers.api import serving
from workers.settings import Settings


async def _never() -> None:
    await asyncio.Event().wait()


async def test_a_bug_in_what_acts_on_deliveries_ends_the_api_with_the_error(
    temporal_dev: Client, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: Deliveries) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Deliveries, "run", broken)
    monkeypatch.setenv("TEMPORAL_NAMESPACE", temporal_dev.namespace)
    names = {"DATABASE_URL": database_url, "TIERLINE_API_PORT": 0} | way_to(temporal_dev)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        async with asyncio.timeout(PATIENCE), serving(Settings.model_validate(names)) as served:
            await until_one_ends(asyncio.create_task(_never()), served.for_ever)


async def test_told_to_stop_it_ends_without_an_error(
    temporal_dev: Client, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_NAMESPACE", temporal_dev.namespace)
    names = {"DATABASE_URL": database_url, "TIERLINE_API_PORT": 0} | way_to(temporal_dev)
    told = asyncio.create_task(asyncio.sleep(0))
    async with asyncio.timeout(PATIENCE), serving(Settings.model_validate(names)) as served:
        await until_one_ends(told, served.for_ever)
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*served.for_ever)
    assert served.for_ever
    assert all(task.cancelled() or task.exception() is None for task in served.for_ever)

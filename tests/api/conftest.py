from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client

from services.policy_file.load import DEFAULT
from tests.support.databases import fresh_database
from tests.support.served_api import Api, all_workers, an_api
from tests.support.timeskipping import Namespaces


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def temporal_dev(temporal_namespaces: Namespaces) -> Client:
    """The Temporal of all tests of this folder."""
    return await temporal_namespaces.fresh()


@pytest.fixture(scope="package")
def shared_database(postgres_url: str) -> Any:
    """A database for all tests of this folder, each with tickets of its own."""
    with fresh_database(postgres_url) as url:
        yield url


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def working(temporal_dev: Client, shared_database: str) -> AsyncIterator[None]:
    """A worker on every task queue."""
    async with all_workers(temporal_dev, shared_database):
        yield


@pytest.fixture(scope="package")
def without_limit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The policy, under which one person may declare any number of incidents: the tests of this folder share theirs."""
    file = tmp_path_factory.mktemp("policy") / "policy.toml"
    text = DEFAULT.read_text()
    assert "opened_by_one = 3" in text
    file.write_text(text.replace("opened_by_one = 3", "opened_by_one = 0"))
    return file


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def api(temporal_dev: Client, shared_database: str, working: None, without_limit: Path) -> AsyncIterator[Api]:
    """The API of a Tierline that works."""
    async with an_api(shared_database, temporal_dev, TIERLINE_POLICY=str(without_limit)) as served:
        yield served


@pytest.fixture
def serve() -> Callable[..., AbstractAsyncContextManager[Api]]:
    """An API of a test's own: `async with serve(database_url, temporal) as api`."""
    return an_api

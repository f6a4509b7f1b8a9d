from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from temporalio.client import Client

from tests.support import full_desk
from tests.support.databases import fresh_database
from tests.support.desk_browser import browser
from tests.support.served_api import Api, all_workers, an_api
from tests.support.surveys import SURVEYS
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
async def api(temporal_dev: Client, shared_database: str) -> AsyncIterator[Api]:
    """A Tierline that works, with its API and its desk."""
    async with all_workers(temporal_dev, shared_database), an_api(shared_database, temporal_dev, **SURVEYS) as served:
        yield served


@pytest.fixture(scope="package")
def past(api: Api) -> full_desk.Past:
    """Last week of the account `every-page`, with something for every page."""
    return full_desk.fill(api.db, "every-page")


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def running() -> AsyncIterator[Browser]:
    """A browser for all tests of this folder, each with windows of its own."""
    async with browser() as one:
        yield one

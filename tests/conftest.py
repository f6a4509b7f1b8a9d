"""Real servers for the tests, on loopback. Each pytest-xdist worker has a set of its own, started when
first used.
"""

import os
import shutil
import tempfile
import zoneinfo
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from temporalio.client import Client

from store.database import Database
from tests.support.databases import fresh_database, make_template
from tests.support.deadlocks import be_patient
from tests.support.root import OURS
from tests.support.timeskipping import Namespaces, VirtualTime, namespaces, virtual_time
from workers.embedded import EmbeddedPostgres

# How long an example takes says more of the machine than of the code, and is measured by `make bench`. Where CI says
# that it is CI, hypothesis tries the same examples in each run: what is new is looked for on people's machines.
settings.register_profile("tierline", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tierline")

# A test's own arithmetic goes by the time-zone database that is shipped, as the product's does (C16).
zoneinfo.reset_tzpath(())


be_patient()


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(OURS):
            monkeypatch.delenv(name)


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty folder with a short path, for embedded servers: a unix socket's path has room for 100 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="tl-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server with the migrated template database. Tests use `database_url`."""
    folder = Path(tempfile.mkdtemp(prefix="tl-"))
    postgres = EmbeddedPostgres(folder, durable=False)
    try:
        url = postgres.start()
        make_template(url)
        yield url
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """An empty, migrated database that is this test's alone."""
    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """The connections to that database."""
    found = Database(database_url)
    yield found
    found.dispose()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def temporal_env() -> AsyncIterator[VirtualTime]:
    """A Temporal server on virtual time. Use a task queue and workflow ids of your own in each test."""
    async with virtual_time() as environment:
        yield environment


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def temporal_namespaces() -> AsyncIterator[Namespaces]:
    """A Temporal server in real time. Tests use `temporal_dev`."""
    async with namespaces() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def temporal_dev(temporal_namespaces: Namespaces) -> Client:
    """A client of a Temporal server in real time, in a namespace that is this test's alone."""
    return await temporal_namespaces.fresh()

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from integrations.standins import run as standins
from tests.support.people import Office, Offices, connected
from tests.support.processes import Processes
from tests.support.replaying import failures


@pytest.fixture(scope="package")
def _house() -> Iterator[Processes]:
    folder = Path(tempfile.mkdtemp(prefix="tl-"))
    with standins.running() as outside:
        house = Processes(folder, outside)
        try:
            yield house
        finally:
            house.stop()
            shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture
async def house(_house: Processes) -> AsyncIterator[Processes]:
    """Everything up, and nothing outside failing. Shared by the tests of this folder: each has tickets of its own.

    At the end of a test, the history of every ticket and incident that it has brought about must replay.
    """
    for control in (_house.jira, _house.pager, _house.chat):
        control.clear()
    await _house.up()
    yield _house
    await _house.up()
    failed = await failures(await connected(_house), _house.workflows())
    assert not failed, f"these histories do not replay: {failed}"


@pytest_asyncio.fixture
async def office(house: Processes) -> AsyncIterator[Offices]:
    """An office at a speed: `await office(60)`, where a minute of the policy is a second."""
    opened: list[Office] = []

    async def at(speed: int) -> Office:
        opened.append(await Office.at(house, speed))
        return opened[-1]

    yield at
    for one in opened:
        one.db.dispose()

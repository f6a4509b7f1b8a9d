"""Each test has a migrated database of its own."""

from collections.abc import Iterator

import pytest

from store.database import Database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    yield found
    found.dispose()

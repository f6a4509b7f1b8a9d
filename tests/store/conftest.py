"""Each test has a migrated database of its own."""

from collections.abc import Iterator

import pytest

from store.database import Database
from tests.store.nouns import NOUNS, Noun


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    yield found
    found.dispose()


@pytest.fixture(params=NOUNS, ids=lambda noun: noun.name)
def noun(request: pytest.FixtureRequest) -> Noun:
    found: Noun = request.param
    return found

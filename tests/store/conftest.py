"""Each test has a migrated database of its own."""

from collections.abc import Iterator

import pytest

from store.database import Database
from tests.support.databases import fresh_database
from tests.support.nouns import NOUNS, Noun
from tests.support.plans import fill_with_closed_tickets


@pytest.fixture
def database(db: Database) -> Database:
    return db


@pytest.fixture(params=NOUNS, ids=lambda noun: noun.name)
def noun(request: pytest.FixtureRequest) -> Noun:
    found: Noun = request.param
    return found


@pytest.fixture(scope="module")
def many(postgres_url: str) -> Iterator[Database]:
    """An open ticket, four thousand closed ones, and as many incidents, for tests that only read."""
    with fresh_database(postgres_url) as url:
        database = Database(url)
        fill_with_closed_tickets(database)
        yield database
        database.dispose()

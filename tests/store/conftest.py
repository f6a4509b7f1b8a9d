"""Each test has a migrated database of its own."""

import pytest

from store.database import Database
from tests.support.nouns import NOUNS, Noun


@pytest.fixture
def database(db: Database) -> Database:
    return db


@pytest.fixture(params=NOUNS, ids=lambda noun: noun.name)
def noun(request: pytest.FixtureRequest) -> Noun:
    found: Noun = request.param
    return found

"""Each test has a migrated database of its own."""

from collections.abc import Iterator

import pytest

from store.database import Database
from tests.support import billing
from tests.support.nouns import NOUNS, Noun


@pytest.fixture
def database(db: Database) -> Database:
    return db


@pytest.fixture
def receiver() -> Iterator[billing.Receiver]:
    with billing.receiver() as one:
        yield one


@pytest.fixture(params=NOUNS, ids=lambda noun: noun.name)
def noun(request: pytest.FixtureRequest) -> Noun:
    found: Noun = request.param
    return found

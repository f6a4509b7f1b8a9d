"""What a test gets as its database: as new, whatever the test before it did."""

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from store import journal
from store.database import Database
from tests.support import databases
from tests.support.databases import TEMPLATE, fresh_database
from tests.support.ticket_life import RUN, life


@pytest.fixture(autouse=True)
def _no_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests have used comes to nobody here."""
    monkeypatch.setattr(databases, "_spare", type(databases._spare)(list))


def run(url: str, *statements: str) -> None:
    """Execute statements in a database, each in a transaction of its own."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))


def rows(url: str) -> dict[str, int]:
    """How many rows each table has."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        names = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        return {name: connection.scalar(text(f"SELECT count(*) FROM {name}")) or 0 for name in names}


def number_of(url: str) -> int:
    """The oid of a database, which stays the same under another name."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        found = connection.scalar(text("SELECT oid FROM pg_database WHERE datname = current_database()"))
    assert found is not None
    return int(found)


def one_that_was_used(server: str, *statements: str) -> int:
    """Use a database, do something to it, and return its oid."""
    with fresh_database(server) as url:
        run(url, *statements)
        return number_of(url)


AN_INCIDENT = "INSERT INTO incidents (area, fingerprint, opened_at) VALUES ('API', '', now()) RETURNING number"


def one_that_was_written(server: str) -> int:
    """Use a database as a test does, and return its oid."""
    with fresh_database(server) as url:
        database, one = Database(url), life("mail-1")
        with database.begin() as session:
            journal.append(session, one.ticket.id, RUN, one.events)
            assert session.scalar(text(AN_INCIDENT)) == 1
        database.dispose()
        return number_of(url)


def test_what_was_written_is_gone_and_numbers_begin_again(postgres_url: str) -> None:
    used = one_that_was_written(postgres_url)
    with fresh_database(postgres_url) as url:
        assert number_of(url) == used, "it was copied, which takes ten times as long"
        assert rows(url) == rows(make_url(postgres_url).set(database=TEMPLATE).render_as_string(False))
        database = Database(url)
        with database.begin() as session:
            assert session.scalar(text(AN_INCIDENT)) == 1
        database.dispose()


def test_the_server_takes_no_statistics_by_itself(postgres_url: str) -> None:
    """It would take them of the template too: no database that was copied later would be as new."""
    engine = create_engine(postgres_url, poolclass=NullPool)
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW autovacuum")) == "off"


def test_whoever_used_it_before_does_not_reach_it_again(postgres_url: str) -> None:
    with fresh_database(postgres_url) as url:
        engine = create_engine(url)
        left = engine.connect()
        left.execute(text("SELECT 1"))
    with pytest.raises(DBAPIError):
        left.execute(text("SELECT 1"))
    left.close()
    with fresh_database(postgres_url) as again:
        assert again != url
        with pytest.raises(OperationalError, match="does not exist"):
            engine.connect()
    engine.dispose()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE more (id int)",
        "DROP TABLE outbox CASCADE",
        "ALTER TABLE outbox ADD COLUMN more int",
        "CREATE INDEX ix_more ON outbox (title)",
        "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DELETE FROM alembic_version",
        "UPDATE alembic_version SET version_num = '0001'",
        "ANALYZE alembic_version",
    ],
    ids=lambda statement: " ".join(str(statement).split()[:2]),
)
def test_one_whose_schema_was_changed_does_not_come_again(postgres_url: str, statement: str) -> None:
    used = one_that_was_used(postgres_url, statement)
    with fresh_database(postgres_url) as url:
        assert number_of(url) != used

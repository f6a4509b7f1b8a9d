"""The schema: what the migrations make is what the models say, and starting twice does no harm."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from store.database import Database
from store.migrate import SchemaError, check, migrate
from store.tables.base import Base
from store.tables.integrations import InboxRow
from tests.support.waiting import wait_until


@pytest.fixture
def empty_url(postgres_url: str) -> Iterator[str]:
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("CREATE DATABASE empty"))
        yield make_url(postgres_url).set(database="empty").render_as_string(hide_password=False)
        connection.execute(text("DROP DATABASE empty WITH (FORCE)"))
    engine.dispose()


def differences(url: str) -> list[Any]:
    database = Database(url)
    with database.session() as session:
        found = compare_metadata(
            MigrationContext.configure(session.connection(), opts={"compare_server_default": True}), Base.metadata
        )
    database.dispose()
    return list(found)


def test_migrations_and_models_agree(empty_url: str) -> None:
    assert InboxRow.__tablename__ in Base.metadata.tables  # the tables of both modules
    migrate(empty_url)
    assert differences(empty_url) == []


def test_a_second_run_is_none(empty_url: str) -> None:
    first = migrate(empty_url)
    assert migrate(empty_url) == first


def test_four_that_start_at_once_take_turns(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        revisions = set(pool.map(migrate, [empty_url] * 4))
    assert len(revisions) == 1


def test_a_migration_that_waits_for_a_worker_which_waits_for_it_begins_again(
    empty_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker of the older version holds a table that the migration needs next, and asks for one that it has."""
    migrate(empty_url, "0033")
    worker = Database(empty_url)
    with worker.begin() as session:
        # Whose patience ends first is ended. So the migration looks for a deadlock after 3 s, and the worker never.
        session.execute(text("ALTER DATABASE empty SET deadlock_timeout = '3s'"))
        session.commit()
    with ThreadPoolExecutor(1) as pool:
        with worker.begin() as session:
            session.execute(text("SET LOCAL deadlock_timeout = '1h'"))
            session.execute(text("LOCK TABLE tickets IN ROW EXCLUSIVE MODE"))
            migrating = pool.submit(migrate, empty_url)
            waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'tickets'::regclass")
            wait_until(lambda: session.scalar(waiting), "the migration waits for the table of tickets")
            assert session.scalar(text("SELECT count(*) FROM tokens")) == 0
        assert migrating.result() == migrate(empty_url)
    worker.dispose()
    assert "it begins again" in caplog.text
    assert differences(empty_url) == []


def test_a_database_that_is_not_migrated_is_refused_in_one_line(empty_url: str) -> None:
    with pytest.raises(SchemaError, match=r"no schema, this program needs .*tierline migrate"):
        check(empty_url)
    migrate(empty_url)
    check(empty_url)


def test_a_worker_of_an_old_build_takes_the_schema_of_a_later_version_and_no_other(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    db = Database(database_url)
    with db.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'm9999'"))

    with pytest.raises(SchemaError, match="m9999"):
        check(database_url)
    check(database_url, or_later=True)
    assert "of a later version" in caplog.text

    with db.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    with pytest.raises(SchemaError, match="0001"):
        check(database_url, or_later=True)
    db.dispose()

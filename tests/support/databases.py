"""A database of its own for every test, as new: a copy of one that was migrated once, or one that was used before and
was emptied since."""

import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from store.migrate import migrate

TEMPLATE = "tierline_template"

_EMPTY = """DO $$
DECLARE
    written text;
    used record;
BEGIN
    SELECT string_agg(oid::regclass::text, ', ') INTO written FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
        AND pg_relation_size(oid) > 0;
    IF written IS NOT NULL THEN
        EXECUTE 'TRUNCATE ' || written || ' CASCADE';
    END IF;
    FOR used IN SELECT sequencename, start_value FROM pg_sequences WHERE last_value IS NOT NULL LOOP
        PERFORM setval(used.sequencename::regclass, used.start_value, false);
    END LOOP;
END $$"""
"""Takes all rows away, and lets every number begin again."""
_CATALOGS = (
    *("pg_attribute", "pg_attrdef", "pg_constraint", "pg_index", "pg_trigger", "pg_proc", "pg_rewrite", "pg_namespace"),
    *("pg_extension", "pg_policy", "pg_statistic", "alembic_version"),
)
"""What knows each table, column, index, function and statistic of a database, and the version of its schema."""
_STATE = " UNION ALL ".join(
    [
        *(f"SELECT '{name}', count(*), max(xmin::text::bigint) FROM {name}" for name in _CATALOGS),
        "SELECT 'rows', count(*), sum(pg_relation_size(oid)) FROM pg_class "
        "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
        "SELECT 'numbers', count(last_value), sum(start_value) FROM pg_sequences",
        "SELECT 'settings', count(*), 0 FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase "
        "WHERE datname = current_database()",
    ]
)
"""Is the same as long as a database is as new: any change of its schema or its statistics changes it."""

_new: dict[str, Any] = {}
"""How a new database of a server is, by the server's URL."""
_spare: dict[str, list[str]] = defaultdict(list)
"""The names of databases of a server that were used and are as new."""


def make_template(server_url: str) -> None:
    """Create the template database and bring it to the newest schema. Once for each server.

    The server takes no statistics by itself from then on: it would take them of the template too, a minute later, and
    each copy from then on would differ from a new database, so that none would come again.
    """
    with _administration(server_url) as connection:
        connection.execute(text("ALTER SYSTEM SET autovacuum = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
        connection.execute(text(f"CREATE DATABASE {TEMPLATE}"))
    migrate(_with_database(server_url, TEMPLATE))
    with _administration(_with_database(server_url, TEMPLATE)) as connection:
        _new[server_url] = _state(connection)


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """The URL of a migrated database without rows, which nobody reaches by this URL after the end, also where
    connections are open.

    It costs a server ten times as much to copy a database as to empty one. So what was used is emptied, under another
    name, and comes again, unless its schema, its settings or its statistics are other than those of a new one.
    """
    name = _spare[server_url].pop() if _spare[server_url] else _copy(server_url)
    try:
        yield _with_database(server_url, name)
    finally:
        other = _new_name()
        try:
            _rename(server_url, name, other)
            with _administration(_with_database(server_url, other)) as connection:
                connection.execute(text(_EMPTY))
                as_new = _state(connection) == _new[server_url]
        except DBAPIError:  # somebody connects again and again, or nobody may connect
            as_new = False
        if as_new:
            _spare[server_url].append(other)
        else:
            with _administration(server_url) as connection:
                for one in (name, other):
                    connection.execute(text(f"DROP DATABASE IF EXISTS {one} WITH (FORCE)"))


def _new_name() -> str:
    return f"test_{uuid.uuid4().hex[:12]}"


def _copy(server_url: str) -> str:
    """Return the name of a new database."""
    name = _new_name()
    with _administration(server_url) as connection:
        # As files: written through the log, page by page, the copy costs the server two to four times as much.
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY"))
    return name


def _rename(server_url: str, name: str, other: str) -> None:
    """Give a database another name, after the end of all its connections: who connects again does not find it."""
    with _administration(server_url) as connection:
        ended = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = :name"
        connection.execute(text(ended), {"name": name})
        connection.execute(text(f"ALTER DATABASE {name} RENAME TO {other}"))


def _state(connection: Connection) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in connection.execute(text(_STATE)))


@contextmanager
def _administration(server_url: str) -> Iterator[Connection]:
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _with_database(server_url: str, name: str) -> str:
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)

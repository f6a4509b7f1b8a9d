"""A database of its own for every test, as a copy of one that was migrated once."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from store.migrate import migrate

TEMPLATE = "tierline_template"


def make_template(server_url: str) -> None:
    """Create the template database and bring it to the newest schema. Once for each server."""
    with _administration(server_url) as connection:
        connection.execute(text(f"CREATE DATABASE {TEMPLATE}"))
    migrate(_with_database(server_url, TEMPLATE))


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """The URL of a new, migrated database, which is dropped at the end, also under open connections."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with _administration(server_url) as connection:
        # As files: written through the log, page by page, the copy costs the server two to four times as much.
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY"))
    try:
        yield _with_database(server_url, name)
    finally:
        with _administration(server_url) as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


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

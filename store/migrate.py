"""The schema: brought up to date, or checked, without a configuration file."""

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from domain.core.failures import NotAvailable
from store.database import Database, DatabaseDown

log = logging.getLogger("tierline.migrate")

ONE_AT_A_TIME = 7_131_620_190_814_236
"""The advisory lock under which migrations run: processes that start together wait for the first one."""
ATTEMPTS = 5
"""How often a migration is tried that PostgreSQL ends, since workers of the older version use the same tables."""


class SchemaError(NotAvailable):
    """The database's schema is not this program's. One line that says what to do."""


def migrate(url: str, revision: str = "head") -> str:
    """Bring the database to the newest schema, or to an older `revision`, in one transaction. Returns its revision.

    Safe to start twice at once, to repeat, and beside workers that serve: where one of them and the migration wait for
    each other's tables, PostgreSQL ends one, and the migration begins again. Raises DatabaseDown.
    """
    database = Database(url, application="tierline migrate", connections=1)
    attempt = 1
    try:
        while True:
            try:
                return _upgrade(database, revision)
            except DatabaseDown as error:
                if not error.deadlocked or attempt == ATTEMPTS:
                    raise
            log.warning("the migration and another program waited for each other's tables: it begins again")
            attempt += 1
    finally:
        database.dispose()


def _upgrade(database: Database, revision: str) -> str:
    with database.begin() as session:
        # An old table may be large, and another process may be migrating it: neither wait is bounded here.
        session.execute(text("SET LOCAL statement_timeout = 0"))
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
        connection = session.connection()
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        return _revision(connection) or ""


def check(url: str, *, or_later: bool = False) -> None:
    """Raise SchemaError unless the schema is the one that this program was written for, or, with `or_later`, one of a
    later version; DatabaseDown."""
    database = Database(url, application="tierline check", connections=1)
    try:
        check_schema(database, or_later=or_later)
    finally:
        database.dispose()


def check_schema(database: Database, *, or_later: bool = False) -> str:
    """Return the schema's revision. Raises SchemaError unless this program was written for it, or, with `or_later`, for
    an earlier one; DatabaseDown."""
    scripts = ScriptDirectory.from_config(_config())
    newest = scripts.get_current_head()
    with database.session() as session:
        found = _revision(session.connection())
    later = or_later and found is not None and found not in {one.revision for one in scripts.walk_revisions()}
    if found is None or (found != newest and not later):
        raise SchemaError(f"the database is at {found or 'no schema'}, this program needs {newest}: `tierline migrate`")
    if later:
        log.warning("the database is at %s, of a later version than this program: what it needs may be gone", found)
    return found


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config

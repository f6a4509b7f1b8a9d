"""Connections that were idle are tried before they are used, and those that were used a moment ago are not."""

import pytest
from sqlalchemy import text

from store import database as module
from store.database import Database

PID = text("SELECT pg_backend_pid()")


def pid_of(database: Database) -> int:
    with database.session() as session:
        return int(session.scalar(PID) or 0)


@pytest.fixture
def idle_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.0)


@pytest.mark.usefixtures("idle_at_once")
def test_a_connection_that_the_server_ended_while_it_was_idle_is_replaced_and_nobody_hears_of_it(
    database: Database, database_url: str
) -> None:
    ended = pid_of(database)
    other = Database(database_url)
    with other.begin() as session:
        assert session.scalar(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": ended})
    other.dispose()
    assert pid_of(database) not in (0, ended)
    assert pid_of(database) == pid_of(database)


def test_what_was_used_a_moment_ago_is_used_again_without_a_try(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[object] = []
    monkeypatch.setattr(database.engine.dialect, "do_ping", tried.append)
    monkeypatch.setattr(module, "IDLE_SECONDS", 3600.0)
    assert pid_of(database) == pid_of(database) == pid_of(database)
    assert tried == []
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.0)
    pid_of(database)
    assert len(tried) == 1

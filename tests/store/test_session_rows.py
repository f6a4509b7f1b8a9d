"""`tierline session`: who is signed in, and whose session an admin ends."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from cli.main import run
from domain.core.enums import Role
from services.security import sessions
from services.security.auth import NotAuthenticated, create_token
from store import tokens
from store.database import Database


def listed(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str, str]]:
    assert run(["session", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["sessions"]
    return [(one["name"], one["role"], one["by"].split()[0]) for one in found]


def test_a_session_is_listed_while_it_is_good_and_ends_at_once(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    now = datetime.now(UTC)
    token, row = create_token(database, "ben", Role.LEAD, timedelta(days=1), now)
    sessions.sign_in(database, token, "UTC", now)
    cookies = [
        sessions.begin(database, "ada", Role.AGENT, "UTC", now - timedelta(minutes=age), lasts=timedelta(hours=12))
        for age in (1, 2)
    ]
    sessions.begin(database, "ada", Role.AGENT, "UTC", now - sessions.IDLE)  # forgotten in a browser
    assert listed(capsys) == [
        ("ben", "lead", "token"),
        ("ada", "agent", "identity"),
        ("ada", "agent", "identity"),
    ]
    with database.begin() as session:
        tokens.revoke(session, row.id, now)
    assert [name for name, *_ in listed(capsys)] == ["ada", "ada"]
    assert run(["session", "end", cookies[0].partition(".")[0]]) == 0
    assert capsys.readouterr().out == "1 session is ended\n"
    with pytest.raises(NotAuthenticated):
        sessions.find_session(database, cookies[0], now)
    assert sessions.find_session(database, cookies[1], now).caller.actor == "ada"
    assert run(["session", "end", "ada"]) == 0
    assert capsys.readouterr().out == "2 sessions are ended\n"
    assert listed(capsys) == []
    assert run(["session", "end", "ada"]) == 4
    assert "nobody of that name is signed in" in capsys.readouterr().err

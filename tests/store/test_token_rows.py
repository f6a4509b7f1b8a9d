"""A token opens nothing once it is revoked: at the database at once, at a process that knows it in five seconds."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from api.guard import TRUSTED_SECONDS, Callers
from cli.main import run
from domain.core.enums import Role
from services.security.auth import NotAuthenticated, authenticate, create_token, find_holder
from services.security.sessions import find_session, make_sign_in_code, sign_in, sign_in_by_code
from store import tokens
from store.database import Database
from tests.support.durations import HOUR, MINUTE

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
FIVE_SECONDS = timedelta(seconds=5)
"""What docs/api.md promises of a token that was revoked."""
MICROSECOND = timedelta(microseconds=1)


def a_token(database: Database, actor: str = "ada") -> tuple[str, str]:
    """Its id, and the header that shows it."""
    token, row = create_token(database, actor, Role.AGENT, HOUR, NOW)
    return row.id, f"Bearer {token}"


def revoke(database: Database, token_id: str, at: datetime) -> bool:
    with database.begin() as session:
        return tokens.revoke(session, token_id, at)


async def test_a_token_in_use_opens_nothing_five_seconds_after_it_was_revoked(database: Database) -> None:
    at = NOW
    callers = Callers(partial(find_holder, database), now=lambda: at)
    token_id, header = a_token(database)
    assert (await callers.of(header)).actor == "ada"
    revoke(database, token_id, at)

    at = NOW + FIVE_SECONDS - MICROSECOND
    assert (await callers.of(header)).actor == "ada"  # being used does not make it count for longer
    at = NOW + FIVE_SECONDS
    for _ in range(2):
        with pytest.raises(NotAuthenticated, match="was revoked") as refused:
            await callers.of(header)
        assert refused.value.token_id == token_id
    assert timedelta(seconds=TRUSTED_SECONDS) == FIVE_SECONDS


def test_a_token_is_revoked_alone_at_once_and_for_good(database: Database) -> None:
    (ada, header), (_, other) = a_token(database), a_token(database, "ben")
    assert revoke(database, ada, NOW)
    assert revoke(database, ada, NOW + HOUR)  # said again, it changes nothing

    with pytest.raises(NotAuthenticated, match="was revoked"):
        authenticate(database, header, NOW)
    assert authenticate(database, other, NOW).actor == "ben"
    with database.session() as session:
        row = tokens.find(session, ada)
    assert row is not None
    assert row.revoked_at == NOW
    assert not revoke(database, "0000000000", NOW)


def test_a_token_is_good_until_its_last_instant_and_not_in_it(database: Database) -> None:
    _, header = a_token(database)
    assert authenticate(database, header, NOW + HOUR - MICROSECOND).actor == "ada"
    with pytest.raises(NotAuthenticated, match="has expired"):
        authenticate(database, header, NOW + HOUR)


def test_a_secret_opens_its_own_token_only(database: Database) -> None:
    (ada, header), (ben, _) = a_token(database), a_token(database, "ben")
    for forged in (header.replace(ada, ben), header.replace(ada, "0000000000")):
        with pytest.raises(NotAuthenticated, match="is not known"):
            authenticate(database, forged, NOW)


def used_at(database: Database, token_id: str) -> datetime | None:
    with database.session() as session:
        row = tokens.find(session, token_id)
    assert row is not None
    return row.used_at


def test_it_is_noted_to_the_minute_when_a_token_was_last_used(database: Database) -> None:
    token_id, header = a_token(database)
    assert used_at(database, token_id) is None
    for used, noted in (
        (NOW, NOW),
        (NOW + MINUTE - MICROSECOND, NOW),
        (NOW + MINUTE, NOW + MINUTE),
        (NOW, NOW + MINUTE),  # by a process whose clock is behind
    ):
        authenticate(database, header, used)
        assert used_at(database, token_id) == noted


def test_a_forged_or_revoked_token_is_not_used(database: Database) -> None:
    (ada, header), (ben, _) = a_token(database), a_token(database, "ben")
    revoke(database, ada, NOW)
    for refused in (header, header.replace(ada, ben)):
        with pytest.raises(NotAuthenticated):
            authenticate(database, refused, NOW)
    assert (used_at(database, ada), used_at(database, ben)) == (None, None)


def test_a_session_at_the_desk_uses_the_token_that_it_was_begun_with(database: Database) -> None:
    token_id, header = a_token(database)
    cookie = sign_in(database, header.removeprefix("Bearer "), "UTC", NOW)
    later = NOW + 3 * MINUTE
    find_session(database, cookie, later)
    assert used_at(database, token_id) == later

    other, _ = a_token(database, "ben")
    sign_in_by_code(database, make_sign_in_code(database, other, NOW), "UTC", later)
    assert used_at(database, other) == later


def test_the_list_says_when_a_token_was_last_used(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    a_token(database, "ben")
    _, header = a_token(database)
    authenticate(database, header, NOW)
    assert run(["token", "list", "--json"]) == 0
    listed = {row["name"]: row["used_at"] for row in json.loads(capsys.readouterr().out)["tokens"]}
    assert listed == {"ada": "2026-03-02T10:00:00Z", "ben": None}
    assert run(["token", "list"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert "last used" in shown[0]
    (never,) = [line for line in shown if " ben " in line]
    (once,) = [line for line in shown if " ada " in line]
    assert "never" in never
    assert " ago" in once

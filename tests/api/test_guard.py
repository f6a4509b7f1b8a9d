"""What stands before every endpoint, in a served API: a token that is revoked in use, headers, request ids."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

import pytest

from api import guard
from domain.core.enums import Role
from store import tokens
from tests.support.served_api import Api
from tests.support.waiting import until

Serve = Callable[..., AbstractAsyncContextManager[Api]]
NOBODY = "127.0.0.1:1"
"""A Temporal that is away: none of this needs it."""


async def test_a_token_that_has_just_been_used_opens_nothing_soon_after_it_is_revoked(
    serve: Serve, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "TRUSTED_SECONDS", 0.2)
    async with serve(database_url, NOBODY) as api:
        token = api.token(Role.LEAD)
        assert (await api.get("/version", role=None, token=token)).status_code == 200
        with api.db.begin() as session:
            tokens.revoke(session, token.split("_")[1], datetime.now(UTC))

        async def is_refused() -> bool:
            return (await api.get("/version", role=None, token=token)).status_code == 401

        await until(is_refused)
        assert await is_refused()
        assert (await api.get("/version", role=Role.LEAD)).status_code == 200  # another token of that role


async def test_every_answer_says_that_it_is_not_to_be_kept_nor_guessed_at(serve: Serve, database_url: str) -> None:
    async with serve(database_url, NOBODY) as api:
        answers = [
            await api.get("/version"),
            await api.get("/version", role=None),
            await api.get("/livez", role=None),
            await api.get("/api/v1/nothing"),
        ]
        assert [answer.status_code for answer in answers] == [200, 401, 200, 404]
        for answer in answers:
            assert (answer.headers["Cache-Control"], answer.headers["X-Content-Type-Options"]) == (
                "no-store",
                "nosniff",
            )


async def test_a_request_id_from_outside_is_plain_and_short_or_another_is_given(
    serve: Serve, database_url: str
) -> None:
    async with serve(database_url, NOBODY) as api:
        for given, kept in (("r-4711", True), ("x" * 100, True), ("x" * 101, False), ("a b", False), ("\xe4", False)):
            answer = await api.get("/version", headers={"X-Request-Id": given.encode("latin-1")})
            assert (answer.headers["X-Request-Id"] == given) == kept
            assert answer.headers["X-Request-Id"].isascii()
        ids = {(await api.get("/version")).headers["X-Request-Id"] for _ in range(3)}
        assert len(ids) == 3

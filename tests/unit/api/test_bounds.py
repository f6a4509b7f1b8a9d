"""What is kept of requests in memory has its bounds: tokens that were good, and bodies that are being read."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from api.body_limits import Held
from api.guard import MOST_TOKENS, TRUSTED_SECONDS, Callers
from domain.core.enums import Role
from services.security.auth import LONGEST_HEADER, Caller, NotAuthenticated, Shown, read_token

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def token(number: int = 0) -> str:
    return f"tl_{number:010d}_{'s' * 43}"


class Asked:
    """A database of tokens, which knows each, and counts how often it is asked."""

    def __init__(self) -> None:
        self.at = NOW
        self.times = 0
        self.expires_at = NOW + timedelta(days=1)
        self.callers = Callers(self.find, now=lambda: self.at)

    def find(self, shown: Shown, now: datetime) -> tuple[Caller, datetime]:
        self.times += 1
        if now >= self.expires_at:
            raise NotAuthenticated("this token has expired: ask for another", shown.token_id)
        return Caller(token_id=shown.token_id, actor="ada", role=Role.AGENT), self.expires_at

    def ask(self, header: str) -> Caller:
        return asyncio.run(self.callers.of(header))


def test_one_token_is_kept_once_however_its_header_is_written() -> None:
    asked = Asked()
    for word in ("Bearer", "bearer", "BEARER", "bEaReR"):
        for spaces in (" ", "  ", "    "):
            assert asked.ask(f"{word}{spaces}{token()}").token_id == "0" * 10
    assert (asked.times, len(asked.callers)) == (1, 1)


@pytest.mark.parametrize("header", [f"Bearer{' ' * 5}{token()}", f"Bearer {token()} ", f"Bearer\t{token()}", "", None])
def test_a_header_that_is_spelt_otherwise_is_no_token(header: str | None) -> None:
    with pytest.raises(NotAuthenticated, match="a token is needed"):
        read_token(header)


def test_a_header_longer_than_any_token_is_refused_unread() -> None:
    with pytest.raises(NotAuthenticated, match="has more than 200 characters"):
        read_token(f"Bearer{' ' * LONGEST_HEADER}{token()}")


def test_a_token_counts_as_good_for_some_seconds_and_never_longer_than_it_lives() -> None:
    asked = Asked()
    asked.expires_at = NOW + timedelta(seconds=TRUSTED_SECONDS / 2)
    asked.ask(f"Bearer {token()}")
    asked.at = asked.expires_at - timedelta(microseconds=1)
    asked.ask(f"Bearer {token()}")
    assert asked.times == 1
    asked.at = asked.expires_at
    with pytest.raises(NotAuthenticated, match="has expired"):
        asked.ask(f"Bearer {token()}")


def test_what_is_kept_of_tokens_is_dropped_by_age_and_is_never_more_than_so_many() -> None:
    asked = Asked()
    for number in range(3):
        asked.ask(f"Bearer {token(number)}")
    asked.at = NOW + timedelta(seconds=TRUSTED_SECONDS - 1)
    asked.ask(f"Bearer {token(3)}")
    assert len(asked.callers) == 4
    asked.at = NOW + timedelta(seconds=TRUSTED_SECONDS)
    asked.ask(f"Bearer {token(3)}")
    assert (asked.times, len(asked.callers)) == (4, 1)

    async def fill() -> None:
        for number in range(MOST_TOKENS + 10):
            await asked.callers.of(f"Bearer {token(number)}")

    asyncio.run(fill())
    assert len(asked.callers) == MOST_TOKENS


def test_bodies_have_so_much_room_together_and_for_each_sender_until_they_are_answered() -> None:
    held = Held(100, each=60)
    with held.reading("a") as first, held.reading("a") as second, held.reading("b") as other:
        assert first(40)
        assert not second(30)  # the sender's
        assert second(20)
        assert not other(50)  # everybody's
        assert other(40)
    with held.reading("a") as again:
        assert again(60)

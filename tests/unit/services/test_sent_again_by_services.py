"""A command that is sent again is the same Update, and two Updates of one id never say two things."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services import commands
from services.commands import AGAIN_WITHIN, FirstSent, update_id

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def received(minutes: int, **more: Any) -> dict[str, Any]:
    at = NOON + timedelta(minutes=minutes)
    return {"by": "ada", "id": "take-1", "received": at.isoformat()} | more


def test_it_counts_from_when_it_first_came_and_has_one_id() -> None:
    sent = FirstSent()

    first, again = sent.payload("take", received(0)), sent.payload("take", received(5))

    assert again == first == received(0)
    assert update_id("take-1", "take", again) == update_id("take-1", "take", first)


def test_what_else_a_service_adds_stays_as_it_was_first_sent_too() -> None:
    sent = FirstSent()
    sent.payload("reply", received(0, text="Hello.", edited=10))

    assert sent.payload("reply", received(5, text="Hello.", edited=20)) == received(0, text="Hello.", edited=10)


def test_a_process_that_does_not_remember_sends_another_update() -> None:
    first, again = FirstSent().payload("take", received(0)), FirstSent().payload("take", received(5))

    assert again == received(5)
    assert update_id("take-1", "take", again) != update_id("take-1", "take", first)


def test_after_a_refusal_it_is_a_new_try() -> None:
    sent = FirstSent()
    sent.payload("resolve", received(0))
    sent.forget("resolve")

    assert sent.payload("resolve", received(5)) == received(5)


def test_after_a_while_it_counts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    sent, now = FirstSent(), 1000.0
    monkeypatch.setattr(commands, "monotonic", lambda: now)
    sent.payload("take", received(0))
    now += AGAIN_WITHIN
    assert sent.payload("take", received(5)) == received(0)
    now += 1

    assert sent.payload("take", received(15)) == received(15)


def test_the_latest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "MOST_REMEMBERED", 2)
    sent = FirstSent()
    for said in ("a", "b", "c", "d"):
        sent.payload(said, received(0))

    assert sent.payload("d", received(5)) == received(0)
    assert sent.payload("a", received(5)) == received(5)

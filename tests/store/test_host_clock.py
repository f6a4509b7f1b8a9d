"""A host whose clock is wrong is said to be, and stamps all the same by PostgreSQL's."""

import logging
from datetime import timedelta

import pytest
from temporalio.client import Client

from services.health import clock_check, health, log_the_clock
from services.policy_file.zones import time_zones
from store.database import Database
from store.host_clock import host_now

WRONG = timedelta(minutes=10)


def test_a_host_whose_clock_is_wrong_is_named_with_how_far_and_what_to_do(database_url: str) -> None:
    for ahead, words in ((-WRONG, "s behind PostgreSQL's"), (WRONG, "s ahead of PostgreSQL's")):
        db = Database(database_url, host_clock=lambda ahead=ahead: host_now() + ahead)  # type: ignore[misc]
        check = clock_check(db)
        db.dispose()
        assert (check.ok, check.stops) == (False, False)
        assert words in check.detail
        assert "NTP" in check.detail


async def test_readiness_names_a_host_whose_clock_is_wrong_and_is_not_lost_by_it(
    database_url: str, temporal_dev: Client
) -> None:
    db = Database(database_url, host_clock=lambda: host_now() - WRONG)
    checks = {check.name: check for check in await health(db, temporal_dev, queues=())}
    db.dispose()
    assert (checks["clock"].ok, checks["clock"].stops) == (False, False)
    assert checks["time zones"].detail == f"{time_zones()}, as shipped"  # C16
    assert all(check.ok for check in checks.values() if check.stops)


def test_a_process_says_at_its_start_what_is_wrong_with_its_clock(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    right, wrong = Database(database_url), Database(database_url, host_clock=lambda: host_now() + WRONG)
    with caplog.at_level(logging.WARNING, "tierline"):
        log_the_clock(right)
        assert caplog.messages == []
        log_the_clock(wrong)
    (said,) = caplog.messages
    assert "s ahead of PostgreSQL's" in said
    for db in (right, wrong):
        db.dispose()


def test_after_any_transaction_the_database_s_clock_is_known(database_url: str) -> None:
    db = Database(database_url, host_clock=lambda: host_now() - WRONG)
    with db.session():
        assert abs(db.clock.now() - host_now()) < WRONG / 2
    db.dispose()


def test_while_the_database_never_answered_the_host_counts(database_url: str) -> None:
    db = Database("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    assert clock_check(db).ok
    assert db.clock.ahead is None
    db.dispose()

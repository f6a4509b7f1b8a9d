"""A host whose clock is wrong is said to be, and stamps all the same by PostgreSQL's."""

from datetime import timedelta

from services.health import clock_check
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

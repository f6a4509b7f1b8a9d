"""What time it is: by the database's clock, whatever the host's says."""

from datetime import UTC, datetime, timedelta

from store.host_clock import ASK_EVERY, DatabaseClock, fault

NOON = datetime(2035, 6, 4, 12, tzinfo=UTC)


class Clocks:
    """A host and a database whose clocks a test sets. Stands for the session that is asked."""

    def __init__(self, ahead: timedelta) -> None:
        self.passed = 0.0
        self.set_by = ahead
        self.takes = 0.0
        self.known = DatabaseClock(self.host, lambda: self.passed)

    def host(self) -> datetime:
        return self.database() + self.set_by

    def database(self) -> datetime:
        return NOON + timedelta(seconds=self.passed)

    def ask(self) -> None:
        self.known.ask(self)  # type: ignore[arg-type]

    def execute(self, _statement: object) -> "Clocks":
        self.passed += self.takes
        return self

    def scalar_one(self) -> datetime:
        return self.database() - timedelta(seconds=self.takes / 2)


def test_until_the_database_was_asked_the_host_counts() -> None:
    clocks = Clocks(timedelta(minutes=10))
    assert clocks.known.now() == NOON + timedelta(minutes=10)
    assert clocks.known.ahead is None
    assert clocks.known.is_due()


def test_from_then_on_the_database_counts_also_while_it_is_away_and_when_the_host_is_set() -> None:
    for wrong in (timedelta(minutes=-10), timedelta(minutes=10)):
        clocks = Clocks(wrong)
        clocks.ask()
        clocks.passed += 3600
        assert clocks.known.now() == clocks.database()
        clocks.set_by = timedelta(0)
        assert clocks.known.now() == clocks.database()
        assert clocks.known.ahead == wrong


def test_the_database_is_asked_again_after_a_while_and_a_slow_answer_changes_nothing() -> None:
    clocks = Clocks(timedelta(0))
    clocks.ask()
    assert not clocks.known.is_due()
    clocks.passed += ASK_EVERY
    assert clocks.known.is_due()
    clocks.set_by, clocks.takes = timedelta(minutes=1), 5.0
    clocks.ask()
    assert clocks.known.ahead == timedelta(0)
    clocks.takes = 0.5
    clocks.ask()
    assert clocks.known.ahead == timedelta(minutes=1)


def test_two_seconds_are_tolerated_and_more_is_said_with_host_and_what_to_do() -> None:
    assert fault(timedelta(seconds=2), "api-1") is None
    assert fault(timedelta(seconds=-2), "api-1") is None
    said = fault(timedelta(seconds=-600), "api-1")
    assert said is not None
    assert said.startswith("the clock of api-1 is 600.0 s behind PostgreSQL's")
    assert "NTP" in said
    assert "ahead of" in (fault(timedelta(seconds=2.5), "api-1") or "")

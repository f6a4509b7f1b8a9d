"""One caller a minute tries a system that rejects our credentials, and ops are alerted once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from store import outages
from store.database import Database
from store.outages import PROBE, Admission
from tests.support.ticket_life import MONDAY

ALL = ("jira", "jira: create issues")


def admit(database: Database, seconds: float, whats: tuple[str, ...] = ALL) -> Admission:
    with database.begin() as session:
        return outages.admit(session, whats, MONDAY + timedelta(seconds=seconds))


def begin(database: Database, what: str = "jira") -> bool:
    with database.begin() as session:
        return outages.begin(session, what, MONDAY)


def test_while_all_is_well_everybody_may_ask(database: Database) -> None:
    assert admit(database, 0) == Admission()


def test_of_a_storm_of_refusals_one_is_the_first(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(lambda _: begin(database), range(8))) == [False] * 7 + [True]


def test_nobody_asks_until_the_probe_is_due_and_then_one_does(database: Database) -> None:
    begin(database)
    minute = PROBE.total_seconds()
    assert admit(database, minute - 1) == Admission(until=MONDAY + PROBE)
    with ThreadPoolExecutor(8) as pool:
        admitted = list(pool.map(lambda _: admit(database, minute), range(8)))
    assert sum(admission.probing for admission in admitted) == 1
    assert all(admission.probing or admission.until for admission in admitted)
    assert admit(database, 2 * minute).probing


def test_a_permission_that_is_lacking_stops_what_needs_it_and_nothing_else(database: Database) -> None:
    begin(database, "jira: create issues")
    assert admit(database, 1).until
    assert admit(database, 1, ("jira", "jira: read issues")) == Admission()


def test_whoever_is_let_in_ends_it_and_hears_since_when_it_lasted(database: Database) -> None:
    begin(database)
    with database.begin() as session:
        assert outages.end(session, ALL) == {"jira": MONDAY}
    with database.begin() as session:
        assert outages.end(session, ALL) == {}
    assert admit(database, 1) == Admission()

"""The counts of the queue that are the same for everybody: counted once, and again when a ticket has changed."""

import pytest
from sqlalchemy import text

from services.reading import lists
from services.reading.lists import COUNT_LASTS, Counted
from store import journal, queue_views
from store.database import Database
from tests.support.query_plans import sent_to
from tests.support.ticket_case import at, given

TONIGHT = at("Tue 00:00")


class Clock:
    """A clock that stands where it is put."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def opened(database: Database, name: str) -> None:
    case = given(external_id=name)
    with database.begin() as session:
        journal.append(session, case.ticket.id, "test", case.events)


def counts_of(database: Database, counted: Counted, person: str = "ada") -> dict[str, int]:
    return dict(lists.queue_view(database, "all", person, TONIGHT, counted=counted).counts)


def test_g10_they_are_counted_once_until_a_ticket_changes(database: Database) -> None:
    counted = Counted(Clock())
    opened(database, "one")
    assert counts_of(database, counted)["all"] == 1
    with sent_to(database) as sent:
        assert counts_of(database, counted, "ben") == counts_of(database, counted)
    assert not any("FILTER" in one for one in map(str, sent.statements))
    opened(database, "two")
    assert counts_of(database, counted)["all"] == 2


def test_g10_a_change_that_was_missed_is_counted_after_two_seconds(database: Database) -> None:
    clock = Clock()
    counted = Counted(clock)
    opened(database, "one")
    assert counts_of(database, counted)["unassigned"] == 1
    with database.begin() as session:
        session.execute(text("UPDATE tickets SET assignee = 'ben'"))  # as if it had become visible late
    assert counts_of(database, counted)["unassigned"] == 1
    clock.now += COUNT_LASTS
    assert counts_of(database, counted)["unassigned"] == 0


@pytest.mark.parametrize("person", ["ada", "ben"])
def test_g10_no_count_of_one_person_is_shared(database: Database, person: str) -> None:
    counted = Counted(Clock())
    case = given(external_id="of ada")
    case.do("take", at="09:01", by="ada")
    with database.begin() as session:
        journal.append(session, case.ticket.id, "test", case.events)
    assert counts_of(database, counted, "ada")["mine"] == 1
    assert counts_of(database, counted, person)["mine"] == (person == "ada")
    assert not {"mine", "asked", "questions", "promised"} & set(queue_views.SHARED)

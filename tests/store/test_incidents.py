"""G6: one open incident for an area and fingerprint, however many ask at once and however often."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import func, select

from store import incidents
from store.database import Database
from store.tables.incidents import IncidentRow, IncidentTicketRow
from tests.store.stories import MONDAY


def join(database: Database, ticket: str, area: str = "billing", effect: str = "1") -> int:
    with database.begin() as session:
        return incidents.find_or_allocate(session, area, "", MONDAY, ticket, f"ticket-{ticket}:incident:{effect}")


def test_eight_at_once_join_one_incident(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda n: join(database, str(n)), range(8)))

    assert numbers == [1] * 8
    with database.session() as session:
        assert sorted(incidents.tickets_of(session, 1)) == [str(n) for n in range(8)]
        assert session.scalar(select(func.count()).select_from(IncidentRow)) == 1


def test_the_same_effect_eight_times_at_once_joins_once(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: join(database, "a"), range(8)))

    assert set(numbers) == {1}
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(IncidentTicketRow)) == 1


def test_areas_have_incidents_of_their_own_and_numbers_have_no_gaps(database: Database) -> None:
    assert [join(database, "a"), join(database, "b"), join(database, "c", "api"), join(database, "d")] == [1, 1, 2, 1]


def test_a_closed_incident_is_not_joined_but_known_to_those_who_were_in_it(database: Database) -> None:
    join(database, "a")
    with database.begin() as session:
        incidents.close(session, 1, MONDAY + timedelta(hours=1))
        incidents.close(session, 1, MONDAY + timedelta(hours=2))
        incidents.close(session, 99, MONDAY)

    assert join(database, "b") == 2
    assert join(database, "a") == 1
    assert join(database, "a", effect="9") == 2
    with database.session() as session:
        assert session.get_one(IncidentRow, 1).closed_at == MONDAY + timedelta(hours=1)
        assert incidents.find_open(session, "billing", "") == 2


def test_a_free_ticket_joins_what_is_open_and_opens_nothing(database: Database) -> None:
    with database.begin() as session:
        assert incidents.join_open(session, "billing", "", MONDAY, "f", "ticket-f:incident_if_open:1") is None
    join(database, "a")
    with database.begin() as session:
        assert incidents.join_open(session, "billing", "", MONDAY, "f", "ticket-f:incident_if_open:1") == 1
        assert incidents.tickets_of(session, 1) == ["a", "f"]

"""G6: one open incident for an area and separate key, however many ask at once and however often."""

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from domain.core.enums import Plan
from domain.ticket.aggregate import TICKET
from domain.ticket.state import Account
from services.intake.opening import opening_recording
from services.intake.request import OpenRequest
from services.policy_file.load import load_policy
from store import accounts, incidents, journal
from store.database import Database
from store.tables.incidents import IncidentRow, IncidentTicketRow
from tests.support.ticket_life import MONDAY


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


def test_b3_an_incident_is_about_the_subject_of_the_first_ticket_that_has_one(database: Database) -> None:
    subjects = ("", "Login is down", "Nobody can log in")
    for place, subject in enumerate(subjects):
        ticket = a_ticket(database, str(place), subject=subject)
        with database.begin() as session:
            at = MONDAY + timedelta(minutes=place)
            incidents.find_or_allocate(session, "billing", "", at, ticket, f"ticket-{ticket}:incident:1")
    join(database, a_ticket(database, "9"), "api")
    with database.session() as session:
        assert incidents.subjects(session, [1, 2, 77]) == {1: "Login is down"}


# -- How many one opener may open (G6) -----------------------------------------------------------------------

LIMIT = incidents.OpeningLimit(3, timedelta(minutes=10))


def a_ticket(
    database: Database,
    name: str,
    *,
    source: str = "shop",
    by: str = "eve",
    account: str = "nobody",
    subject: str = "",
) -> str:
    """A ticket on record, of an account that is in the table of accounts only if somebody has put it there."""
    form = {"source": source, "external_id": name, "account": {"id": account, "plan": "enterprise"}, "by": by}
    form |= {"subject": subject} if subject else {"description": "It broke."}
    events = opening_recording(load_policy(), OpenRequest.parse(form | {"role": "integration"}), MONDAY).events
    one = TICKET.fold(events).id
    with database.begin() as session:
        journal.open_once(session, one, events, churn=load_policy().churn_rule())
    return one


def opens(database: Database, ticket: str, area: str, at: datetime = MONDAY) -> int:
    with database.begin() as session:
        key = f"ticket-{ticket}:incident:1"
        return incidents.find_or_allocate(session, area, "", at, ticket, key, limit=LIMIT)


def in_surplus(database: Database, number: int) -> bool:
    with database.session() as session:
        return incidents.is_surplus(session, number)


def test_g6_what_one_source_opens_beyond_the_limit_is_one_incident_however_many_come_at_once(
    database: Database,
) -> None:
    tickets = [a_ticket(database, str(n), by=f"visitor-{n}") for n in range(12)]

    with ThreadPoolExecutor(12) as pool:
        numbers = list(pool.map(lambda n: opens(database, tickets[n], f"area {n}"), range(12)))

    own = [number for number in numbers if not in_surplus(database, number)]
    (surplus,) = {number for number in numbers if in_surplus(database, number)}
    assert (len(own), len(set(own))) == (3, 3)
    with database.session() as session:
        assert len(incidents.tickets_of(session, surplus)) == 9


def test_g6_a_ticket_of_a_known_account_opens_its_own_incident_whatever_others_did(database: Database) -> None:
    strangers = [opens(database, a_ticket(database, str(n)), f"area {n}") for n in range(5)]
    with database.begin() as session:
        accounts.save_accounts(session, [Account(id="initech", plan=Plan.ENTERPRISE)])

    known = [opens(database, a_ticket(database, f"k{n}", account="initech"), f"their area {n}") for n in range(5)]
    of_the_service = opens(database, a_ticket(database, "k9", account="initech"), "")

    assert len(set(known)) == 5
    assert not {*known, of_the_service} & set(strangers)
    assert not any(in_surplus(database, number) for number in (*known, of_the_service))


def test_g6_people_are_counted_each_and_integrations_by_their_source(database: Database) -> None:
    numbers = [
        opens(database, a_ticket(database, f"{source}{by}{n}", source=source, by=by), f"{source} {by} {n}")
        for source, by in (("api", "ada"), ("api:docs", "ben"), ("shop", "x"), ("webhook:a", "x"))
        for n in range(3)
    ]

    assert not any(in_surplus(database, number) for number in numbers)
    for source, by in (("api:more", "ada"), ("shop", "y"), ("webhook:b", "y")):
        assert in_surplus(database, opens(database, a_ticket(database, "late", source=source, by=by), f"late {source}"))


def test_g6_after_the_time_there_may_be_more_and_zero_is_no_limit(database: Database) -> None:
    first = [opens(database, a_ticket(database, str(n)), f"area {n}") for n in range(3)]
    at_the_end = MONDAY + timedelta(minutes=10)

    assert in_surplus(database, opens(database, a_ticket(database, "b"), "b", at_the_end - timedelta(seconds=1)))
    assert not in_surplus(database, opens(database, a_ticket(database, "c"), "c", at_the_end))
    assert opens(database, a_ticket(database, "d"), "area 0") == first[0]
    with database.begin() as session:
        place = ("e", "", MONDAY, a_ticket(database, "e"), "ticket-e:incident:1")
        number = incidents.find_or_allocate(session, *place, limit=incidents.OpeningLimit(0, timedelta(minutes=10)))
    assert not in_surplus(database, number)


def test_g6_a_ticket_that_a_person_takes_out_of_the_surplus_has_an_incident_of_its_own(database: Database) -> None:
    for n in range(3):
        opens(database, a_ticket(database, str(n)), f"area {n}")
    ticket = a_ticket(database, "real")
    surplus = opens(database, ticket, "checkout")
    assert in_surplus(database, surplus)

    with database.begin() as session:
        own = (f"ticket-{ticket}:incident_own:9", MONDAY, ticket, f"ticket-{ticket}:incident_own:9")
        number = incidents.find_or_allocate(session, "checkout", *own, limit=LIMIT)

    assert number != surplus
    assert not in_surplus(database, number)


def test_g6_a_surplus_whose_workflow_ended_before_it_heard_of_a_ticket_leaves_it_to_the_next(
    database: Database,
) -> None:
    for n in range(3):
        opens(database, a_ticket(database, str(n)), f"area {n}")
    ticket = a_ticket(database, "s")
    ended = opens(database, ticket, "somewhere")
    assert in_surplus(database, ended)

    with database.begin() as session:
        place = ("somewhere", "", MONDAY, ticket, f"ticket-{ticket}:incident:1")
        again = incidents.join_again(session, ended, *place, limit=LIMIT)

    assert again != ended
    assert in_surplus(database, again or 0)


def test_g6_declared_by_hand_beyond_the_limit_is_refused_but_one_that_is_open_is_found(database: Database) -> None:
    def declared(area: str, by: str | None = "ada", at: datetime = MONDAY) -> tuple[int, bool]:
        with database.begin() as session:
            return incidents.declare(session, area, "", at, by, LIMIT)

    numbers = [declared(area)[0] for area in "abc"]

    with pytest.raises(incidents.TooManyOpened):
        declared("d")
    assert declared("a") == (numbers[0], False)
    assert declared("d", "ben")[1]
    assert declared("e", at=MONDAY + timedelta(minutes=10))[1]
    assert declared("a drill", None)[1]


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.integers(0, 40)), max_size=12))
def test_g6_in_no_stretch_of_time_does_one_opener_open_more_than_the_limit(
    database: Database, story: list[tuple[str, bool, int]]
) -> None:
    """Whatever comes in whatever order: every ticket is in one incident, a known one in its own."""
    with database.begin() as session:
        accounts.save_accounts(session, [Account(id="initech", plan=Plan.ENTERPRISE)])
    example = uuid4().hex  # nobody whom an earlier example has counted
    opened: defaultdict[str, list[datetime]] = defaultdict(list)
    for one, known, minute in sorted(story, key=lambda step: step[2]):
        at, name = MONDAY + timedelta(minutes=minute), uuid4().hex
        source = f"{one}-{example}"
        ticket = a_ticket(database, name, source=source, account="initech" if known else "nobody")
        number = opens(database, ticket, name, at)
        if not in_surplus(database, number) and not known:
            opened[source].append(at)
        assert not (known and in_surplus(database, number))
        with database.session() as session:
            assert ticket in incidents.tickets_of(session, number)
    for times in opened.values():
        for at in times:
            assert sum(at - LIMIT.within < other <= at for other in times) <= LIMIT.most

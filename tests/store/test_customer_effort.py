"""F3: what it took customers to get help: messages until the resolution, what came again, how easy it was."""

from datetime import timedelta
from itertools import count

import pytest

from domain.core.enums import Category
from domain.report.week import Share
from services import repair
from services.repair import About
from services.reports import customer_effort as report
from services.reports import figures
from store import journal
from store.customer_effort import CustomerEffort, by_category
from store.database import Database
from tests.support.packages import RECORD
from tests.support.query_plans import sent_to
from tests.support.ticket_life import MONDAY, RUN, Life, closed, life

MICROSECOND, MINUTE, DAY = timedelta(microseconds=1), timedelta(minutes=1), timedelta(days=1)
WEEK = MONDAY - 3 * DAY, MONDAY + 8 * DAY
NUMBERS = count()


def keep(database: Database, one: Life) -> Life:
    with database.begin() as session:
        journal.append(session, one.ticket.id, RUN, one.events)
    return one


def begun(after: timedelta = timedelta(0), account: str = "acme", category: str = "bug") -> Life:
    """A ticket that opens so long after the first Monday."""
    return life(f"effort-{next(NUMBERS)}", at=MONDAY + after, account=account, category=Category(category))


def wrote(one: Life, after: timedelta = MINUTE) -> Life:
    return one.do("reply", after, by="eve", role="customer", text="And now this.")


def solved(one: Life, after: timedelta = MINUTE) -> Life:
    return one.do("take").do("resolve", after, **RECORD)


def effort(database: Database) -> dict[str, CustomerEffort]:
    with database.session() as session:
        return {one.name: one for one in by_category(session, *WEEK)}


def test_f3_what_a_customer_wrote_until_the_resolution_counts_the_opening_among_it(database: Database) -> None:
    keep(database, solved(begun()))
    keep(database, solved(wrote(wrote(begun()))))
    keep(database, solved(begun(category="how-to")))
    keep(database, wrote(begun()))  # nobody has resolved it
    found = effort(database)
    assert (found["bug"].resolved, found["bug"].messages) == (2, 2.0)
    assert (found["how-to"].resolved, found["how-to"].messages) == (1, 1.0)
    assert (found["all"].resolved, found["all"].messages) == (3, 1.0)


def test_f3_a_resolution_that_did_not_hold_is_none(database: Database) -> None:
    one = solved(begun()).do("reopen", MINUTE, by="eve", role="customer", reason="It is back.")
    keep(database, one)
    assert effort(database)["all"].resolved == 0
    again = keep(database, wrote(solved(begun())).do("resolve", MINUTE, **RECORD))
    assert again.ticket.resolved_at is not None
    assert (effort(database)["all"].resolved, effort(database)["all"].messages) == (1, 2.0)


@pytest.mark.parametrize(
    ("after", "again"),
    [(timedelta(0), 1), (7 * DAY, 1), (7 * DAY + MICROSECOND, 0), (-MICROSECOND, 0)],
    ids=["at the resolution", "seven days", "a microsecond more", "before it was resolved"],
)
def test_f3_what_opens_within_seven_days_after_a_resolution_came_again(
    database: Database, after: timedelta, again: int
) -> None:
    first = keep(database, solved(begun(-DAY), DAY))
    assert first.ticket.resolved_at is not None
    keep(database, begun(first.ticket.resolved_at + after - MONDAY))
    keep(database, begun(first.ticket.resolved_at + after - MONDAY, account="other"))
    keep(database, begun(first.ticket.resolved_at + after - MONDAY, category="how-to"))
    assert (effort(database)["bug"].again, effort(database)["all"].again) == (again, again)


def test_f3_what_was_discarded_came_not_again_and_nothing_comes_again_after_it(database: Database) -> None:
    spam = begun().do("end", MINUTE, how="spam", role="lead")
    keep(database, spam)
    keep(database, begun(DAY))
    found = effort(database)["all"]
    assert (found.opened, found.again) == (1, 0)


def test_f3_how_easy_it_was_is_said_of_the_last_answer_and_of_five_at_least(database: Database) -> None:
    ones = [closed(begun()).do("rate", MINUTE, csat=4, effort=1, role="customer") for _ in range(4)]
    ones[0].do("rate", 60 * MINUTE, csat=5, effort=7, role="customer")
    for one in ones:
        keep(database, one)
    keep(database, closed(begun()).do("rate", MINUTE, csat=1, role="customer"))  # says nothing of it
    assert (effort(database)["all"].answers, effort(database)["all"].ease) == (4, 2.5)
    with database.session() as session:
        assert [one.ease for one in report.read(session, *WEEK)] == [None, None]
    keep(database, closed(begun()).do("rate", MINUTE, csat=4, effort=5, role="customer"))
    with database.session() as session:
        whole, *_ = report.read(session, *WEEK)
    assert (whole.answers, whole.ease) == (5, 3.0)
    assert next(report.lines([whole])) == (
        "all: messages until the resolution 1, median; came again within 7 days 0 of 6 (0 %); "
        "how easy it was 3.0 of 7 (of 5)"
    )
    nothing = figures.CustomerEffort(
        name="all", resolved=0, messages=None, again=Share(count=0, of=0), answers=0, ease=None
    )
    assert list(report.lines([nothing])) == [
        "all: messages until the resolution none; came again within 7 days none; how easy it was none"
    ]


def test_f3_it_reads_no_event_and_is_the_same_after_a_rebuild(database: Database) -> None:
    for day in range(3):
        one = keep(database, closed(begun(day * DAY)).do("rate", MINUTE, csat=4, effort=6, role="customer"))
    before = effort(database)
    with sent_to(database) as sent:
        effort(database)
    assert not any("ticket_events" in statement for statement, _ in sent.statements)
    (found,) = repair.rebuild(database, [About("ticket", one.ticket.id)], write=False)
    assert found.changed == []
    assert (before["all"].resolved, before["all"].answers) == (3, 3)

"""What people worked at, as it is read for the variety of their work and for something else."""

from datetime import UTC, datetime, timedelta

from domain.core.enums import Category
from domain.report.week import week_of
from services.reading.something_else import to_take
from services.reports import variety
from services.reports import week as reports
from store import journal
from store.database import Database
from tests.support.packages import RECORD
from tests.support.policy import POLICY
from tests.support.ticket_life import MONDAY, RUN, Life, life

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST = week_of(MONDAY.date())
SUNDAY = MONDAY + 6 * DAY


def keep(database: Database, *lives: Life) -> None:
    with database.begin() as session:
        for one in lives:
            journal.append(session, one.ticket.id, RUN, one.events)


def about(name: str, area: str, category: Category = Category.BUG, at: datetime = MONDAY) -> Life:
    return life(name, at=at, category=category).do("amend", role="lead", product_area=area)


def done(one: Life, by: str = "ada") -> Life:
    return one.do("take", MINUTE, by=by).do("resolve", MINUTE, by=by, **RECORD)


def test_a_persons_week_has_what_they_were_done_with_and_what_they_hold(database: Database) -> None:
    keep(
        database,
        done(about("1", "exports")),
        done(about("2", "exports")),
        about("3", "billing").do("take", MINUTE),
        done(about("4", "billing"), by="ben"),
        done(about("5", "reports", at=MONDAY - 7 * DAY)),
        done(about("6", "reports")).do("end", MINUTE, role="lead", how="spam"),
    )
    found = variety.of_person(database, POLICY, "ada", SUNDAY)
    assert found is not None
    assert (found.tickets, found.areas, found.largest_area, found.in_area.count) == (3, 2, "exports", 2)
    assert variety.of_person(database, POLICY, "eve", SUNDAY) is None


def test_leads_see_everybody_by_name_and_a_week_that_is_over_has_nothing_that_is_held(database: Database) -> None:
    keep(
        database,
        done(about("1", "exports"), by="zoe"),
        done(about("2", "exports"), by="ben"),
        done(about("3", "billing"), by="ben"),
        about("4", "calendar").do("take", MINUTE, by="ada"),
    )

    def told(now: datetime) -> list[tuple[str, int]]:
        return [(one.person, one.tickets) for one in variety.of_all(database, POLICY, FIRST, now)]

    assert told(SUNDAY) == [("ada", 1), ("ben", 2), ("zoe", 1)]
    assert told(SUNDAY + 7 * DAY) == [("ben", 2), ("zoe", 1)]


def test_the_report_of_the_week_names_nobody(database: Database) -> None:
    keep(database, done(about("1", "exports"), by="a-person-with-a-name"))
    report = reports.read(database, POLICY, FIRST, SUNDAY)
    assert "a-person-with-a-name" not in report.model_dump_json()


def test_something_else_is_of_the_area_that_a_person_had_least_in_five_working_days(database: Database) -> None:
    now = datetime.now(UTC)
    waits = [about(f"w{n}", area, at=now - HOUR + n * MINUTE) for n, area in enumerate(("exports", "billing"))]
    keep(database, *waits, done(about("1", "exports", at=now - DAY)), done(about("2", "billing", at=now - 14 * DAY)))
    found = to_take(database, "ada", UTC)
    assert found.line is not None
    assert found.line.id == waits[1].ticket.id
    assert found.why == "you had 0 of billing lately, and 1 of exports; what it comes before can wait"
    usual = to_take(database, "ben", UTC)
    assert usual.line is not None
    assert usual.line.id == waits[0].ticket.id


def test_what_a_person_holds_counts_and_what_others_hold_is_not_offered(database: Database) -> None:
    now = datetime.now(UTC)
    keep(
        database,
        about("1", "exports", at=now - HOUR),
        about("2", "calendar", at=now - HOUR + MINUTE).do("take", MINUTE, by="ben"),
        about("3", "billing", at=now - HOUR + 2 * MINUTE),
        about("4", "exports", at=now - HOUR).do("take", MINUTE),
    )
    assert to_take(database, "ada", UTC).why.startswith("you had 0 of billing lately, and 1 of exports")


def test_where_nothing_waits_there_is_nothing_else(database: Database) -> None:
    assert to_take(database, "ada", UTC) == (None, "")

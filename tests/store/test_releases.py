"""F3: a release judged: the areas that it fixed, before and after, beside all other areas."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import text

from domain.core.enums import Role
from domain.core.refusal import Refused
from domain.report.comparison import Figure
from domain.ticket import commands as c
from domain.ticket.rules.tracker_link import IssueUpdate
from services.reports import release
from services.reports.release import Release
from store import journal
from store.database import Database
from tests.support.packages import T2_PACKAGE, T3_PACKAGE
from tests.support.policy import POLICY
from tests.support.ticket_life import MONDAY, RUN, Life, closed, life, resolved

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SHIPPED = date(2026, 3, 16)
AT = datetime.fromisoformat("2026-03-15T23:00:00Z")
"""0:00 in Berlin, the zone of weeks."""
LATER = MONDAY + 60 * DAY


def keep(database: Database, one: Life, area: str = "billing") -> None:
    """Write a ticket down, in an area of its own where one is named."""
    with database.begin() as session:
        journal.append(session, one.ticket.id, RUN, one.events)
        if area != "billing":
            session.execute(
                text("UPDATE ticket_records SET area = :area WHERE ticket_id = :id"),
                {"area": area, "id": one.ticket.id},
            )


def fixed(
    database: Database,
    name: str,
    key: str,
    *,
    category: str = "done",
    on: date | None = SHIPPED,
    versions: tuple[str, ...] = ("4.13",),
    moved: int = 0,
) -> None:
    """A ticket of the first Monday whose issue is fixed in 4.13, as the tracker says `moved` days later."""
    one = life(name).do("take").do("escalate", MINUTE, fields=T2_PACKAGE).do("take")
    one.do("escalate", MINUTE, fields=T3_PACKAGE)
    (effect,) = one.ticket.pending_effects
    one.tell(c.ReportDone(by="tierline", role=Role.SYSTEM, key=effect.key, jira_key=key, jira_url=""), MINUTE)
    said = {"key": key, "category": category, "status": "As it is", "fix_versions": versions, "release_date": on}
    at = one.ticket.as_of + MINUTE + moved * DAY
    keep(database, one.tell(IssueUpdate(by="jira", role=Role.INTEGRATION, version=at, **said), MINUTE + moved * DAY))


def rated(database: Database, at: datetime, *figures: int, area: str = "billing") -> None:
    for number, csat in enumerate(figures):
        one = closed(life(f"{area}-{at:%m%d%H}-{number}", at=at)).do("rate", MINUTE, csat=csat, role="customer")
        keep(database, one, area)


def judged(database: Database, now: datetime = LATER, days: int = 7) -> Release:
    return release.read(database, POLICY, "4.13", days, now)


def figures(found: tuple[Figure, ...]) -> dict[str, tuple[float | None, float | None, tuple[int, int]]]:
    return {one.name: (one.before, one.after, one.made_of) for one in found}


def test_f3_the_areas_that_a_release_fixed_stand_before_and_after_beside_all_others(database: Database) -> None:
    fixed(database, "bug", "SHOP-1")
    rated(database, AT - MINUTE * 30, 1, 1, 2, 4, 5)
    rated(database, AT, 5, 5, 5, 4, 4, 4)
    rated(database, AT - 8 * DAY, 1)  # too early
    rated(database, AT + 7 * DAY, 1)  # too late
    rated(database, AT - DAY, 5, 5, area="exports")
    rated(database, AT + DAY, 5, 1, 1, 1, 1, area="exports")
    found = judged(database)
    assert (found.issues, found.areas) == (("SHOP-1",), ("billing",))
    assert (found.shipped, found.known_by, found.at) == (SHIPPED, "release date", AT)
    assert figures(found.inside) == {
        "tickets a week": (5.0, 6.0, (5, 6)),
        "tickets a week of these issues": (None, None, (0, 0)),
        "satisfied": (40.0, 100.0, (5, 6)),
        "mean of the ratings": (13 / 5, 27 / 6, (5, 6)),
        "resolutions that did not hold": (0.0, 0.0, (5, 6)),
    }
    assert figures(found.outside)["satisfied"] == (None, 20.0, (2, 5))
    assert "  satisfied: before too few to say, after 20 % (of 2 and 5)" in list(release.lines(found))


def test_f3_tickets_of_the_issues_are_counted_apart(database: Database) -> None:
    for number in range(5):
        fixed(database, f"bug-{number}", "SHOP-1")
    found = release.read(database, POLICY, "4.13", 28, LATER)
    assert figures(found.inside)["tickets a week of these issues"] == (1.25, None, (5, 0))
    assert found.issues == ("SHOP-1",)


def test_f3_without_a_release_date_it_shipped_when_the_last_issue_was_done(database: Database) -> None:
    fixed(database, "bug", "SHOP-1", on=None)
    found = judged(database)
    assert (found.shipped, found.known_by) == (MONDAY.date(), "last issue done")


def test_f3_what_has_not_shipped_is_not_judged(database: Database) -> None:
    with pytest.raises(Refused, match=r"fixed in '4\.13': no ticket names any version yet"):
        judged(database)
    fixed(database, "bug", "SHOP-1", category="indeterminate", on=None)
    with pytest.raises(Refused, match="none of its issues is done or has a date"):
        judged(database)
    fixed(database, "other", "SHOP-2")
    with pytest.raises(Refused, match="it is due on 2026-03-16"):
        judged(database, AT)
    early = judged(database, AT + DAY)
    assert early.ends == AT + DAY, "so far"
    assert early.so_far
    assert not judged(database).so_far


def test_f3_a_version_that_is_not_known_is_refused_with_those_that_are(database: Database) -> None:
    fixed(database, "old", "SHOP-1", versions=("4.13",))
    fixed(database, "new", "SHOP-2", versions=("4.14",), on=SHIPPED + 7 * DAY)
    with pytest.raises(Refused, match=r"fixed in '4\.12': write one of these, the newest first: 4\.14, 4\.13$"):
        release.read(database, POLICY, " 4.12\x00\udcff", 7, LATER)


def test_f3_an_issue_counts_for_the_version_that_the_tracker_told_last(database: Database) -> None:
    fixed(database, "ended", "SHOP-1")
    fixed(database, "told-later", "SHOP-1", versions=("5.0",), moved=1)
    with pytest.raises(Refused, match=r"fixed in '4\.13'"):
        judged(database)
    assert release.read(database, POLICY, "5.0", 7, LATER).issues == ("SHOP-1",)


def test_f3_the_date_of_an_issue_that_names_this_version_only_comes_first(database: Database) -> None:
    fixed(database, "both", "SHOP-1", versions=("4.13", "5.0"), on=SHIPPED + 7 * DAY)
    assert judged(database).known_by == "release date of issues that name other versions too"
    fixed(database, "alone", "SHOP-2")
    assert (judged(database).shipped, judged(database).known_by) == (SHIPPED, "release date")


@pytest.mark.parametrize("year", [1, 1999])
def test_f3_a_date_from_before_all_trackers_is_none(database: Database, year: int) -> None:
    fixed(database, "bug", "SHOP-1", on=date(year, 1, 1))
    assert judged(database).known_by == "last issue done"


def test_f3_of_several_days_the_latest_is_when_it_shipped(database: Database) -> None:
    fixed(database, "second", "SHOP-1", on=None, moved=2)
    fixed(database, "first", "SHOP-2", on=None)
    assert (judged(database).shipped, judged(database).known_by) == ((MONDAY + 2 * DAY).date(), "last issue done")
    fixed(database, "dated-later", "SHOP-3", on=SHIPPED + DAY)
    fixed(database, "dated", "SHOP-4")
    assert (judged(database).shipped, judged(database).known_by) == (SHIPPED + DAY, "release date")


def test_f3_g13_spam_is_not_counted(database: Database) -> None:
    fixed(database, "bug", "SHOP-1")
    rated(database, AT - DAY, 4, 4, 4, 4, 4)
    for number in range(5):
        one = resolved(life(f"spam-{number}", at=AT - DAY))
        keep(database, one.do("end", MINUTE, role="integration", how="spam"))
    found = figures(judged(database).inside)
    assert found["tickets a week"] == (5.0, None, (5, 0))
    assert found["resolutions that did not hold"] == (0.0, None, (5, 0))


def test_f3_a_few_of_many_versions_and_of_many_issues_are_named(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "KNOWN", 1)
    monkeypatch.setattr(release, "MOST_ISSUES", 2)
    for number in (1, 2, 3):
        fixed(database, f"bug-{number}", f"SHOP-{number}")
    fixed(database, "new", "SHOP-9", versions=("4.14",), on=SHIPPED + 7 * DAY)
    with pytest.raises(Refused, match=r"the newest first: 4\.14$"):
        release.read(database, POLICY, "4.12", 7, LATER)
    found = judged(database)
    assert (found.issues, found.more) == (("SHOP-1", "SHOP-2"), True)

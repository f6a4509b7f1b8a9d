"""A1: `health` knows how Jira and the pager stand, from what waits for them."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from domain.core.enums import Priority
from domain.incident import commands as i
from domain.incident.aggregate import declare
from services.health import jira_check, pager_check
from services.policy_file.load import resolve_incident_terms
from store import incidents, journal, outages
from store.database import Database
from store.journal import INCIDENTS
from tests.support.packages import BOTH_PACKAGES
from tests.support.policy import POLICY
from tests.support.ticket_life import life

LONG_AGO = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def test_a1_nothing_outstanding_is_well(database: Database) -> None:
    for check in (jira_check(database), pager_check(database)):
        assert (check.ok, check.detail, check.stops) == (True, "nothing is outstanding", False)


def test_a1_an_issue_that_waits_is_told_with_its_beginning(database: Database) -> None:
    one = life().do("take").do("fill", fields=BOTH_PACKAGES).do("escalate").do("take").do("escalate")
    since = one.ticket.pending_effects[0].since
    with database.begin() as session:
        journal.append(session, one.ticket.id, "run-1", one.events)
    check = jira_check(database)
    assert not check.ok
    assert check.detail.startswith(f"1 outstanding, the first since {since:%Y-%m-%d %H:%M:%S} UTC: ")
    assert not check.stops
    assert pager_check(database).ok


def test_a1_a_page_that_the_pager_does_not_take_is_told(database: Database) -> None:
    with database.begin() as session:
        number, _ = incidents.declare(session, "API", "", LONG_AGO)
        terms = resolve_incident_terms(POLICY, "API", LONG_AGO)
        command = i.Declare(number=number, product_area="API", priority=Priority.P0, terms=terms)
        INCIDENTS.append(session, number, "run", list(declare(command, LONG_AGO).events))
    assert jira_check(database).detail.startswith("1 outstanding, the first since 2026-03-02 12:00:00 UTC: ")
    with database.begin() as session:  # of the two effects of a declaration, as if one were a page
        session.execute(text("UPDATE incidents SET state = jsonb_set(state, '{undone,0,kind}', '\"page\"')"))
    check = pager_check(database)
    assert not check.ok
    assert "outstanding, the first since 2026-03-02 12:00:00 UTC: see the worker's log" in check.detail


def test_a1_credentials_that_are_refused_are_told(database: Database) -> None:
    since = datetime.now(UTC) - timedelta(seconds=5)
    with database.begin() as session:
        outages.begin(session, "jira", since)
    check = jira_check(database)
    assert not check.ok
    assert check.detail.startswith(f"takes our credentials no more since {since:%Y-%m-%d %H:%M:%S} UTC: ")

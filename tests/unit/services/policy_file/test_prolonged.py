"""C15: an open ticket keeps its calendar when that is prolonged; only what comes after is of today's policy."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.calendars.calendar import Calendar, Offset
from domain.core.enums import Plan
from domain.policy.grammar import DateWindows, Hours
from domain.policy.policy import Policy
from domain.ticket.state import Account
from services.policy_file.load import load_policy, prolong_calendar, resolve_terms

ACCOUNT = Account(id="acme", plan=Plan.STANDARD)
OPENED, LATER = datetime(2026, 3, 1, tzinfo=UTC), datetime(2029, 8, 1, tzinfo=UTC)
NOON = ((9 * 60, 12 * 60),)
WORK_WEEK = ((9 * 60, 17 * 60),)
HOUR = timedelta(hours=1)


def policy_with(*dates: DateWindows, week=(*(WORK_WEEK,) * 5, (), ()), **changes) -> Policy:
    policy = load_policy()
    row = policy.calendars["business"].model_copy(update={"hours": Hours(week, dates), **changes})
    version = f"{policy.version}-{hash((dates, week, *changes.items()))}"
    return policy.model_copy(update={"calendars": policy.calendars | {"business": row}, "version": version})


@pytest.fixture
def known() -> Calendar:
    """The calendar of a ticket that was opened while 24 December was a half day."""
    return resolve_terms(policy_with(DateWindows("12-24", NOON)), ACCOUNT, OPENED).calendar


def test_c15_what_a_tickets_calendar_says_stays_whatever_the_policy_says_now(known):
    today = policy_with(DateWindows("12-24", ()), DateWindows("12-27", ()), week=(NOON,) * 7, holidays="none")
    found = prolong_calendar(today, ACCOUNT, LATER, known)
    assert found.horizon == datetime(2033, 1, 1, tzinfo=UTC)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert found.stretches(start, known.horizon) == known.stretches(start, known.horizon)
    assert found.week == known.week
    assert (known.holidays, found.holidays) == ("DE", "DE")


def test_c15_what_comes_after_is_of_todays_policy_on_the_tickets_own_hours(known):
    found = prolong_calendar(policy_with(DateWindows("12-24", ()), week=(NOON,) * 7), ACCOUNT, LATER, known)
    assert found.is_open(datetime(2029, 12, 24, 9, tzinfo=UTC))  # a half day, as was promised
    assert not found.is_open(datetime(2030, 12, 24, 9, tzinfo=UTC))  # a Tuesday, closed by now
    assert found.is_open(datetime(2030, 12, 23, 15, tzinfo=UTC))  # until 17:00, as was promised
    assert not found.is_open(datetime(2030, 12, 25, 9, tzinfo=UTC))  # Christmas


def test_c15_a_rule_of_the_time_zone_that_changed_meanwhile_counts_from_the_old_horizon_on(known):
    old = known.model_copy(update={"offsets": (Offset(since=OPENED, seconds=7200),)})  # summer time for ever
    found = prolong_calendar(policy_with(), ACCOUNT, LATER, old)
    winter = datetime(2029, 12, 3, 7, 30, tzinfo=UTC)
    assert (found.is_open(winter), found.is_open(winter + 364 * 24 * HOUR)) == (True, False)
    assert found.local(datetime(2030, 7, 1, tzinfo=UTC)).utcoffset() == 2 * HOUR


def test_c15_a_calendar_that_is_known_for_long_enough_is_not_changed(known):
    assert prolong_calendar(policy_with(DateWindows("12-24", ())), ACCOUNT, OPENED, known) is known


def test_a_ticket_that_did_not_send_its_calendar_gets_that_of_today():
    assert (
        prolong_calendar(policy_with(), ACCOUNT, LATER, None) == resolve_terms(policy_with(), ACCOUNT, LATER).calendar
    )


def test_c15_what_a_calendar_lists_beyond_its_own_horizon_keeps_it_from_nothing(known):
    """Terms that a lead gives may be cut short in their horizon alone."""
    today = policy_with(DateWindows("12-24", NOON))
    whole = prolong_calendar(today, ACCOUNT, OPENED, None)
    cut = known.model_copy(update={"horizon": OPENED + 100 * 24 * HOUR})
    assert prolong_calendar(today, ACCOUNT, OPENED, cut) == whole

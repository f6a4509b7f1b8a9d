"""The policy: the shipped default says exactly the tables of the design, and becomes the terms of a ticket."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from domain.calendars.calendar import WALL, CalendarError
from domain.clocks.terms import Cell, Gates, Limits, PriorityTerms
from domain.core.enums import Category, Channel, Plan, Priority
from domain.policy.grammar import ALWAYS_OPEN
from domain.policy.policy import Notice, Policy
from domain.ticket.state import Account
from services.policy_file.load import load_policy, resolve_terms
from tests.support.durations import DAY, HOUR, MINUTE

OPENED = datetime(2026, 5, 12, 8, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy()


def terms_of(policy, plan, *, zone=None, region=None, at=OPENED):
    return resolve_terms(policy, Account(id="acme", plan=plan, zone=zone, region=region), at)


# The tables, written out by hand. A cell is (budget or business days, clock).

PLANS = {
    # plan: paid, path, first response, critical response, resolution
    "free": (False, "community", 48 * HOUR, None, None),
    "standard": (True, "standard", 8 * HOUR, 4 * HOUR, 48 * HOUR),
    "premium": (True, "priority", 4 * HOUR, 1 * HOUR, 24 * HOUR),
    "enterprise": (True, "engineering", 1 * HOUR, 15 * MINUTE, 8 * HOUR),
}
SERVICE = {
    # plan: calendar, channels, CSM, credit
    "free": ("business", {"email"}, "none", "0"),
    "standard": ("business", {"email", "chat"}, "none", "0"),
    "premium": ("extended", {"email", "chat", "phone"}, "shared", "5"),
    "enterprise": ("always", {"email", "chat", "phone", "in-app", "slack", "teams"}, "named", "10"),
}
PRIORITIES = {
    # priority: response, resolution, clock
    "P0": (15 * MINUTE, 4 * HOUR, "wall"),
    "P1": (1 * HOUR, 8 * HOUR, "plan"),
    "P2": (4 * HOUR, 48 * HOUR, "plan"),
    "P3": (8 * HOUR, 5, "plan"),
    "P4": (24 * HOUR, None, "plan"),
}


def as_cell(source, given, clock="plan", binding=True):
    if given is None:
        return None
    if isinstance(given, int):
        return Cell(source=source, days=given)
    return Cell(source=source, budget=given, clock=clock, binding=binding)


@pytest.mark.parametrize("plan", PLANS)
def test_c1_the_contract_is_the_row_of_the_plan(policy, plan):
    paid, path, first, critical, resolution = PLANS[plan]
    row = terms_of(policy, Plan(plan)).plan
    assert (row.paid, row.path) == (paid, path)
    assert row.first_response == as_cell(f"plans.{plan}.first_response", first, binding=plan != "free")
    assert row.critical_response == as_cell(f"plans.{plan}.critical_response", critical)
    assert row.resolution == as_cell(f"plans.{plan}.resolution", resolution)


@pytest.mark.parametrize("plan", SERVICE)
def test_f2_channels_csm_and_credit_are_those_of_the_plan(policy, plan):
    calendar, channels, csm, credit = SERVICE[plan]
    terms = terms_of(policy, Plan(plan))
    assert terms.calendar.name == calendar
    assert set(terms.plan.channels) == {Channel(channel) for channel in channels}
    assert (terms.plan.csm, terms.plan.credit_percent) == (csm, Decimal(credit))


@pytest.mark.parametrize("plan", ["standard", "premium", "enterprise"])
@pytest.mark.parametrize("priority", PRIORITIES)
def test_c1_c3_c7_the_target_is_the_row_of_the_priority_and_only_p0_is_on_the_wall(policy, plan, priority):
    response, resolution, clock = PRIORITIES[priority]
    row = terms_of(policy, Plan(plan)).priorities[Priority(priority)]
    assert row.response == as_cell(f"priorities.{priority}.response", response, clock)
    assert row.resolution == as_cell(f"priorities.{priority}.resolution", resolution, clock)


def test_c13_free_has_no_target_clock_and_its_first_response_is_best_effort(policy):
    terms = terms_of(policy, Plan.FREE)
    assert terms.priorities == {priority: PriorityTerms() for priority in Priority}
    assert terms.plan.first_response is not None
    assert terms.plan.first_response.binding is False


def test_c2_g1_g2_g6_g9_c11_c12_critical_limits_and_sources_are_the_defaults_of_the_core(policy):
    terms = terms_of(policy, Plan.STANDARD)
    assert terms.critical == (Priority.P0,)
    assert terms.limits == Limits(
        t1_limit=15 * MINUTE,
        t1_mode="enforce",
        t1_notes=(10 * MINUTE, 13 * MINUTE),
        t1_grace=15 * MINUTE,
        debt=30 * MINUTE,
        guess=5 * MINUTE,
        quiet=3 * DAY,
        effect_alert=10 * MINUTE,
        evidence=24 * HOUR,
        warnings=(50, 75, 90),
    )
    assert terms.trusted == ("mail", "helpdesk", "phone")
    assert terms.policy == "default-1"


def test_g3_g4_g9_the_gates_ask_for_the_names_of_the_design_in_their_order(policy):
    words = (Category.HOW_TO, Category.FEATURE, Category.BILLING, Category.ACCOUNT, Category.CANCELLATION)
    assert terms_of(policy, Plan.STANDARD).gates == Gates(
        t2=("steps_taken", "customer_impact", "reproduction_steps", "logs_or_screenshots"),
        t3=("bug_report", "business_impact", "workaround_status", "communication_plan"),
        not_applicable={"reproduction_steps": words, "logs_or_screenshots": words},
        identity_check=(Category.ACCOUNT,),
        identity_tags=("identity",),
    )


def test_f5_who_is_told_of_what(policy):
    assert terms_of(policy, Plan.STANDARD).notices == {
        "warning": ("assignee",),
        "target_missed": ("assignee", "lead"),
        "contract_breach": ("lead", "ops", "csm"),
        "t1_limit": ("assignee", "lead"),
        "effect_failing": ("ops",),
        "integration_failing": ("ops",),
        "churn": ("csm",),
        "survey": ("customer",),
        "fix_shipped": ("customer",),
        # What G2 and G6 ask for besides.
        "t1_note": ("assignee",),
        "t1_reminder": ("lead",),
        "guessed_p0": ("duty",),
        "debt_overdue": ("assignee", "lead"),
        "engineering_answered": ("assignee",),
        # What an incident's people hear of besides the page.
        "incident_update_due": ("commander", "communications"),
        "incident_update_late": ("commander", "manager"),
        "incident_unanswered": ("manager", "lead", "ops"),
        "incident_review_due": ("commander", "lead"),
        "question_asked": ("asked",),
        "question_answered": ("asker",),
        "question_overdue": ("asked", "lead"),
        "promise_due": ("promiser",),
        "promise_broken": ("promiser", "lead"),
        "promise_at_risk": ("promiser", "lead"),
        "attention_asked": ("lead",),
        "attention_overdue": ("lead", "manager"),
        "survey_reminder": ("customer",),
        "low_score": ("lead",),
        "refund_requested": ("lead",),
        "refund_decided": ("asker",),
        "cancellation": ("csm", "lead"),
    }


def test_f5_no_notice_about_a_running_clock_waits_for_the_morning(policy):
    held = {notice for notice, row in policy.notices.items() if row.quiet_hours == "hold"}
    assert held == {
        Notice.CHURN, Notice.SURVEY, Notice.SURVEY_REMINDER, Notice.FIX_SHIPPED, Notice.INCIDENT_REVIEW_DUE,
        Notice.WEEK_REPORT,
    }  # fmt: skip


def test_f1_churn_is_two_urgent_tickets_in_thirty_days(policy):
    churn = policy.churn
    assert (churn.tickets, churn.priorities) == (2, (Priority.P0, Priority.P1))
    assert (churn.within, churn.arr_over) == (30 * DAY, Decimal(50_000))


# Calendars: the hours of the plan, in the place of the account.


def test_business_hours_are_nine_to_five_in_berlin_and_closed_on_german_holidays(policy):
    calendar = terms_of(policy, Plan.STANDARD).calendar
    assert calendar.zone == "Europe/Berlin"
    assert not calendar.is_open(datetime(2026, 5, 12, 6, 59, 59, tzinfo=UTC))
    assert calendar.is_open(datetime(2026, 5, 12, 7, 0, tzinfo=UTC))
    assert not calendar.is_open(datetime(2026, 5, 12, 15, 0, tzinfo=UTC))
    assert not calendar.is_open(datetime(2026, 5, 14, 9, 0, tzinfo=UTC))  # Ascension Day
    assert not calendar.is_open(datetime(2026, 5, 16, 9, 0, tzinfo=UTC))  # a Saturday


def test_extended_hours_are_sixteen_a_day(policy):
    calendar = terms_of(policy, Plan.PREMIUM).calendar
    monday = datetime(2026, 5, 11, tzinfo=UTC)
    assert calendar.elapsed(monday, monday + DAY) == 16 * HOUR
    assert calendar.is_open(datetime(2026, 5, 11, 4, 0, tzinfo=UTC))
    assert not calendar.is_open(datetime(2026, 5, 11, 20, 0, tzinfo=UTC))


def test_enterprise_hours_never_close(policy):
    calendar = terms_of(policy, Plan.ENTERPRISE).calendar
    christmas = datetime(2026, 12, 25, tzinfo=UTC)
    assert calendar.closed == ()
    assert calendar.elapsed(christmas, christmas + 7 * DAY) == 7 * DAY


def test_an_account_with_its_own_zone_has_its_hours_and_the_holidays_of_that_country(policy):
    calendar = terms_of(policy, Plan.STANDARD, zone="America/New_York").calendar
    assert calendar.is_open(datetime(2026, 5, 14, 13, 0, tzinfo=UTC))  # 09:00 there, a holiday in Germany
    assert not calendar.is_open(datetime(2026, 5, 14, 12, 59, tzinfo=UTC))
    assert date(2026, 11, 26) in {closed.day for closed in calendar.closed}  # Thanksgiving


def test_the_region_of_an_account_decides_its_holidays(policy):
    bavaria = {closed.day for closed in terms_of(policy, Plan.STANDARD, region="DE-BY").calendar.closed}
    germany = {closed.day for closed in terms_of(policy, Plan.STANDARD).calendar.closed}
    epiphany = date(2027, 1, 6)
    assert epiphany in bavaria
    assert epiphany not in germany


def test_a_zone_without_a_country_has_no_holidays(policy):
    assert terms_of(policy, Plan.STANDARD, zone="UTC").calendar.closed == ()


@pytest.mark.parametrize("place", [{"zone": "Europe/Nowhere"}, {"region": "XX"}, {"region": "DE-XX"}])
def test_a_place_that_does_not_exist_is_refused(policy, place):
    with pytest.raises(CalendarError):
        terms_of(policy, Plan.STANDARD, **place)


def test_terms_know_their_calendar_for_three_years_at_least(policy):
    for at in (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)):
        assert terms_of(policy, Plan.STANDARD, at=at).calendar.horizon >= at + 3 * 365 * DAY


def test_tickets_of_one_quarter_share_one_object(policy):
    first = terms_of(policy, Plan.STANDARD, at=datetime(2026, 4, 1, tzinfo=UTC))
    last = terms_of(policy, Plan.STANDARD, at=datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC))
    assert first is last


def test_terms_stay_under_six_kilobytes(policy):
    for plan in Plan:
        assert len(terms_of(policy, plan).model_dump_json()) < 6.6 * 1024


def test_anything_that_has_a_plan_and_a_place_is_an_account(policy):
    @dataclass(frozen=True)
    class Row:
        plan: Plan
        zone: str | None = None
        region: str | None = None

    assert resolve_terms(policy, Row(Plan.FREE), OPENED) is terms_of(policy, Plan.FREE)


# The policy of demonstrations.


def test_at_speed_sixty_a_minute_takes_a_second(policy):
    terms = terms_of(policy.at_speed(60), Plan.ENTERPRISE)
    second = timedelta(seconds=1)
    assert terms.policy == "default-1-x60"
    assert terms.plan.first_response == as_cell("plans.enterprise.first_response", 60 * second)
    assert terms.plan.critical_response == as_cell("plans.enterprise.critical_response", 15 * second)
    assert terms.priorities[Priority.P0].response == as_cell("priorities.P0.response", 15 * second, "wall")
    assert terms.limits.t1_limit == 15 * second
    assert terms.limits.t1_notes == (10 * second, 13 * second)
    assert terms.limits.quiet == 72 * 60 * second
    assert (terms.limits.warnings, terms.limits.t1_mode) == ((50, 75, 90), "enforce")


def test_at_speed_a_business_day_is_twenty_four_hours(policy):
    cell = terms_of(policy.at_speed(60), Plan.STANDARD).priorities[Priority.P3].resolution
    assert cell == as_cell("priorities.P3.resolution", 5 * 24 * HOUR / 60)


def test_at_speed_every_calendar_is_open_and_nothing_is_held(policy):
    fast = policy.at_speed(60)
    assert {(row.hours, row.holidays) for row in fast.calendars.values()} == {(ALWAYS_OPEN, "none")}
    assert fast.quiet_hours is None
    calendar = terms_of(fast, Plan.STANDARD, zone="America/New_York").calendar
    assert calendar.elapsed(OPENED, OPENED + 30 * DAY) == WALL.elapsed(OPENED, OPENED + 30 * DAY)


def test_at_speed_leaves_the_policy_itself_alone(policy):
    before = policy.model_copy(deep=True)
    policy.at_speed(60)
    assert policy == before


def test_policies_of_one_version_that_differ_do_not_share_terms(policy):
    limits = policy.limits.model_copy(update={"t1_limit": 20 * MINUTE})
    edited = policy.model_copy(update={"limits": limits})
    assert terms_of(edited, Plan.STANDARD).limits.t1_limit == 20 * MINUTE
    assert terms_of(policy, Plan.STANDARD).limits.t1_limit == 15 * MINUTE


def test_every_limit_of_the_core_is_in_the_file(policy):
    assert set(type(policy.limits).model_fields) == set(Limits.model_fields)
    in_the_file = {"identity"} | {name for name in Gates.model_fields if not name.startswith("identity_")}
    assert set(type(policy.gates).model_fields) == in_the_file | {"identity_check", "identity_tags"}

"""C1-C4, C6, C7, C9, C13: the clocks of a ticket, on the default policy."""

from datetime import timedelta

import pytest

from domain.clocks.clock import effective, leg_due
from domain.clocks.terms import Cell
from domain.core.enums import Metric, Priority, SlaState
from domain.ticket.aggregate import notices
from domain.ticket.derived import sla_deadline, sla_state
from tests.support.durations import HOUR
from tests.support.packages import RECORD, T3_PACKAGE
from tests.support.ticket_case import at, contract, done, given, in_tier, limits, phoned, targets

# -- C1: two clocks per metric ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "priority", "first_response", "resolution"),
    [
        ("standard", "P0", ("13:00", "09:15"), ("Mon+1 17:00", "13:00")),
        ("standard", "P1", ("17:00", "10:00"), ("Mon+1 17:00", "17:00")),
        ("standard", "P2", ("17:00", "13:00"), ("Mon+1 17:00", "Mon+1 09:00")),
        ("standard", "P3", ("17:00", "17:00"), ("Mon+1 17:00", "Mon+1 09:00")),
        ("standard", "P4", ("17:00", "Wed 17:00"), (None, None)),
        ("premium", "P0", ("10:00", "09:15"), ("Tue 17:00", "13:00")),
        ("premium", "P2", ("13:00", "13:00"), ("Tue 17:00", "Thu 09:00")),
        ("enterprise", "P0", ("09:15", "09:15"), ("17:00", "13:00")),
        ("enterprise", "P2", ("10:00", "13:00"), ("17:00", "Wed 09:00")),
        ("enterprise", "P3", ("10:00", "17:00"), ("17:00", "Sat 09:00")),
        ("free", "P2", ("Mon+1 17:00", None), (None, None)),
    ],
)
def test_c1_contract_comes_from_the_plan_and_target_from_the_priority(plan, priority, first_response, resolution):
    # P0 is guessed here, so that nothing but its clocks happens at the opening.
    case = given(plan, priority, priority_guessed=True)
    expected = []
    for side in (0, 1):
        for pair in (first_response, resolution):
            expected.append(at(pair[side]) if pair[side] else None)
    found = [case.due(s, m) for s in ("contract", "target") for m in ("first_response", "resolution")]
    assert found == expected


def test_c1_each_clock_knows_its_cell():
    case = given("standard", "P0", priority_guessed=True)
    cells = {(k.side.value, k.metric.value): k.legs[k.leading].cell.source for k in case.ticket.clocks}
    assert cells == {
        ("contract", "first_response"): "plans.standard.critical_response",
        ("contract", "resolution"): "plans.standard.resolution",
        ("target", "first_response"): "priorities.P0.response",
        ("target", "resolution"): "priorities.P0.resolution",
    }


def test_c1_the_effective_clock_is_the_earlier_of_the_two():
    case = given("standard", "P2")
    assert effective(case.ticket.clocks, Metric.FIRST_RESPONSE) == case.clock("target", "first_response")
    assert sla_deadline(case.ticket) == at("13:00")
    case = given("enterprise", "P2")
    assert effective(case.ticket.clocks, Metric.FIRST_RESPONSE) == case.clock("contract", "first_response")


def test_c1_a_missed_target_is_no_breach_and_the_contract_goes_on():
    case = given("standard", "P2")
    case.wake("16:59:59")
    assert case.lapses() == [("target", "first_response", at("13:00"))]
    assert sla_state(case.ticket) is SlaState.TARGET_MISSED
    assert sla_deadline(case.ticket) == at("17:00")
    case.wake("17:00")
    assert case.lapses()[1:] == [("contract", "first_response", at("17:00"))]
    assert sla_state(case.ticket) is SlaState.BREACHED
    assert case.last("lapsed").cell == "plans.standard.first_response"


# -- C2: critical -------------------------------------------------------------------------------------------


def test_c2_critical_is_a_list_in_the_policy():
    p1_too = given("premium", "P1", change=lambda t: t.model_copy(update={"critical": (Priority.P0, Priority.P1)}))
    assert p1_too.due("contract", "first_response") == at("10:00")
    assert given("premium", "P1").due("contract", "first_response") == at("13:00")


def test_c2_a_plan_without_a_critical_response_keeps_its_first_response():
    assert given("free", "P0").due("contract", "first_response") == at("Mon+1 17:00")


# -- C3, C4: which clock, and to the second -------------------------------------------------------------------


def test_c3_a_p0s_target_ticks_on_the_wall_and_its_contract_in_support_hours():
    case = given("standard", "P0", at="Sat 03:00", priority_guessed=True)
    assert case.due("target", "first_response") == at("Sat 03:15")
    assert case.due("contract", "first_response") == at("Mon+1 13:00")


def test_c3_support_hours_are_those_of_the_accounts_own_zone():
    case = given("standard", "P3", zone="America/New_York")  # 09:00 in Berlin is 03:00 there
    assert case.due("contract", "first_response") == at("23:00")


def test_c4_what_ends_exactly_with_the_hours_is_due_at_closing_time():
    assert given("standard", "P3").due("contract", "first_response") == at("17:00")
    assert given("standard", "P3", at="09:00:01").due("contract", "first_response") == at("Tue 09:00:01")


def test_c4_a_clock_is_met_at_its_due_instant_and_not_a_second_later():
    punctual, late = given("standard", "P3"), given("standard", "P3")
    punctual.do("respond", at="17:00", text="Hello")
    punctual.wake("Tue 12:00")
    assert punctual.lapses() == []
    late.do("respond", at="17:00:01", text="Hello")
    assert ("contract", "first_response", at("17:00")) in late.lapses()
    assert late.clock("contract", "first_response").met_at == at("17:00:01")


def test_c4_not_breached_a_microsecond_before_and_breached_at_the_instant():
    case = given("standard", "P3")
    case.wake(at("17:00") - timedelta(microseconds=1))
    assert case.lapses() == []
    case.wake("17:00")
    assert ("contract", "first_response", at("17:00")) in case.lapses()


def test_c4_a_response_at_the_due_instant_counts_even_if_the_timer_was_quicker():
    case = given("standard", "P3")
    case.wake("17:00")
    case.do("respond", at="17:00", text="Hello")
    assert case.clock("contract", "first_response").breach.status == "withdrawn"


def test_c4_five_business_days_are_the_same_local_time_five_open_days_on():
    assert given("standard", "P3", at="Wed 11:30").due("target", "resolution") == at("Wed+1 11:30")
    assert given("enterprise", "P3", at="Sat 03:00").due("target", "resolution") == at("Thu+1 03:00")


# -- C6: pending ----------------------------------------------------------------------------------------------


def test_c6_pending_stops_the_resolution_clocks_and_costs_business_time():
    case = phoned("standard", "P1")  # target 8 h: Monday 17:00; contract 48 h: next Monday 17:00
    case.do("wait", at="16:00", question="Which browser?")
    assert case.due("contract", "resolution") is None
    assert case.due("target", "resolution") is None
    assert sla_state(case.ticket) is SlaState.PAUSED
    case.do("reply", at="Tue 10:00", role="customer", text="Firefox")
    # One hour of Monday and one of Tuesday were waited: the night costs nothing.
    assert case.due("target", "resolution") == at("Tue 11:00")
    assert case.due("contract", "resolution") == at("Tue+1 11:00")


def test_c6_a_wall_clock_is_stopped_by_wall_time():
    case = given("standard", "P0", priority_guessed=True, change=limits(guess=timedelta(days=9)))
    case.do("wait", at="10:00", question="Is it everyone?")
    case.do("reply", at="11:30", role="customer", text="Yes")
    assert case.due("target", "resolution") == at("14:30")


def test_c6_several_pauses_add_up():
    case = phoned("standard", "P1")
    for begin, end in (("10:00", "10:30"), ("11:00", "11:00:01"), ("16:30", "Tue 09:15")):
        case.do("wait", at=begin, question="And now?")
        case.do("reply", at=end, role="customer", text="Still")
    assert case.due("target", "resolution") == at("Tue 10:15:01")


def test_c6_nothing_lapses_and_nobody_is_warned_while_pending():
    case = phoned("standard", "P1")
    case.do("wait", at="12:59", question="Which browser?")
    case.wake("Fri+1 17:00")
    assert case.lapses() == []
    assert case.warnings() == []
    assert case.next() is None


def test_c6_going_to_pending_needs_a_question():
    refused = given().refused("wait", "09:05", question=" \t\n")
    assert (refused.code, refused.missing) == ("missing_fields", ["question"])


def test_c6_waiting_on_engineering_stops_nothing():
    case = in_tier("T3")
    before = case.due("contract", "resolution")
    done(case, at="09:06", jira_key="SUP-1")
    assert case.due("contract", "resolution") == before
    case.wake("Mon+1 17:00")
    assert ("contract", "resolution", at("Mon+1 17:00")) in case.lapses()


def test_c6_escalating_or_resolving_ends_the_waiting():
    case = in_tier("T2")
    case.do("wait", at="10:00", question="Which browser?")
    case.do("resolve", at="11:00", **RECORD)
    assert case.last("wait_ended").why == "resolved"
    case = in_tier("T2")
    case.do("wait", at="10:00", by="tom", question="Which browser?")
    case.do("escalate", at="11:00", by="tom", fields=T3_PACKAGE)
    assert case.last("wait_ended").why == "escalated"
    assert case.due("contract", "resolution") == at("Tue+1 10:00")  # one hour was waited


# -- C7: resolution -------------------------------------------------------------------------------------------


def test_c7_solved_meets_the_resolution_clocks():
    case = phoned("standard", "P1")
    case.do("resolve", at="10:00", **RECORD)
    assert case.clock("contract", "resolution").met_at == at("10:00")
    assert case.clock("target", "resolution").met_at == at("10:00")
    case.wake("Wed 12:00")
    assert case.lapses() == []


def test_c7_a_workaround_meets_them_and_the_customer_hears_of_the_fix_later():
    case = in_tier("T3")
    done(case, at="09:06", jira_key="SUP-1")
    case.do("resolve", at="10:00", **(RECORD | {"resolution": "workaround"}))
    assert case.clock("contract", "resolution").met_at == at("10:00")
    assert case.ticket.issue is not None
    assert case.ticket.issue.open
    _, event = case.jira("14:00", "done")
    assert case.ticket.status == "resolved"
    assert [(n.name, n.audience) for n in notices(case.ticket, event)] == [("fix_shipped", "customer")]


@pytest.mark.parametrize(
    "record",
    [
        {"resolution": "wont_fix", "customer_reason": "It is meant to be so."},
        {"resolution": "duplicate", "parent": "4k7m-3q9x-tbd2", "message": "We follow it there."},
    ],
)
def test_c7_an_end_without_a_solution_stops_the_clocks_and_does_not_meet_them(record):
    case = phoned("standard", "P1")
    case.do("resolve", at="10:00", **record)
    assert case.clock("contract", "resolution").met_at is None
    case.wake("Wed 17:00")
    assert case.lapses() == []


@pytest.mark.parametrize(("priority", "category"), [("P4", "how-to"), ("P2", "feature")])
def test_c7_requests_have_no_contract_resolution(priority, category):
    assert given("enterprise", priority, category).clock("contract", "resolution") is None


def test_c7_a_request_acknowledged_with_a_link_meets_its_target():
    case = given("standard", "P2", "feature")
    case.do("resolve", at="10:00", resolution="feature_request", message="Noted", link="https://ideas.example/7")
    assert case.clock("target", "resolution").met_at == at("10:00")


def test_c7_a_contract_resolution_that_only_the_right_category_has_counts_from_the_correction():
    case = given("enterprise", "P2", "feature")
    case.do("amend", at="11:00", category="bug")
    assert case.due("contract", "resolution") == at("19:00")
    for category in ("feature", "bug", "integration"):
        case.do("amend", at="12:00", category=category)
        assert case.due("contract", "resolution") == at("19:00")  # what runs goes on
        assert len(case.ticket.clocks) == 4


def test_c7_a_correction_that_brings_no_promise_changes_no_clock():
    case = given("enterprise", "P4", "feature")
    before = case.ticket.clocks
    case.do("amend", at="09:30", category="how-to")
    assert case.ticket.clocks == before


# -- C9: never later than a lower priority ---------------------------------------------------------------------


def test_c9_a_target_is_never_later_than_that_of_a_lower_priority():
    case = given("standard", "P2")  # 48 business hours would be next Monday 17:00; P3 has five business days
    clock = case.clock("target", "resolution")
    assert clock.due == at("Mon+1 09:00")
    assert clock.legs[clock.leading].cell.source == "priorities.P3.resolution"
    assert given("enterprise", "P2").due("target", "resolution") == at("Wed 09:00")  # 48 h come first around the clock


def test_c9_a_lower_priority_that_is_never_earlier_is_left_out():
    assert [leg.cell.source for leg in given("standard", "P3").clock("target", "first_response").legs] == [
        "priorities.P3.response"
    ]


def test_c9_a_lower_priority_on_the_wall_may_be_the_earlier():
    wall = Cell(source="priorities.P3.response", budget=6 * HOUR, clock="wall")
    case = given("standard", "P2", at="16:00", change=targets(P3_response=wall))
    assert case.due("target", "first_response") == at("22:00")  # four business hours would be Tuesday 12:00


def test_c9_a_lower_priority_in_support_hours_may_be_earlier_than_the_wall():
    own = Cell(source="priorities.P2.response", budget=6 * HOUR, clock="wall")
    lower = Cell(source="priorities.P3.response", budget=2 * HOUR)
    case = given("standard", "P2", change=targets(P2_response=own, P3_response=lower))
    assert case.due("target", "first_response") == at("11:00")


@pytest.mark.parametrize("days", [2, 4])
def test_c9_counts_between_business_days_too(days):
    own = Cell(source="priorities.P2.resolution", days=3)
    lower = Cell(source="priorities.P3.resolution", days=days)
    case = given("standard", "P2", change=targets(P2_resolution=own, P3_resolution=lower))
    assert case.due("target", "resolution") == at("Wed 09:00" if days == 2 else "Thu 09:00")


def test_c9_hours_may_be_earlier_than_business_days():
    own = Cell(source="priorities.P2.resolution", days=3)
    lower = Cell(source="priorities.P3.resolution", budget=2 * HOUR)
    case = given("standard", "P2", change=targets(P2_resolution=own, P3_resolution=lower))
    assert case.due("target", "resolution") == at("11:00")


def test_c9_a_priority_without_a_target_borrows_none():
    case = given("standard", "P2", change=targets(P2_resolution=None))
    assert case.clock("target", "resolution") is None


def test_c9_holds_for_every_plan_and_priority_at_every_hour_of_a_week():
    for plan in ("standard", "premium", "enterprise"):
        for hour in range(0, 168, 7):
            opened = at("00:00") + hour * HOUR
            for metric in ("first_response", "resolution"):
                dues = [given(plan, p, at=opened, priority_guessed=True).due("target", metric) for p in Priority]
                known = [due for due in dues if due]
                assert known == sorted(known), (plan, opened, metric)


# -- C13: best effort -------------------------------------------------------------------------------------------


def test_c13_free_is_shown_never_warned_of_never_breached_and_has_no_target():
    case = given("free", "P1")
    assert case.due("contract", "first_response") == at("Mon+1 17:00")
    assert [clock.side for clock in case.ticket.clocks] == ["contract"]
    assert sla_state(case.ticket) is SlaState.NONE
    assert sla_deadline(case.ticket) is None
    assert case.next() is None
    case.wake("Fri+1 17:00")
    assert case.types() == ["opened"]


# -- What the calendar does not know ----------------------------------------------------------------------------


def test_a_budget_that_outlives_the_calendar_has_no_due_instant_and_stops_nothing():
    forever = Cell(source="plans.standard.resolution", budget=timedelta(days=366))  # eight years of business days
    case = given("standard", "P2", change=contract(resolution=forever))
    assert case.clock("contract", "resolution").due is None
    assert case.due("contract", "first_response") == at("17:00")
    case.do("take", at="09:01")
    case.do("wait", at="09:02", question="Which browser?")
    case.do("reply", at="09:03", role="customer", text="Firefox")
    assert case.clock("contract", "resolution").due is None


def test_the_leg_that_is_known_counts_even_if_another_outlives_the_calendar():
    forever = Cell(source="priorities.P2.resolution", budget=timedelta(days=366))
    case = given("standard", "P2", change=targets(P2_resolution=forever))
    clock = case.clock("target", "resolution")
    assert clock.due == at("Mon+1 09:00")
    assert clock.due == leg_due(clock.legs[clock.leading], case.ticket.terms)

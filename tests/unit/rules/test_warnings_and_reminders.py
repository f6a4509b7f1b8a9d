"""C11, G2, C8: what is warned of once a clock is missed, reminders that nobody could give, and what a change of
priority says of the dues. A ticket from before version 4 of the core is decided on as it was."""

import pytest

from domain.clocks.clock import effective
from domain.core.enums import Metric, Side
from domain.ticket.aggregate import notices
from domain.ticket.derived import sla_deadline
from services.reading.timeline import summary_of
from tests.support.packages import T2_PACKAGE
from tests.support.ticket_case import Case, at, given, phoned, replace_terms, terms_of


def version(number: int):
    """Terms of an earlier version of the core."""
    return lambda terms: terms.model_copy(update={"core_version": number})


def first_response(case: Case) -> list[tuple[object, int]]:
    return [(moment, shares["first_response"]) for moment, shares in case.warnings() if "first_response" in shares]


# -- C11: the clock that is left -------------------------------------------------------------------------------


def test_c11_after_the_missed_target_the_contract_is_warned_of_at_15_00_and_16_12():
    case = given("standard", "P2", at="08:00")  # both count from 09:00: target 4 h, contract 8 h
    case.wake("16:59")
    assert case.lapses()[0] == ("target", "first_response", at("13:00"))
    assert first_response(case) == [
        (at("11:00"), 50),
        (at("12:00"), 75),
        (at("12:36"), 90),
        (at("15:00"), 75),  # of 8 h; its 50 % were at 13:00, with the miss
        (at("16:12"), 90),
    ]


def test_c11_a_p0_of_a_saturday_is_warned_of_its_contract_on_monday():
    case = given("standard", "P0", at="Sat 03:00")
    case.wake("Sat 03:20")
    last_of_target = first_response(case)[-1]
    assert last_of_target == (at("Sat 03:13:30"), 90)
    due = case.due("contract", "first_response")
    case.wake(due)
    later = [moment for moment, _ in first_response(case)[3:]]
    assert later == [at("Mon+1 11:00"), at("Mon+1 12:00"), at("Mon+1 12:36")]
    assert due == at("Mon+1 13:00")


def test_c11_after_a_breached_contract_the_target_that_is_later_is_warned_of():
    case = given("premium", "P3")  # contract 4 h, target 1 business day
    case.wake("12:59")
    contract = len(first_response(case))
    case.wake("Tue 08:00")
    target = case.due("target", "first_response")
    assert case.lapses()[0][:2] == ("contract", "first_response")
    assert [share for _, share in first_response(case)[contract:]] == [75, 90]
    assert target > at("13:00")


def test_c11_the_clock_that_is_shown_is_the_one_that_still_runs():
    case = given("standard", "P2")
    case.wake("13:30")
    shown = effective(case.ticket.clocks, Metric.FIRST_RESPONSE)
    assert (shown.side, shown.due) == (Side.CONTRACT, at("17:00"))
    assert sla_deadline(case.ticket) == at("17:00")


def test_c11_when_both_are_missed_nothing_more_is_warned_of():
    case = given("standard", "P2")
    case.wake("Tue 09:00")
    before = first_response(case)
    case.wake("Wed 17:00")
    assert first_response(case) == before


def test_c11_the_warning_says_of_which_clock_it_is_where_the_other_is_missed():
    case = given("standard", "P2")
    case.wake("15:00")
    warned = [event for event in case.of("warned") if Metric.FIRST_RESPONSE in event.body.shares]
    assert notices(case.ticket, warned[-1])[0].title == "75 % of first response (contract) is used up"


def test_c11_before_version_4_a_missed_clock_stays_the_one_that_is_not_warned_of():
    case = given("standard", "P2", change=version(3))
    case.wake("16:59")
    assert [share for _, share in first_response(case)] == [50, 75, 90]


# -- G2: reminders that were missed are one ----------------------------------------------------------------------


def test_g2_an_outage_until_12_00_is_one_reminder_whatever_else_was_due():
    case = given(priority="P1")
    case.do("take", at="09:00")
    case.wake("12:00")
    assert case.lapses() == [("target", "first_response", at("10:00"))]
    assert [event.body.due for event in case.of("limit_reminded")] == [at("12:00")]
    dues = [event.body.due for event in case.events if hasattr(event.body, "due")]
    assert dues == sorted(dues) == [event.at for event in case.events if hasattr(event.body, "due")]


def test_g2_an_outage_from_monday_10_00_to_tuesday_10_07_is_one_reminder_of_10_00():
    case = given(priority="P1")
    case.do("take", at="09:00")
    for moment in ("09:15", "09:30", "09:45", "10:00"):
        case.wake(moment)
    already = len(case.of("limit_reminded"))
    case.wake("Tue 10:07")
    assert [event.body.due for event in case.of("limit_reminded")[already:]] == [at("Tue 10:00")]
    assert ("contract", "first_response", at("17:00")) in case.lapses()


def test_g2_what_was_missed_before_a_command_is_one_reminder_as_well():
    case = given(priority="P1")
    case.do("take", at="09:00")
    case.do("note", at="11:50", text="Back again.")
    assert [event.body.due for event in case.of("limit_reminded")] == [at("11:45")]
    assert case.types()[-1] == "noted"


def test_g2_without_an_outage_each_reminder_comes_in_its_turn():
    case = given(priority="P1")
    case.do("take", at="09:00")
    for minute in range(541, 661):
        case.wake(f"{minute // 60:02}:{minute % 60:02}")
    reminded = [event.body.due for event in case.of("limit_reminded")]
    assert reminded == [at(moment) for moment in ("09:30", "09:45", "10:00", "10:15", "10:30", "10:45", "11:00")]


def test_g2_before_version_4_reminders_are_one_up_to_the_next_other_deadline():
    case = given(priority="P1", change=version(3))
    case.do("take", at="09:00")
    case.wake("12:00")
    reminded = [event.body.due for event in case.of("limit_reminded")]
    assert reminded == [at("09:30"), at("09:45"), at("12:00")]


# -- C8: a change of priority and its dues -----------------------------------------------------------------------


def test_c8_a_change_of_priority_records_each_due_before_and_after():
    case = given("standard", "P3")
    before = {(c.side, c.metric): c.due for c in case.ticket.clocks}
    case.do("prioritise", at="10:00", priority="P1", reason="The whole office.")
    body = case.last("prioritised")
    after = {(c.side, c.metric): c.due for c in case.ticket.clocks}
    assert {(d.side, d.metric): d.before for d in body.dues} == before
    assert {(d.side, d.metric): d.after for d in body.dues} == after
    assert after["target", "first_response"] == at("11:00")


def test_c8_the_timeline_shows_the_dues_that_moved():
    case = given("standard", "P2")
    case.do("prioritise", at="10:00", priority="P1", reason="The whole office.")
    line = summary_of(case.last("prioritised"))
    assert line.startswith("priority from P2 to P1 (")
    assert "target first response due 2026-11-23 10:00" in line
    assert "was 2026-11-23 12:00" in line
    assert "contract first response" not in line, "it stays where it was"


def test_c8_what_is_met_and_a_priority_that_is_only_confirmed_have_no_dues_to_tell():
    case = phoned("standard", "P2")
    case.do("prioritise", at="10:00", priority="P1", reason="The whole office.")
    assert {change.metric for change in case.last("prioritised").dues} == {Metric.RESOLUTION}
    guessed = given("free", "P0", priority_guessed=True)
    guessed.do("prioritise", at="09:10", priority="P0", reason="It is one.")
    assert guessed.last("prioritised").dues == ()
    assert summary_of(guessed.last("prioritised")) == "priority from P0 to P0"


def test_c8_before_version_4_the_event_is_as_it_was():
    case = given("standard", "P2", change=version(3))
    case.do("prioritise", at="10:00", priority="P1", reason="The whole office.")
    assert case.last("prioritised").dues == ()


# -- G2: a limit that was reached on Free ------------------------------------------------------------------------


def upgraded(change=None, plan: str = "standard") -> Case:
    """Taken on Free at 09:00, past the limit at 09:15, and on a paid plan at 12:00."""
    case = given("free", "P2", change=change)
    case.do("take", at="09:00")
    case.wake("09:20")
    terms = change(terms_of(plan)) if change else terms_of(plan)
    replace_terms(case, "12:00", terms, plan)
    return case


def test_g2_a_limit_reached_on_free_counts_anew_from_the_upgrade_at_12_00():
    case = upgraded()
    assert not case.ticket.escalation_due
    case.do("step", at="12:05", text="Cleared the cache.")
    case.wake("12:14:59")
    assert [event.at for event in case.of("limit_noted")] == [at("12:10"), at("12:13")]
    case.wake("12:15")
    reached = case.of("limit_reached")[-1]
    assert (reached.at, case.ticket.escalation_due) == (at("12:15"), True)
    assert [notice.audience for notice in notices(case.ticket, reached)] == ["assignee", "lead"]
    case.wake("12:30")
    assert [event.at for event in case.of("limit_reminded")] == [at("12:30")]


def test_g2_a_package_that_was_complete_on_free_goes_up_at_the_new_limit():
    case = given("free", "P2")
    case.do("take", at="09:00")
    case.do("fill", at="09:01", fields=T2_PACKAGE)
    case.wake("09:20")
    replace_terms(case, "12:00", terms_of("standard"), "standard")
    assert case.ticket.tier == "T1"
    case.wake("12:15")
    assert (case.ticket.tier, case.last("escalated").how) == ("T2", "at_limit")


def test_g2_between_two_paid_plans_a_limit_stays_reached():
    case = given("standard", "P2")
    case.do("take", at="09:00")
    case.wake("09:20")
    replace_terms(case, "12:00", terms_of("premium"), "premium")
    assert case.ticket.escalation_due


def test_g2_under_terms_of_version_3_a_limit_reached_on_free_stays_reached():
    assert upgraded(version(3)).ticket.escalation_due


def test_g2_longer_limits_leave_a_limit_reached_and_remind_by_their_own_grace():
    case = given("standard", "P2")
    case.do("take", at="09:00")
    case.wake("09:15")
    terms = terms_of("standard")
    longer = {"t1_limit": terms.limits.t1_limit * 4, "t1_grace": terms.limits.t1_grace * 2}
    limits = terms.limits.model_copy(update=longer)
    replace_terms(case, "09:20", terms.model_copy(update={"limits": limits}))
    assert case.ticket.escalation_due
    case.wake("09:45")
    assert [event.at for event in case.of("limit_reminded")] == [at("09:45")]


@pytest.mark.parametrize(("plan", "anew"), [("standard", True), ("premium", True), ("free", False)])
def test_g2_only_a_paid_plan_makes_it_count_anew(plan: str, anew: bool):
    assert (upgraded(plan=plan).ticket.stay.reached is None) is anew

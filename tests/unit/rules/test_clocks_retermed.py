"""C8: what another plan, zone or policy does to the clocks of an open ticket."""

from domain.clocks.terms import Cell
from tests.support.durations import HOUR
from tests.support.packages import RECORD
from tests.support.ticket_case import at, contract, given, phoned, replace_terms, terms_of


def test_c8_new_terms_leave_what_is_met_or_breached_as_it_is():
    case = phoned("standard", "P1")
    case.wake("Mon+1 17:00")
    before = [(clock.due, clock.leg.cell, clock.met_at, clock.breach) for clock in case.ticket.clocks]
    replace_terms(case, "Tue+1 09:00", terms_of("enterprise"), "enterprise")
    after = [(clock.due, clock.leg.cell, clock.met_at, clock.breach) for clock in case.ticket.clocks]
    assert after == before  # on the support hours of that time, too: they explain those instants
    assert case.ticket.account.plan == "enterprise"
    replace_terms(case, "Tue+1 09:01", terms_of("standard"))
    assert case.ticket.account.id == "acme"


def test_c8_new_terms_bring_the_critical_response_that_the_plan_lacked():
    case = given("free", "P0", priority_guessed=True)
    replace_terms(case, "09:30", terms_of("standard"), "standard")
    assert case.due("contract", "first_response") == at("13:30")


def test_c8_the_same_terms_again_move_nothing():
    case = given("standard", "P2")
    case.do("prioritise", at="16:00", priority="P0", reason="All of them are down.")
    before = {(k.side, k.metric): k.due for k in case.ticket.clocks}
    replace_terms(case, "16:01", terms_of("standard"))
    assert {(k.side, k.metric): k.due for k in case.ticket.clocks} == before


def test_c8_a_better_plan_is_due_at_the_old_instant_or_at_the_change_plus_its_own_budget():
    case = given("standard", "P2")
    replace_terms(case, "11:00", terms_of("enterprise"), "enterprise")  # an hour from 09:00 would be over
    assert case.due("contract", "first_response") == at("12:00")
    assert case.due("contract", "resolution") == at("19:00")
    case.wake("11:59:59")
    assert case.lapses() == []
    case.wake("12:00")
    assert case.lapses() == [("contract", "first_response", at("12:00"))]
    assert case.last("lapsed").cell == "plans.enterprise.first_response"
    late = given("standard", "P2")
    replace_terms(late, "16:30", terms_of("premium"), "premium")
    assert late.due("contract", "first_response") == at("17:00")  # as promised before, and 20:30 by the new plan
    late.wake("17:00")
    assert late.last("lapsed").cell == "plans.standard.first_response"


def test_c8_a_plan_that_promises_less_counts_from_where_the_clock_began():
    case = given("premium", "P2")
    replace_terms(case, "09:30", terms_of("standard"), "standard")
    assert case.due("contract", "first_response") == at("17:00")
    assert case.due("contract", "resolution") == at("Mon+1 17:00")


def test_c8_there_and_back_again_a_plan_is_due_as_if_it_had_never_changed():
    case = given("standard", "P2")
    before = {(k.side, k.metric): k.due for k in case.ticket.clocks}
    replace_terms(case, "09:30", terms_of("enterprise"), "enterprise")
    assert case.due("contract", "first_response") == at("10:30")
    replace_terms(case, "10:00", terms_of("standard"), "standard")
    assert {(k.side, k.metric): k.due for k in case.ticket.clocks} == before


def test_c8_an_old_due_instant_that_stays_is_counted_on_the_old_hours_and_a_pause_moves_it():
    case = phoned("standard", "P3", at="14:00")
    replace_terms(case, "Tue+1 13:30", terms_of("enterprise"), "enterprise")
    assert case.due("contract", "resolution") == at("Tue+1 14:00")
    case.do("wait", at="Tue+1 13:40", question="Which browser?")
    case.do("reply", at="Tue+1 13:50", role="customer", text="Firefox")
    assert case.due("contract", "resolution") == at("Tue+1 14:10")


def test_c8_a_change_while_waiting_leaves_what_was_left():
    case = phoned("standard", "P3")
    case.do("wait", at="16:00", question="Which browser?")
    replace_terms(case, "Fri 10:00", terms_of("enterprise"), "enterprise")
    assert case.due("contract", "resolution") is None
    case.do("reply", at="Fri 12:00", role="customer", text="Firefox")
    assert case.due("contract", "resolution") == at("Fri 20:00")  # eight hours from the change, two of them waited


def test_c8_resolved_under_other_terms_it_resumes_under_the_new_ones():
    case = phoned("standard", "P3")
    case.do("resolve", at="10:00", **RECORD)
    replace_terms(case, "11:00", terms_of("enterprise"), "enterprise")
    assert case.clock("contract", "resolution").met_at == at("10:00")
    case.do("reopen", at="Tue 09:00", reason="It is back.")
    assert case.due("contract", "resolution") == at("Tue 17:00")
    case.wake("Tue 16:59:59")
    assert case.lapses() == []


def test_c8_raised_after_a_change_of_plan_the_earlier_of_both_counts():
    case = given("standard", "P2")
    replace_terms(case, "12:00", terms_of("premium"), "premium")
    assert case.due("contract", "first_response") == at("16:00")
    case.do("prioritise", at="12:10", priority="P0", reason="All of them are down.")
    assert case.due("contract", "first_response") == at("13:10")
    assert case.due("target", "first_response") == at("12:25")


def test_c8_another_zone_makes_nothing_due_at_the_change():
    case = given("standard", "P2", at="06:00")
    replace_terms(case, "16:00", terms_of("standard", zone="Asia/Dubai"))  # where the eight hours ended at 14:00 here
    assert case.due("contract", "first_response") == at("17:00")
    west = given("standard", "P2")
    replace_terms(west, "16:00", terms_of("standard", zone="America/New_York"))
    assert west.due("contract", "first_response") == at("23:00")


def test_c8_a_promise_that_new_terms_bring_counts_from_the_change():
    case = given("standard", "P2", change=contract(resolution=None))
    case.do("prioritise", at="10:00", priority="P1", reason="No workaround.")
    replace_terms(case, "10:01", terms_of("standard"))
    assert case.due("contract", "resolution") == at("Tue+1 10:01")


def test_c8_best_effort_is_no_promise_that_could_be_kept_or_broken_by_a_purchase():
    case = given("free", "P2")
    replace_terms(case, "Fri+1 10:00", terms_of("premium"), "premium")  # the 48 hours of Free are over
    assert case.due("contract", "first_response") == at("Fri+1 14:00")
    back = given("premium", "P2")
    replace_terms(back, "Fri 09:00", terms_of("free"), "free")
    assert [clock.binding for clock in back.ticket.clocks if clock.running] == []


def test_c8_new_terms_keep_a_critical_response_and_give_it_its_time():
    case = given("standard", "P2")
    case.do("prioritise", at="10:00", priority="P0", reason="All of them are down.")
    replace_terms(case, "10:01", terms_of("premium"), "premium")
    assert case.due("contract", "first_response") == at("11:01")
    late = given("standard", "P2")
    late.do("prioritise", at="10:00", priority="P0", reason="All of them are down.")
    replace_terms(late, "13:45", terms_of("premium"), "premium")
    assert late.due("contract", "first_response") == at("14:00")


def test_c8_a_clock_that_new_terms_bring_is_met_if_the_customer_was_answered():
    case = given("free", "P2")
    case.do("respond", at="09:05", text="Try this")
    replace_terms(case, "10:00", terms_of("premium"), "premium")
    assert case.clock("target", "first_response").met_at == at("09:05")
    assert case.due("contract", "resolution") == at("Tue 18:00")


def test_c8_a_plan_that_is_left_takes_its_promises_along_but_not_its_breaches():
    case = given("standard", "P2")
    case.wake("17:00")
    replace_terms(case, "Tue 09:00", terms_of("free", "Tue 09:00"), "free")
    assert case.clock("contract", "first_response").breach.upheld
    assert case.clock("contract", "resolution") is None


def test_c8_c14_an_answer_that_the_customer_waits_for_stays_due_as_it_was_when_they_wrote():
    two_hours = contract(next_response=Cell(source="plans.standard.next_response", budget=2 * HOUR))
    case = phoned("standard", "P2", at="Fri 09:00", change=two_hours)
    case.do("reply", at="Fri 16:00", role="customer", text="And now?")
    replace_terms(case, "Sat 12:00", terms_of("enterprise"), "enterprise")
    case.wake("Tue+1 09:00")
    lapsed = [due for _, metric, due in case.lapses() if metric == "next_response"]
    assert lapsed == [at("Mon+1 10:00")]


def test_c8_a_breach_is_shown_as_it_was_due_even_if_the_new_plan_promises_less():
    case = given("premium", "P2")
    case.wake("13:00")
    replace_terms(case, "14:00", terms_of("standard"), "standard")
    breached = case.clock("contract", "first_response")
    assert (breached.due, breached.breach.due, breached.leg.cell.source) == (
        at("13:00"), at("13:00"), "plans.premium.first_response",
    )  # fmt: skip


def test_c13_on_free_no_older_promise_binds():
    # Due at Tue+1 09:30: after the 48 hours of Free from the opening, and before those from the change.
    longer = contract(first_response=Cell(source="plans.standard.first_response", budget=48.5 * HOUR))
    case = given("standard", "P2", change=longer)
    replace_terms(case, "10:00", terms_of("free"), "free")
    assert not case.clock("contract", "first_response").binding
    case.wake("Mon+2 09:00")
    assert case.lapses() == []


def test_c8_an_old_due_instant_outlasts_a_second_change():
    case = phoned("standard", "P3", at="14:00")
    replace_terms(case, "Tue+1 13:00", terms_of("enterprise"), "enterprise")
    replace_terms(case, "Tue+1 13:30", terms_of("premium"), "premium")
    assert case.due("contract", "resolution") == at("Tue+1 14:00")
    case.do("wait", at="Tue+1 13:40", question="Which browser?")
    case.do("reply", at="Wed+1 08:00", role="customer", text="Firefox")
    # 20 minutes were left in the hours of Standard, and more in those of Enterprise and Premium.
    assert case.due("contract", "resolution") == at("Wed+1 09:20")


def test_c8_however_often_the_terms_change_the_clocks_do_not_grow():
    case = given("standard", "P1")
    case.do("prioritise", at="09:01", priority="P0", reason="All of them are down.")
    for minute in range(2, 42, 2):
        replace_terms(case, f"09:{minute:02}", terms_of("enterprise"), "enterprise")
        replace_terms(case, f"09:{minute + 1:02}", terms_of("standard"), "standard")
    assert max(len(clock.legs) + len(clock.floor) for clock in case.ticket.clocks) <= 6
    assert case.due("contract", "first_response") == at("13:01")

"""C8, C10, C11: what changes, reopening and time do to the clocks of a ticket."""

from domain.clocks.terms import Cell
from domain.core.enums import SlaState
from domain.ticket.derived import sla_deadline, sla_state
from tests.support.durations import HOUR
from tests.support.packages import RECORD
from tests.support.ticket_case import at, contract, given, limits, phoned, replace_terms, targets, terms_of

# -- C8: changes ----------------------------------------------------------------------------------------------


def test_c8_raised_the_contract_is_the_earlier_of_the_old_due_and_change_plus_new_budget():
    soon = given("standard", "P2")
    soon.do("prioritise", at="10:00", priority="P0", reason="All of them are down.")
    assert soon.due("contract", "first_response") == at("14:00")
    late = given("standard", "P2")
    late.do("prioritise", at="16:00", priority="P0", reason="All of them are down.")
    assert late.due("contract", "first_response") == at("17:00")


def test_c8_raised_the_target_counts_from_the_change():
    case = given("standard", "P2")
    case.do("prioritise", at="10:00", priority="P1", reason="No workaround.")
    assert case.due("target", "first_response") == at("11:00")
    assert case.due("target", "resolution") == at("Tue 10:00")


def test_c8_lowered_the_contract_stays_and_the_target_counts_from_the_change():
    case = given("premium", "P0", priority_guessed=True)
    case.do("prioritise", at="09:04", priority="P3", reason="One user only.")
    assert case.due("contract", "first_response") == at("10:00")
    assert case.due("target", "first_response") == at("17:04")


def test_c8_a_priority_that_is_only_confirmed_moves_nothing():
    case = given("standard", "P2", priority_guessed=True)
    before = case.ticket.clocks
    case.do("prioritise", at="12:00", priority="P2", reason="Rightly guessed.")
    assert case.ticket.clocks == before


def test_c8_what_is_met_stays_met():
    case = given("standard", "P2")
    case.do("respond", at="09:05", text="We are on it")
    case.do("prioritise", at="10:00", priority="P1", reason="No workaround.")
    assert case.clock("target", "first_response").met_at == at("09:05")
    assert case.clock("contract", "first_response").met_at == at("09:05")


def test_c8_raised_from_a_request_it_gets_the_clocks_that_it_lacked():
    case = phoned("standard", "P4")
    case.do("prioritise", at="10:00", priority="P3", reason="It is a fault.")
    assert case.due("contract", "resolution") == at("Tue+1 10:00")
    assert case.due("target", "resolution") == at("Mon+1 10:00")


def test_c8_a_target_that_only_the_lower_priority_has_counts_from_the_change():
    case = phoned("standard", "P1", change=targets(P1_resolution=None))
    case.do("prioritise", at="10:00", priority="P3", reason="Cosmetic.")
    assert case.due("target", "resolution") == at("Mon+1 10:00")


def test_c8_a_target_that_was_missed_can_be_missed_again_after_a_change():
    case = given("standard", "P2")
    case.wake("13:00")
    case.do("prioritise", at="13:30", priority="P1", reason="No workaround.")
    case.wake("14:30")
    missed = [("target", "first_response", at("13:00")), ("target", "first_response", at("14:30"))]
    assert case.lapses() == missed


def test_c8_met_clocks_and_a_lowered_contract_are_left_as_they_are():
    case = phoned("standard", "P3")
    before = case.clock("contract", "first_response"), case.clock("target", "first_response")
    case.do("prioritise", at="10:00", priority="P0", reason="All of them are down.")
    assert (case.clock("contract", "first_response"), case.clock("target", "first_response")) == before
    case = given("premium", "P1")
    contracts = [clock for clock in case.ticket.clocks if clock.side == "contract"]
    case.do("prioritise", at="09:10", priority="P3", reason="Cosmetic.")
    assert [clock for clock in case.ticket.clocks if clock.side == "contract"] == contracts


def test_c8_lowered_the_contract_stays_even_where_the_lower_cell_were_the_earlier():
    odd = contract(critical_response=Cell(source="plans.standard.critical_response", budget=7 * HOUR),
                   first_response=Cell(source="plans.standard.first_response", budget=HOUR))  # fmt: skip
    case = given("standard", "P0", priority_guessed=True, change=odd)
    case.do("prioritise", at="09:04", priority="P3", reason="Cosmetic.")
    assert case.due("contract", "first_response") == at("16:00")


def test_c8_a_change_while_paused_forgets_which_cell_was_leading():
    case = phoned("standard", "P2")  # P3's business days lead the target
    case.do("wait", at="10:00", question="Which browser?")
    case.do("prioritise", at="10:30", priority="P3", reason="Cosmetic.")
    assert case.clock("target", "resolution").binding
    again = phoned("standard", "P2")
    again.do("wait", at="10:00", question="Which browser?")
    replace_terms(again, "10:10", targets(P3_resolution=None)(terms_of("standard")))
    assert again.clock("target", "resolution").binding


def test_c8_pauses_are_kept():
    case = given("standard", "P2")
    case.do("wait", at="10:00", question="Which browser?")
    case.do("reply", at="12:00", role="customer", text="Firefox")
    case.do("prioritise", at="13:00", priority="P1", reason="No workaround.")
    assert case.due("contract", "resolution") == at("Tue+1 11:00")  # 48 h, and the two hours of Monday


def test_c8_a_change_while_waiting_counts_from_the_change_without_the_rest_of_the_pause():
    case = given("standard", "P3")
    case.do("wait", at="10:00", question="Which browser?")
    case.do("prioritise", at="11:00", priority="P1", reason="No workaround.")
    assert case.due("target", "resolution") is None
    case.do("reply", at="12:00", role="customer", text="Firefox")
    assert case.due("target", "resolution") == at("Tue 12:00")


def test_c8_a_recorded_breach_is_never_erased():
    case = given("standard", "P2")
    case.wake("17:00")
    case.do("prioritise", at="Tue 09:00", priority="P3", reason="One user only.")
    case.do("prioritise", at="Tue 09:01", priority="P1", reason="No workaround.")
    breach = case.clock("contract", "first_response").breach
    assert (breach.due, breach.status) == (at("17:00"), "stands")
    case.wake("Fri+1 17:00")
    assert case.lapses().count(("contract", "first_response", at("17:00"))) == 1


def test_c8_a_lead_may_waive_a_breach_with_a_reason_and_it_stays_on_record():
    case = given("standard", "P2")
    case.wake("17:00")
    assert case.refused("waive", "Tue 09:00", metric="first_response", reason="Storm").code == "not_allowed"
    refused = case.refused("waive", "Tue 09:00", role="lead", reason=" ")
    assert refused.missing == ["metric", "reason"]
    wrong = case.refused("waive", "Tue 09:00", role="lead", metric="resolution", reason="Storm")
    assert wrong.code == "does_not_fit"
    case.do("waive", at="Tue 09:00", role="ops", metric="first_response", reason="Storm")
    assert case.clock("contract", "first_response").breach.status == "waived"
    assert sla_state(case.ticket) is SlaState.TARGET_MISSED
    assert (
        case.refused("waive", "Tue 09:01", role="ops", metric="first_response", reason="Storm").code == "does_not_fit"
    )
    case.do("respond", at="Tue 09:02", text="Hello", role="lead", occurred="16:00")
    assert case.clock("contract", "first_response").breach.status == "waived"


def test_c8_each_breach_is_waived_for_itself():
    case = given("standard", "P2")
    case.wake("Mon+1 09:00")
    assert [lapse[:2] for lapse in case.lapses()][-1] == ("target", "resolution")
    wrong = case.refused("waive", "Mon+1 09:00", role="lead", metric="resolution", reason="Storm")
    assert wrong.message == "no breach of resolution is upheld: first_response is"
    case.wake("Mon+1 17:00")
    case.do("waive", at="Tue+1 09:00", role="lead", metric="first_response", reason="Storm")
    assert case.clock("contract", "resolution").breach.upheld
    again = case.refused("waive", "Tue+1 09:01", role="lead", metric="first_response", reason="Storm")
    assert "resolution is" in again.message
    case.do("waive", at="Tue+1 09:01", role="lead", metric="resolution", reason="Storm")
    assert "waive" not in case.refused("rate", "Tue+1 09:02", csat=5).would_fit


def test_c8_however_often_it_is_raised_the_clocks_do_not_grow():
    case = given("standard", "P3")
    for minute in range(1, 40, 2):
        case.do("prioritise", at=f"09:{minute:02}", priority="P2", reason="Up")
        case.do("prioritise", at=f"09:{minute + 1:02}", priority="P3", reason="Down")
    assert max(len(k.legs) for k in case.ticket.clocks) <= 2
    assert case.due("contract", "first_response") == at("17:00")


# -- C10: resolved and reopened --------------------------------------------------------------------------------


def test_c10_resolved_time_does_not_count():
    case = phoned("standard", "P1")
    case.do("resolve", at="10:00", **RECORD)
    assert sla_deadline(case.ticket) is None
    case.do("reopen", at="Tue 12:00", reason="It is back.")
    assert case.due("target", "resolution") == at("Wed 11:00")  # seven of eight hours were left
    assert case.clock("contract", "first_response").met_at == at("09:00")
    case.wake("Wed 10:59:59")
    assert case.lapses() == []
    case.wake("Wed 11:00")
    assert case.lapses() == [("target", "resolution", at("Wed 11:00"))]


def test_c10_a_breach_that_stood_before_the_reopening_is_not_counted_again():
    case = phoned("standard", "P1")
    case.wake("17:00")
    case.do("resolve", at="Tue 09:30", **RECORD)
    case.do("reopen", at="Tue 10:00", reason="It is back.")
    case.wake("Fri+1 17:00")
    assert [lapse[:2] for lapse in case.lapses()] == [("target", "resolution"), ("contract", "resolution")]


def test_c10_a_withdrawn_breach_counts_down_again_after_reopening():
    case = phoned("standard", "P1")
    case.wake("17:00")
    case.do("resolve", at="Tue 09:30", source="phone", occurred="16:30", **RECORD)
    assert case.clock("target", "resolution").breach.status == "withdrawn"
    case.do("reopen", at="Tue 10:00", reason="It is back.")
    assert case.due("target", "resolution") == at("Tue 10:30")
    assert sla_deadline(case.ticket) == at("Tue 10:30")
    case.wake("Tue 10:30")
    assert case.lapses()[-1] == ("target", "resolution", at("Tue 10:30"))
    assert case.clock("target", "resolution").breach.upheld


def test_c10_a_customers_message_reopens_what_is_resolved_and_not_what_is_closed():
    case = given()
    case.do("resolve", at="10:00", **RECORD)
    case.do("reply", at="11:00", role="customer", text="No, it does not.")
    assert case.ticket.status == "open"
    assert case.types()[-2:] == ["replied", "reopened"]
    assert case.of("replied")[0].texts == {"text": "No, it does not."}
    assert case.ticket.reopenings == 1
    assert case.ticket.resolution is None
    case.do("resolve", at="12:00", **RECORD)
    case.do("close", at="12:01")
    assert case.refused("reply", "13:00", role="customer", text="Again").code == "closed"


# -- C11: warnings ---------------------------------------------------------------------------------------------


def test_c11_warned_at_50_75_and_90_percent_of_the_effective_clock_each_once():
    case = given("standard", "P2", at="10:00")  # target 4 h
    case.wake("13:59:59")
    assert case.warnings() == [
        (at("12:00"), {"first_response": 50}),
        (at("13:00"), {"first_response": 75}),
        (at("13:36"), {"first_response": 90}),
    ]
    assert sla_state(case.ticket) is SlaState.WARNED


def test_c11_warnings_are_in_business_time():
    case = given("standard", "P2", at="16:00")
    case.wake("Tue 12:00")
    assert [w[0] for w in case.warnings()] == [at("Tue 10:00"), at("Tue 11:00"), at("Tue 11:36")]


def test_c11_warnings_of_business_days_are_shares_of_their_business_time():
    case = given("standard", "P3")
    case.do("respond", at="09:01", text="We are on it")
    case.wake("Mon+1 08:59")
    assert case.warnings() == [
        (at("Wed 13:00"), {"resolution": 50}),  # of 40 hours
        (at("Thu 15:00"), {"resolution": 75}),
        (at("Fri 13:00"), {"resolution": 90}),
    ]


def test_c11_a_pause_moves_the_warnings():
    case = phoned("standard", "P1")
    case.do("wait", at="10:00", question="Which browser?")
    case.do("reply", at="14:00", role="customer", text="Firefox")
    case.wake("Tue 12:59")
    assert [w[0] for w in case.warnings()] == [at("17:00"), at("Tue 11:00"), at("Tue 12:12")]


def test_c11_none_while_paused_met_resolved_or_closed():
    case = phoned("standard", "P2")
    case.do("resolve", at="09:10", **RECORD)
    case.wake("Fri+1 17:00")
    assert case.ticket.closed
    assert case.warnings() == []


def test_c11_warnings_that_coincide_are_one():
    same = Cell(source="priorities.P2.resolution", budget=4 * HOUR)
    case = given("standard", "P2", change=targets(P2_resolution=same, P3_resolution=same))
    case.wake("12:59")
    assert [w[1] for w in case.warnings()] == [{"first_response": s, "resolution": s} for s in (50, 75, 90)]


def test_c11_the_shares_are_the_policys():
    case = given("standard", "P2", change=limits(warnings=(25,)))
    case.wake("13:00")
    assert case.warnings() == [(at("10:00"), {"first_response": 25})]


def test_c11_a_change_of_priority_warns_of_the_new_clock_and_of_nothing_past():
    case = given("standard", "P1")  # target 1 h: 50 % at 09:30
    case.wake("09:30")
    case.do("prioritise", at="09:40", priority="P2", reason="There is a workaround.")
    assert sla_state(case.ticket) is SlaState.ON_TRACK  # four hours from 09:40
    case.wake("13:39")
    assert [w for w in case.warnings() if "first_response" in w[1]][1:] == [
        (at("11:40"), {"first_response": 50}),
        (at("12:40"), {"first_response": 75}),
        (at("13:16"), {"first_response": 90}),
    ]
    late = given("premium", "P2")  # contract and target 4 h
    late.wake("12:40")
    late.do("prioritise", at="12:45", priority="P3", reason="Cosmetic.")
    late.wake("12:45")
    assert [w[0] for w in late.warnings()] == [at("11:00"), at("12:00"), at("12:36")]  # the contract's, each once


def test_c11_new_terms_warn_of_nothing_that_they_put_into_the_past():
    case = given("standard", "P3")
    replace_terms(case, "12:45", terms_of("premium"), "premium")
    case.wake("12:59")
    assert [w[0] for w in case.warnings() if "first_response" in w[1]] == []

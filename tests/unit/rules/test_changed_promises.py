"""What follows when plan, terms or category change, and what a late word brings out (G2, G6, C8, C11, C12)."""

from datetime import timedelta

from domain.clocks.terms import Cell
from domain.core.enums import Plan
from domain.ticket import commands as c
from domain.ticket.aggregate import TICKET, notices
from tests.support.packages import RECORD, T2_PACKAGE, T3_PACKAGE
from tests.support.ticket_case import Case, at, contract, done, given, kinds, phoned, replace_terms, terms_of

TWO_HOURS = contract(next_response=Cell(source="plans.standard.next_response", budget=timedelta(hours=2)))


def matched(case: Case, moment: str, plan: str = "premium") -> None:
    account = case.ticket.account.model_copy(update={"plan": Plan(plan)})
    command = c.MatchAccount(by="tierline", role="system", account=account, terms=terms_of(plan))
    case._accept(TICKET.decide(case.ticket, command, at(moment)))


def test_g6_a_p0_that_comes_to_a_paid_plan_is_critical_at_once():
    for change in (lambda case: replace_terms(case, "09:30", terms_of("standard"), "standard"),
                   lambda case: matched(case, "09:30")):  # fmt: skip
        case = given("free", "P0", account_unknown=True)
        done(case, "09:01", incident=None)
        change(case)
        assert (case.ticket.tier, kinds(case)) == ("T3", ["incident"])
        assert case.ticket.debt.due == at("10:00")


def test_g6_other_terms_on_a_paid_plan_do_not_page_again():
    case = given("standard", "P0")
    done(case, "09:01", incident=7)
    case.incident("10:00", "resolved", version=9)
    replace_terms(case, "10:10", terms_of("premium"), "premium")
    assert (case.ticket.tier, kinds(case)) == ("T2", [])


def test_g6_a_guess_that_comes_to_a_paid_plan_has_its_minutes_and_then_pages():
    case = given("free", "P0", priority_guessed=True)
    done(case, "09:01", incident=None)
    replace_terms(case, "09:30", terms_of("standard"), "standard")
    case.wake("09:34:59")
    assert kinds(case) == []
    case.wake("09:35")
    assert kinds(case) == ["incident"]


def test_g2_a_package_that_is_complete_under_new_terms_goes_up_at_once():
    case = given("standard", "P2")
    case.do("take", at="09:00")
    case.wake("09:20")
    terms = terms_of("premium")
    terms = terms.model_copy(update={"gates": terms.gates.model_copy(update={"t2": ()})})
    replace_terms(case, "09:30", terms, "premium")
    assert (case.ticket.tier, case.last("escalated").how) == ("T2", "completed")


def test_g2_the_last_missing_field_may_be_one_that_the_right_category_does_not_need():
    case = given("standard", "P2", category="how-to")
    case.do("take", at="09:00")
    absent = {"absent": "not_applicable", "reason": "A question."}
    case.do("fill", at="09:01", fields=T2_PACKAGE | {"reproduction_steps": absent})
    case.do("amend", at="09:02", category="bug")
    case.wake("09:15")
    assert case.ticket.escalation_due
    case.do("amend", at="09:16", category="how-to")
    assert (case.ticket.tier, case.last("escalated").how) == ("T2", "completed")


def test_c12_a_question_that_arrives_late_may_have_lapsed_and_pages_nobody():
    case = given(change=TWO_HOURS)
    case.do("respond", at="09:05", text="We are on it.")
    case.do("reply", at="13:00", role="integration", text="?", source="mail", occurred="10:00")
    lapsed = case.of("lapsed")[-1]
    assert (lapsed.body.due, lapsed.at, lapsed.body.hindsight) == (at("12:00"), at("13:00"), True)
    assert [notices(case.ticket, event) for event in case.of("warned")] == [[], [], []]


def test_c12_nobody_is_warned_of_the_past():
    case = phoned("standard", "P1")
    case.do("wait", at="12:30", question="Which browser?")
    case.do("reply", at="Tue 15:00", role="integration", text="Firefox", source="mail", occurred="15:30")
    assert [notices(case.ticket, event) for event in case.of("warned")] == [[], [], []]
    assert case.last("lapsed").hindsight


def test_c8_what_was_withdrawn_is_not_waived():
    case = given(change=TWO_HOURS)
    case.do("respond", at="09:05", text="We are on it.")
    case.do("reply", at="10:00", role="customer", text="And now?")
    case.wake("12:00")
    case.do("respond", at="12:30", text="Now.", source="mail", occurred="11:30")
    case.do("reply", at="13:00", role="customer", text="And this?")
    case.wake("16:00")
    case.do("waive", at="16:01", role="lead", metric="next_response", reason="Storm")
    breaches = [clock.breach.status for clock in case.ticket.clocks if clock.metric == "next_response"]
    assert breaches == ["withdrawn", "waived"]


def test_c11_after_a_correction_warnings_are_those_of_the_clock_that_is_effective_now():
    eight = contract(resolution=Cell(source="plans.standard.resolution", budget=timedelta(hours=8)))
    case = phoned("standard", "P3", category="feature", change=eight)
    case.wake("Wed 16:00")
    assert case.ticket.warned["resolution"] == 50
    case.do("amend", at="Wed 16:00", category="bug")  # the contract's 8 hours count from here, and end first
    assert case.due("contract", "resolution") < case.due("target", "resolution")
    assert case.ticket.warned["resolution"] == 0
    case.wake("Thu 12:00")
    assert case.warnings()[-1] == (at("Thu 12:00"), {"resolution": 50})


def test_g6_g2_new_terms_ask_for_nothing_of_a_ticket_that_is_over_or_still_free():
    resolved = given("free", "P0")
    done(resolved, "09:01", incident=None)
    resolved.do("resolve", at="09:02", **RECORD)
    replace_terms(resolved, "09:30", terms_of("standard"), "standard")
    assert (resolved.ticket.status, kinds(resolved)) == ("resolved", [])
    free = given("free", "P0")
    done(free, "09:01", incident=None)
    replace_terms(free, "09:30", terms_of("free"))
    assert kinds(free) == []


def test_g2_under_new_terms_only_what_is_past_the_limit_and_complete_goes_up():
    in_time = given("free", "P2")
    in_time.do("take", at="09:00")
    in_time.do("fill", at="09:01", fields=T2_PACKAGE)
    replace_terms(in_time, "09:10", terms_of("standard"), "standard")
    assert in_time.ticket.tier == "T1"
    incomplete = given("standard", "P2")
    incomplete.do("take", at="09:00")
    incomplete.wake("09:20")
    replace_terms(incomplete, "09:30", terms_of("premium"), "premium")
    assert (incomplete.ticket.tier, incomplete.ticket.escalation_due) == ("T1", True)


def test_g6_a_free_ticket_that_is_raised_in_tier_3_opens_no_incident():
    case = given("free", "P2")
    case.do("escalate", at="09:01", role="lead", to="T2", override=True, reason="A friend.", fields=T2_PACKAGE)
    case.do("escalate", at="09:02", role="lead", override=True, reason="A friend.", fields=T3_PACKAGE)
    done(case, "09:03", jira_key="SUP-1", jira_url="u")
    case.do("prioritise", at="09:10", priority="P1", reason="No workaround.")
    assert kinds(case) == ["jira_priority"]


def test_g6_new_terms_that_ask_for_less_pay_the_debt_of_a_p0():
    case = given("standard", "P0")
    case.do("fill", at="09:01", fields=T2_PACKAGE)
    terms = terms_of("standard")
    replace_terms(case, "09:10", terms.model_copy(update={"gates": terms.gates.model_copy(update={"t3": ()})}))
    assert case.when("debt_paid") == at("09:10")
    case.wake("10:00")
    assert case.of("debt_overdue") == []

"""G6: the critical ones are escalated immediately."""

import pytest

from domain.core.enums import Status, Tier, WaitsOn
from domain.ticket.aggregate import notices
from tests.support.packages import BOTH_PACKAGES, RECORD, T2_PACKAGE, T3_PACKAGE
from tests.support.ticket_case import at, done, given, in_tier, keys, kinds, replace_terms, terms_of


@pytest.mark.parametrize("plan", ["standard", "premium", "enterprise"])
def test_g6_a_p0_on_a_paid_plan_opens_an_incident_at_intake_around_the_clock(plan):
    case = given(plan, "P0", at="Sat 03:00")
    assert case.types() == ["opened", "escalated"]
    escalated = case.of("escalated")[0]
    assert (escalated.at, escalated.body.how) == (at("Sat 03:00"), "critical")
    assert kinds(case) == ["incident"]
    assert case.ticket.tier is Tier.T3


def test_g6_both_packages_become_a_debt_due_30_minutes_later():
    case = given("standard", "P0", at="Sat 03:00")
    assert case.ticket.debt.due == at("Sat 03:30")
    case.wake("Sat 03:29:59")
    assert case.of("debt_overdue") == []
    case.wake("Sat 03:30")
    case.wake("Sat 05:00")
    assert [event.at for event in case.of("debt_overdue")] == [at("Sat 03:30")]
    assert [n.audience for n in notices(case.ticket, case.of("debt_overdue")[0])] == ["assignee", "lead"]


def test_g6_the_debt_is_paid_when_the_last_field_is_filled():
    case = given("standard", "P0")
    case.do("fill", at="09:10", fields=T2_PACKAGE)
    assert case.ticket.debt.paid is None
    case.do("fill", at="09:20", fields=T3_PACKAGE)
    assert case.ticket.debt.paid == at("09:20")
    case.wake("12:00")
    assert case.of("debt_overdue") == []
    case.do("attach", at="12:01", text="more.log")
    assert len(case.of("debt_paid")) == 1


def test_g6_a_step_may_be_what_was_owed():
    case = given("standard", "P0")
    case.do("take", at="09:01", by="eva")
    fields = {name: text for name, text in BOTH_PACKAGES.items() if name != "steps_taken"}
    case.do("fill", at="09:10", by="eva", fields=fields)
    assert case.ticket.debt.paid is None
    case.do("step", at="09:20", by="eva", text="Restarted the exporter.")
    assert case.ticket.debt.paid == at("09:20")


def test_g6_a_debt_is_paid_late_too_and_with_a_hand_off():
    late = given("standard", "P0")
    late.do("fill", at="10:00", fields=BOTH_PACKAGES)
    assert (late.ticket.debt.overdue, late.ticket.debt.paid) == (True, at("10:00"))
    again = given("standard", "P0")
    again.do("return", at="09:05", by="eva", reason="Not ours.")
    again.do("escalate", at="09:10", fields=BOTH_PACKAGES)
    assert again.ticket.debt.paid == at("09:10")


def test_g6_a_debt_is_paid_when_less_is_needed():
    case = given("standard", "P0")
    case.do("fill", at="09:10", fields=T2_PACKAGE)
    case.do("amend", at="09:15", category="feature")
    assert case.ticket.debt.paid == at("09:15")
    lowered = given("standard", "P0")
    lowered.do("fill", at="09:10", fields=T2_PACKAGE)
    lowered.do("prioritise", at="09:15", priority="P4", reason="A wish.")
    assert lowered.ticket.debt.paid == at("09:15")


def test_g6_what_is_complete_owes_nothing():
    case = given("standard", "P1")
    case.do("fill", at="09:05", fields=BOTH_PACKAGES)
    case.do("prioritise", at="09:10", priority="P0", reason="All of them are down.")
    assert (case.ticket.tier, case.ticket.debt) == (Tier.T3, None)


def test_g6_raised_to_p0_it_goes_at_once_even_while_waiting_on_the_customer():
    case = in_tier("T1", priority="P1")
    case.do("wait", at="09:10", question="Is it everyone?")
    case.do("prioritise", at="10:00", priority="P0", reason="It is.")
    assert case.types()[-3:] == ["prioritised", "wait_ended", "escalated"]
    assert (case.ticket.status, case.ticket.suspended, case.ticket.tier) == (Status.OPEN, False, Tier.T3)
    assert case.due("target", "resolution") == at("14:00")
    assert case.ticket.debt.due == at("10:30")


def test_g6_a_guessed_p0_pages_after_five_minutes_unless_lowered():
    case = given("standard", "P0", at="Sat 03:00", priority_guessed=True)
    assert (case.types(), case.ticket.tier) == (["opened"], Tier.T1)
    assert [n.audience for n in notices(case.ticket, case.events[0])] == ["duty"]
    case.wake("Sat 03:04:59")
    assert kinds(case) == []
    case.wake("Sat 03:05")
    assert case.types() == ["opened", "guess_stood", "escalated"]
    assert case.when("escalated") == at("Sat 03:05")
    assert case.ticket.debt.due == at("Sat 03:35")
    assert not case.ticket.priority_guessed
    case.wake("Sat 03:06")
    assert len(case.of("escalated")) == 1
    lowered = given("standard", "P0", at="Sat 03:00", priority_guessed=True)
    lowered.do("prioritise", at="Sat 03:04", priority="P2", reason="One user.")
    assert not lowered.ticket.priority_guessed
    lowered.wake("Sat 04:00")
    assert kinds(lowered) == []


def test_g6_a_guess_that_is_confirmed_pages_now():
    case = given("standard", "P0", priority_guessed=True)
    case.do("prioritise", at="09:01", priority="P0", reason="Rightly guessed.")
    assert case.when("escalated") == at("09:01")
    case.wake("09:30")
    assert case.of("guess_stood") == []


def test_g6_handing_it_to_tier_2_does_not_lower_a_guess():
    case = given("standard", "P0", priority_guessed=True)
    case.do("escalate", at="09:02", fields=T2_PACKAGE)
    case.wake("09:05")
    assert case.when("guess_stood") == at("09:05")
    assert kinds(case) == ["incident"]


def test_g6_a_guess_stands_while_the_customer_is_asked():
    case = given("standard", "P0", priority_guessed=True)
    case.do("wait", at="09:01", question="Is it everyone?")
    case.wake("09:05")
    assert (case.ticket.status, case.ticket.suspended, case.ticket.tier) == (Status.OPEN, False, Tier.T3)


def test_g6_a_guess_that_an_outage_delayed_counts_from_its_instant():
    case = given("standard", "P0", priority_guessed=True)
    case.do("wait", at="09:01", question="Is it everyone?")
    case.wake("09:20")
    assert (case.last("wait_ended").end, case.when("escalated")) == (at("09:05"), at("09:05"))
    assert case.ticket.debt.due == at("09:35")


def test_g6_a_guess_that_was_resolved_has_its_minutes_anew_when_it_is_reopened():
    case = given("standard", "P0", priority_guessed=True)
    case.do("resolve", at="09:03", **RECORD)
    case.wake("10:00")
    assert (kinds(case), case.next()) == ([], at("Thu 09:03"))
    case.do("reply", at="10:01", role="customer", text="Still down.")
    assert [(n.name, n.audience) for n in notices(case.ticket, case.events[-1])] == [("guessed_p0", "duty")]
    case.wake("10:05:59")
    assert kinds(case) == []
    case.wake("10:06")
    assert (case.when("guess_stood"), case.when("escalated"), kinds(case)) == (at("10:06"), at("10:06"), ["incident"])


def test_g6_a_reopened_guess_may_be_lowered_and_one_that_was_settled_is_no_guess():
    lowered = given("standard", "P0", priority_guessed=True)
    lowered.do("resolve", at="09:03", **RECORD)
    lowered.do("reply", at="10:01", role="customer", text="Thank you!")
    lowered.do("prioritise", at="10:03", priority="P3", reason="One word of thanks.")
    lowered.wake("10:30")
    assert kinds(lowered) == []
    settled = given("standard", "P0", priority_guessed=True)
    settled.do("prioritise", at="09:02", priority="P2", reason="One user.")
    settled.do("resolve", at="09:03", **RECORD)
    settled.do("reopen", at="10:01", reason="It is back.")
    assert notices(settled.ticket, settled.events[-1]) == []
    settled.wake("10:30")
    assert kinds(settled) == []


def test_g6_another_guess_has_no_five_minutes():
    case = given("standard", "P1", priority_guessed=True)
    case.wake("09:30")
    assert case.of("guess_stood") == []
    case.do("resolve", at="09:40", **RECORD)
    case.do("reopen", at="10:00", reason="It is back.")
    case.wake("10:30")
    assert (case.of("guess_stood"), kinds(case)) == ([], [])


def test_g6_a_guess_that_was_handed_to_engineering_is_settled_by_that():
    case = given("standard", "P0", priority_guessed=True)
    case.do("escalate", at="09:02", to="T3", fields=BOTH_PACKAGES)
    done(case, at="09:03", incident=7)
    case.do("resolve", at="09:10", **RECORD)
    case.incident("09:20", "resolved", 5)
    case.do("reopen", at="10:00", reason="It is back.")
    case.wake("10:30")
    assert (case.of("guess_stood"), len(case.of("escalated"))) == ([], 1)


def test_g6_c8_new_terms_give_a_guess_no_more_minutes():
    case = given("standard", "P0", priority_guessed=True)
    replace_terms(case, "09:03", terms_of("premium"), "premium")
    case.wake("09:30")
    assert case.when("guess_stood") == at("09:05")


def test_g6_it_pages_once_however_often_the_priority_is_said():
    case = given("standard", "P0")
    case.do("prioritise", at="09:01", priority="P1", reason="Half of them.")
    case.do("prioritise", at="09:02", priority="P0", reason="All of them.")
    assert len(case.of("escalated")) == 1
    done(case, at="09:03", incident=7)
    case.do("prioritise", at="09:04", priority="P1", reason="Half of them.")
    case.do("prioritise", at="09:05", priority="P0", reason="All of them.")
    assert len(case.of("escalated")) == 1


def test_g6_a_page_that_was_refused_is_tried_again():
    case = given("standard", "P0")
    key = keys(case)[0]
    case.do("effect_failed", at="09:01", by="tierline", role="system", key=key, reason="Unknown service")
    case.do("prioritise", at="09:02", priority="P1", reason="Half of them.")
    case.do("prioritise", at="09:03", priority="P0", reason="All of them.")
    assert keys(case) == [key]
    assert not case.ticket.pending_effects[0].failed


def test_g6_after_its_incident_a_p0_pages_anew():
    case = given("standard", "P0")
    done(case, at="09:01", incident=7)
    case.incident("09:30", "resolved", 2)
    case.do("prioritise", at="09:40", priority="P1", reason="Better.")
    case.do("prioritise", at="09:50", priority="P0", reason="Down again.")
    assert kinds(case) == ["incident"]
    assert case.ticket.debt.due == at("10:20")


def test_g6_a_p0_comes_back_to_tier_2():
    case = given("standard", "P0")
    done(case, at="09:01", incident=7)
    assert case.ticket.waits_on is WaitsOn.INCIDENT
    case.incident("09:02", "acknowledged", 2)
    assert case.ticket.tier is Tier.T3
    case.incident("09:30", "resolved", 3)
    assert (case.ticket.tier, case.ticket.assignee) == (Tier.T2, None)
    assert case.last("answered").by == "incident"


def test_g6_raised_in_tier_3_it_still_comes_back_to_who_escalated_it():
    case = in_tier("T3")
    done(case, at="09:06", jira_key="SUP-1")
    case.do("take", at="09:07", by="eva", role="engineer")
    case.do("prioritise", at="09:10", by="eva", priority="P0", reason="All of them are down.")
    done(case, at="09:11", incident=7)
    case.jira("09:20", "done")
    assert case.ticket.tier is Tier.T3  # the incident is what it waits on
    case.incident("09:30", "resolved", 2)
    assert (case.ticket.tier, case.ticket.assignee) == (Tier.T2, "tom")


def test_g6_a_free_p0_joins_an_open_incident_or_goes_to_the_duty_agent():
    case = given("free", "P0")
    assert kinds(case) == ["incident_if_open"]
    assert (case.ticket.tier, case.ticket.debt) == (Tier.T1, None)
    (notice,) = notices(case.ticket, case.events[0])
    assert (notice.audience, "pages" in notice.title) == ("duty", False)
    done(case, at="09:01", incident=7)
    assert case.ticket.incident.number == 7
    alone = given("free", "P0", priority_guessed=True)
    done(alone, at="09:01")
    assert (alone.ticket.incident, alone.ticket.waits_on) == (None, WaitsOn.AGENT)
    alone.wake("10:00")
    assert alone.of("guess_stood") == []


def test_g6_a_free_ticket_that_is_raised_to_p0_as_well():
    case = given("free", "P2")
    (event,) = case.do("prioritise", at="09:10", priority="P0", reason="All of them are down.")
    assert kinds(case) == ["incident_if_open"]
    assert case.ticket.tier is Tier.T1
    assert [n.audience for n in notices(case.ticket, event)] == ["duty"]


def test_g6_no_limit_applies_to_a_p0_on_a_paid_plan():
    case = given("standard", "P0")
    done(case, at="09:00", incident=7)
    case.do("take", at="09:01", by="eva")
    case.do("return", at="09:05", by="eva", reason="Not ours.")
    case.do("take", at="09:06", by="tom")
    case.do("return", at="09:07", by="tom", reason="A setting.")
    case.do("take", at="09:08")
    case.wake("12:00")
    assert case.ticket.tier == "T1"
    assert case.of("limit_reached") == case.of("limit_noted") == []

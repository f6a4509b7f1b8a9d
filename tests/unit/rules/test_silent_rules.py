"""What the tables leave open, decided: hand-backs after engineering's answer, mail that comes late, debts of a P0 that
left its incident, and issues that are raised with their ticket."""

import pytest

from domain.ticket.aggregate import notices
from tests.support.packages import BOTH_PACKAGES, RECORD
from tests.support.ticket_case import Case, at, done, given, in_jira, in_tier, kinds, phoned
from workflows.ticket.rendering import details


def version_3(terms):
    return terms.model_copy(update={"core_version": 3})


# -- G8: handing back what engineering has answered ----------------------------------------------------------------


def answered() -> Case:
    """Escalated by tom of Tier 2, and back with him at 10:00, since its issue is done."""
    case = in_jira()
    case.jira("10:00", "done", status="Done", resolution="Fixed")
    assert (case.ticket.tier, case.ticket.assignee) == ("T2", "tom")
    return case


def test_g8_an_engineers_return_of_10_01_after_done_at_10_00_drops_no_tier():
    case = answered()
    refused = case.refused("return", "10:01", by="eve", role="engineer", reason="It is fixed.")
    assert refused.code == "does_not_fit"
    assert "engineering has answered already: it is in T2" in refused.message
    assert (case.ticket.tier, case.ticket.bounces) == ("T2", 0)


@pytest.mark.parametrize(("by", "role"), [("tom", "agent"), ("lea", "lead")])
def test_g8_its_agent_and_a_lead_hand_it_on_after_engineerings_answer(by: str, role: str):
    case = answered()
    case.do("return", at="10:01", by=by, role=role, reason="A setting, no fault.")
    assert case.ticket.tier == "T1"


def test_g8_without_an_agent_it_is_taken_first():
    case = given("standard", "P0")
    done(case, at="09:01", incident=7)
    case.incident("10:00", "resolved", 5)
    assert (case.ticket.tier, case.ticket.assignee) == ("T2", None)
    case.refused("return", "10:01", by="eve", role="engineer", reason="It is fixed.")
    case.do("take", at="10:02", by="eve")
    case.do("return", at="10:03", by="eve", reason="A setting.")
    assert case.ticket.tier == "T1"


def test_g8_before_the_answer_and_after_the_next_way_up_an_engineer_hands_it_back():
    case = in_jira()
    case.do("return", at="10:00", by="eve", role="engineer", reason="Which endpoint?")
    assert case.ticket.tier == "T2"
    again = answered()
    again.jira("10:05", "new", status="To Do")
    assert again.ticket.tier == "T3"
    again.do("return", at="10:06", by="eve", role="engineer", reason="Which endpoint?")
    again.do("return", at="10:07", by="eve", role="engineer", reason="A setting.")
    assert again.ticket.tier == "T1"


def test_g8_before_version_4_a_return_after_done_dropped_a_tier():
    case = in_tier("T3", change=version_3)
    done(case, at="09:06", jira_key="SUP-1", jira_url="u")
    case.jira("10:00", "done", status="Done", resolution="Fixed")
    case.do("return", at="10:01", by="eve", role="engineer", reason="It is fixed.")
    assert case.ticket.tier == "T1"


# -- C6, C10, C12: mail that comes late ----------------------------------------------------------------------------


def test_c6_a_mail_of_09_55_does_not_answer_the_question_of_10_00():
    case = phoned("standard", "P1")
    case.do("wait", at="10:00", question="Which browser?")
    case.do("reply", at="11:00", role="integration", text="Still broken", source="mail", occurred="09:55")
    assert (case.ticket.status, case.types()[-1]) == ("pending", "replied")
    assert case.due("target", "resolution") is None
    case.do("reply", at="12:00", role="integration", text="Firefox", source="mail", occurred="11:59")
    assert case.ticket.status == "open"
    assert case.due("target", "resolution") == at("Tue 10:59")  # its 8 hours, and the 1:59 of waiting


def test_c6_a_mail_of_the_questions_own_instant_answers_it():
    case = phoned("standard", "P1")
    case.do("wait", at="10:00", question="Which browser?")
    case.do("reply", at="11:00", role="integration", text="Firefox", source="mail", occurred="10:00")
    assert case.ticket.status == "open"


def test_c6_what_was_written_after_the_question_answers_it_however_late_we_hear_of_both():
    case = phoned("standard", "P1")
    case.do("wait", at="10:30", question="Which browser?", source="helpdesk", occurred="10:00")
    case.do("reply", at="10:30", role="integration", text="Still broken", source="helpdesk", occurred="09:59")
    assert case.ticket.status == "pending"
    case.do("reply", at="10:30", role="integration", text="Firefox", source="helpdesk", occurred="10:10")
    assert case.ticket.status == "open"
    assert case.due("target", "resolution") == at("17:00"), "the clocks stood still for no time"


def test_c6_a_question_that_is_heard_of_late_stops_the_clocks_when_it_is_heard_of():
    case = phoned("standard", "P1")
    case.do("wait", at="10:30", question="Which browser?", source="helpdesk", occurred="10:00")
    case.do("reply", at="11:30", role="integration", text="Firefox", source="helpdesk", occurred="11:30")
    assert case.due("target", "resolution") == at("Tue 10:00")


def test_c10_a_mail_of_before_the_closing_that_comes_after_it_opens_a_linked_ticket():
    case = phoned()
    case.do("resolve", at="09:05", **RECORD)
    case.do("close", at="10:00")
    refused = case.refused("reply", "10:30", role="integration", text="Wait", source="mail", occurred="09:59")
    assert refused.code == "closed", "the service opens a ticket that is linked to it"


def test_g1_a_mail_of_11_00_that_reopens_at_14_15_starts_the_limit_at_14_15():
    case = phoned()
    case.do("take", at="09:00")
    case.do("resolve", at="09:05", **RECORD)
    case.do("reply", at="14:15", role="integration", text="It is back.", source="mail", occurred="11:00")
    assert case.ticket.stay.since == at("14:15")
    case.wake("14:30")
    assert case.when("limit_reached") == at("14:30")


def test_g1_reopened_by_a_customer_at_night_counts_support_hours_and_by_staff_the_wall():
    for role, reached in (("customer", "Tue 09:15"), ("agent", "Tue 03:15")):
        case = phoned()
        case.do("take", at="09:00")
        case.do("resolve", at="09:05", **RECORD)
        if role == "customer":
            case.do("reply", at="Tue 03:00", role=role, text="It is back.")
        else:
            case.do("reopen", at="Tue 03:00", reason="It is back.")
        case.wake("Tue 12:00")
        assert case.when("limit_reached") == at(reached)


# -- G6: the packages of a P0 that left its incident -----------------------------------------------------------------


def left(how: str = "back", change=None) -> Case:
    """A P0 of 09:00 that turns out at 09:20 to be no part of incident 7."""
    case = given("standard", "P0", change=change)
    done(case, at="09:01", incident=7)
    case.incident("09:20", "declared", 4, left=how)
    return case


def test_g6_a_p0_that_left_its_incident_at_09_20_owes_no_package_at_09_30():
    case = left()
    case.wake("12:00")
    assert case.of("debt_overdue") == []
    assert "Packages owed" not in details(case.ticket)
    stays = given("standard", "P0")
    done(stays, at="09:01", incident=7)
    stays.wake("12:00")
    assert stays.when("debt_overdue") == at("09:30")


def test_g6_a_p0_that_gets_an_incident_of_its_own_owes_them_still():
    case = left("own")
    case.wake("09:30")
    assert case.when("debt_overdue") == at("09:30")


def test_g6_one_that_a_person_puts_back_into_an_incident_owes_them_again():
    case = left()
    case.incident("09:25", "declared", 1, number=8, added=True)
    case.wake("09:30")
    assert case.when("debt_overdue") == at("09:30")


def test_g6_what_was_complete_when_it_went_up_again_is_paid():
    case = left()
    case.do("take", at="09:21", by="tom")
    case.do("escalate", at="09:22", by="tom", fields=BOTH_PACKAGES)
    done(case, at="09:23", incident=8)
    case.wake("12:00")
    assert case.of("debt_overdue") == []


def test_g6_before_version_4_it_owed_them_all_the_same():
    case = left(change=version_3)
    case.wake("12:00")
    assert case.when("debt_overdue") == at("09:30")


# -- G5: an issue is raised with its ticket --------------------------------------------------------------------------


def test_g5_a_raised_ticket_raises_its_issue_once_for_each_change():
    case = in_jira()
    case.do("prioritise", at="10:00", priority="P1", reason="The whole office.")
    assert kinds(case) == ["jira_priority", "incident"]
    case.do("prioritise", at="10:01", priority="P0", reason="Everybody.")
    assert kinds(case).count("jira_priority") == 2


def test_g5_an_issue_on_its_way_is_raised_as_well():
    case = in_tier("T3")
    case.do("prioritise", at="09:06", priority="P1", reason="The whole office.")
    assert kinds(case) == ["jira_bug", "jira_priority", "incident"]


def test_g5_lowering_confirming_and_what_has_no_open_issue_raise_nothing():
    lowered = in_jira()
    lowered.do("prioritise", at="10:00", priority="P4", reason="One user.")
    without = in_tier("T2")
    without.do("prioritise", at="10:00", priority="P1", reason="The whole office.")
    over = answered()
    over.do("prioritise", at="10:10", priority="P1", reason="The whole office.")
    refused = in_tier("T3")
    (effect,) = refused.ticket.pending_effects
    refused.do("effect_failed", at="09:06", by="tierline", role="system", key=effect.key, reason="No")
    refused.do("prioritise", at="09:07", priority="P1", reason="The whole office.")
    assert [kinds(case).count("jira_priority") for case in (lowered, without, over, refused)] == [0, 0, 0, 0]


def test_g5_one_that_the_tracker_does_not_take_is_ops_business_and_can_be_retried():
    case = in_jira()
    case.do("prioritise", at="10:00", priority="P1", reason="The whole office.")
    raising = case.ticket.pending_effects[0]
    case.do("effect_failed", at="10:01", by="tierline", role="system", key=raising.key, reason="priority: not there")
    assert notices(case.ticket, case.of("effect_failed")[0])[0].name == "effect_failing"
    case.do("retry", at="10:05")
    assert [effect.failed for effect in case.ticket.pending_effects] == [False, False]


def test_g5_before_version_4_the_issue_stayed_as_it_was():
    case = in_tier("T3", change=version_3)
    done(case, at="09:06", jira_key="SUP-1", jira_url="u")
    case.do("prioritise", at="10:00", priority="P1", reason="The whole office.")
    assert kinds(case) == ["incident"]

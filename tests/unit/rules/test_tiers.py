"""G5-G8: who may go where, how engineering gets it, and how it comes back."""

import pytest

from domain.effects import notices
from domain.words import Status, Tier, WaitsOn
from tests.unit.rules.driver import (
    BOTH_PACKAGES,
    FIRST_PACKAGE,
    RECORD,
    SECOND_PACKAGE,
    T2_GATE,
    T3_GATE,
    Case,
    at,
    done,
    given,
    in_tier,
    replace_terms,
    terms_of,
)  # fmt: skip


def kinds(case: Case) -> list[str]:
    """What engineering was asked for, in order."""
    return [key.split(":")[1] for key in case_keys(case)]


def case_keys(case: Case) -> list[str]:
    return [effect.key for effect in case.ticket.undone]


# -- G5: to engineering ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("priority", "category", "asked"),
    [
        ("P1", "bug", "incident"),
        ("P2", "bug", "jira_bug"),
        ("P3", "bug", "jira_bug"),
        ("P2", "integration", "jira_bug"),
        ("P4", "bug", "jira_request"),
        ("P2", "feature", "jira_request"),
        ("P1", "feature", "jira_request"),
    ],
)
def test_g5_p0_and_p1_open_an_incident_p2_and_p3_a_bug_p4_and_features_a_request(priority, category, asked):
    case = in_tier("T2", priority=priority, category=category)
    case.do("escalate", at="09:05", fields=SECOND_PACKAGE)
    assert case.ticket.tier is Tier.T3
    assert case.last("escalated").to_engineering == asked
    assert kinds(case) == [asked]
    assert case.ticket.waits_on is (WaitsOn.PAGER if asked == "incident" else WaitsOn.JIRA)


def test_g5_requests_need_no_bug_report():
    case = in_tier("T2", priority="P4")
    case.do("escalate", at="09:05")
    assert case.ticket.tier is Tier.T3


@pytest.mark.parametrize(
    ("plan", "priority", "may"),
    [
        ("enterprise", "P3", True),
        ("enterprise", "P4", True),
        ("standard", "P1", True),
        ("premium", "P1", True),
        ("standard", "P2", False),
        ("premium", "P2", False),
        ("premium", "P3", False),
    ],
)
def test_g5_straight_to_tier_3_is_for_enterprise_and_for_p0_and_p1_on_a_paid_plan(plan, priority, may):
    case = given(plan, priority)
    if may:
        case.do("escalate", at="09:05", to="T3", fields=BOTH_PACKAGES)
        assert case.ticket.tier is Tier.T3
    else:
        refused = case.refused("escalate", "09:05", to="T3", fields=BOTH_PACKAGES)
        assert (refused.code, refused.would_fit) == ("does_not_fit", ["escalate"])


def test_g5_no_lead_sends_a_free_ticket_straight_to_engineering():
    case = given("free", "P1")
    refused = case.refused(
        "escalate", "09:05", to="T3", role="lead", override=True, reason="Big.", fields=BOTH_PACKAGES
    )
    assert refused.code == "does_not_fit"


def test_g5_who_handed_it_up_stands_on_the_event():
    case = in_tier("T2")
    assert case.of("escalated")[0].actor.id == "ada"
    assert case.ticket.escalator is None
    assert given("standard", "P0").of("escalated")[0].actor.id == "tierline"


def test_g5_an_incident_on_its_way_is_no_issue():
    case = given("standard", "P0")
    case.do("prioritise", at="09:01", priority="P2", reason="One user.")
    case.do("return", at="09:02", by="eva", reason="Not ours.")
    case.do("escalate", at="09:03", fields=BOTH_PACKAGES)
    assert kinds(case) == ["incident", "jira_bug"]


def test_g5_a_p0_that_a_rule_guessed_may_go_straight_too():
    case = given("standard", "P0", priority_guessed=True)
    case.do("escalate", at="09:01", to="T3", fields=BOTH_PACKAGES)
    assert kinds(case) == ["incident"]
    case.wake("09:30")
    assert len(case.of("escalated")) == 1


def test_g5_the_next_tier_if_none_is_said_and_never_the_same():
    case = given()
    case.do("escalate", at="09:05", fields=FIRST_PACKAGE)
    assert case.ticket.tier is Tier.T2
    assert case.refused("escalate", "09:06", to="T2").code == "does_not_fit"
    case.do("escalate", at="09:07", fields=SECOND_PACKAGE)
    assert case.ticket.tier is Tier.T3
    assert "Tier 3 already" in case.refused("escalate", "09:08").message


def test_g5_a_hand_off_leaves_the_ticket_open_and_unassigned():
    case = in_tier("T2")
    case.do("wait", at="09:10", question="Which browser?")
    case.do("escalate", at="09:20", fields=SECOND_PACKAGE)
    assert (case.ticket.status, case.ticket.assignee, case.ticket.suspended) == (Status.OPEN, None, False)


# -- Back from engineering, and up again -------------------------------------------------------------------------


def test_engineering_done_brings_the_ticket_back_to_who_escalated_it():
    case = in_tier("T3")
    done(case, at="09:06", jira_key="SUP-1", jira_url="https://jira.example/SUP-1")
    assert case.ticket.waits_on is WaitsOn.ENGINEERING
    case.jira("10:00", "indeterminate", status="In Progress")
    assert case.ticket.tier is Tier.T3
    case.jira("12:00", "done", status="Done", comment="Fixed in 4.2.")
    assert (case.ticket.tier, case.ticket.assignee, case.ticket.waits_on) == (Tier.T2, "tom", WaitsOn.AGENT)
    assert case.ticket.status is Status.OPEN  # nothing is solved by itself
    assert case.of("jira_changed")[-1].texts == {"comment": "Fixed in 4.2."}
    case.do("resolve", at="12:30", by="tom", **RECORD)


def test_an_answer_while_the_customer_is_asked_keeps_waiting():
    case = in_tier("T3")
    done(case, at="09:06", jira_key="SUP-1")
    case.do("wait", at="10:00", by="eva", question="Does 4.2 help?")
    case.jira("12:00", "done")
    assert (case.ticket.tier, case.ticket.status) == (Tier.T2, Status.PENDING)


def test_an_answer_moves_nothing_that_has_moved_on():
    returned = in_tier("T3")
    done(returned, at="09:06", jira_key="SUP-1")
    returned.do("return", at="10:00", by="eva", reason="Not ours.")
    returned.do("take", at="10:01", by="uta")
    returned.jira("12:00", "done")
    assert (returned.ticket.assignee, returned.of("answered")) == ("uta", [])
    resolved = in_tier("T3")
    done(resolved, at="09:06", jira_key="SUP-1")
    resolved.do("resolve", at="10:00", **RECORD)
    resolved.jira("12:00", "done")
    assert resolved.of("answered") == []


def test_back_and_up_again_a_new_issue_if_the_first_is_done():
    case = in_tier("T3")
    done(case, at="09:06", jira_key="SUP-1")
    case.jira("10:00", "done")
    case.do("escalate", at="10:05", by="tom")
    assert kinds(case) == ["jira_bug"]
    assert case_keys(case)[0].endswith(f":{case.ticket.seq}")
    done(case, at="10:06", jira_key="SUP-2")
    assert case.ticket.jira.key == "SUP-2"


def test_back_and_up_again_the_open_issue_is_reused():
    case = in_tier("T3")
    done(case, at="09:06", jira_key="SUP-1")
    case.do("return", at="10:00", by="eva", reason="Which version?")
    case.do("escalate", at="10:05")
    assert case.last("escalated").to_engineering == "linked"
    assert case.ticket.undone == ()
    assert case.ticket.waits_on is WaitsOn.ENGINEERING


def test_back_and_up_again_an_issue_on_its_way_is_not_asked_for_twice():
    case = in_tier("T3")
    case.do("return", at="09:06", by="eva", reason="Which version?")
    case.do("escalate", at="09:07")
    assert kinds(case) == ["jira_bug"]
    assert case.last("escalated").to_engineering == "linked"


def test_back_and_up_again_after_its_incident_engineering_answers_again():
    case = in_tier("T3")
    done(case, at="09:06", jira_key="SUP-1")
    case.do("prioritise", at="09:10", priority="P0", reason="All of them are down.")
    done(case, at="09:11", incident=7)
    case.incident("09:30", "resolved", 2)
    case.do("prioritise", at="09:40", priority="P2", reason="Better.")
    case.do("escalate", at="09:41", by="tom")
    assert case.last("escalated").to_engineering == "linked"
    case.jira("10:00", "done")
    assert [body.by for body in case.bodies("answered")] == ["incident", "jira"]


def test_back_and_up_again_an_issue_that_was_refused_is_tried_again_under_its_key():
    case = in_tier("T3")
    key = case_keys(case)[0]
    case.do("effect_failed", at="09:06", by="tierline", role="system", key=key, reason="Component is required")
    assert case.ticket.waits_on is WaitsOn.AGENT
    case.do("return", at="09:07", by="eva", reason="Needs its area.")
    case.do("amend", at="09:08", product_area="billing")
    case.do("escalate", at="09:09")
    assert case_keys(case) == [key]
    assert not case.ticket.undone[0].failed


# -- G6: critical ----------------------------------------------------------------------------------------------------


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
    case.do("fill", at="09:10", fields=FIRST_PACKAGE)
    assert case.ticket.debt.paid is None
    case.do("fill", at="09:20", fields=SECOND_PACKAGE)
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
    case.do("fill", at="09:10", fields=FIRST_PACKAGE)
    case.do("amend", at="09:15", category="feature")
    assert case.ticket.debt.paid == at("09:15")
    lowered = given("standard", "P0")
    lowered.do("fill", at="09:10", fields=FIRST_PACKAGE)
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
    case.do("escalate", at="09:02", fields=FIRST_PACKAGE)
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


def test_g6_a_guess_that_was_resolved_does_not_page():
    case = given("standard", "P0", priority_guessed=True)
    case.do("resolve", at="09:03", **RECORD)
    case.wake("10:00")
    assert kinds(case) == []


def test_g6_another_guess_has_no_five_minutes():
    case = given("standard", "P1", priority_guessed=True)
    case.wake("09:30")
    assert case.of("guess_stood") == []


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
    key = case_keys(case)[0]
    case.do("effect_failed", at="09:01", by="tierline", role="system", key=key, reason="Unknown service")
    case.do("prioritise", at="09:02", priority="P1", reason="Half of them.")
    case.do("prioritise", at="09:03", priority="P0", reason="All of them.")
    assert case_keys(case) == [key]
    assert not case.ticket.undone[0].failed


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


# -- G7 -----------------------------------------------------------------------------------------------------------


def test_g7_free_stops_at_the_community_unless_a_lead_overrides_with_a_reason():
    case = given("free", "P2")
    refused = case.refused("escalate", "09:05", fields=FIRST_PACKAGE)
    assert (refused.code, refused.would_fit) == ("not_allowed", ["refer", "resolve"])
    assert case.refused("escalate", "09:05", fields=FIRST_PACKAGE, override=True, reason="Big.").code == "not_allowed"
    assert case.refused("escalate", "09:05", fields=FIRST_PACKAGE, override=True, role="lead").missing == ["reason"]
    case.do("escalate", at="09:05", role="lead", override=True, reason="A large prospect.", fields=FIRST_PACKAGE)
    assert case.ticket.tier is Tier.T2
    assert case.refused("escalate", "09:06", fields=SECOND_PACKAGE).code == "not_allowed"
    case.do("escalate", at="09:07", role="lead", override=True, reason="A large prospect.", fields=SECOND_PACKAGE)
    assert kinds(case) == ["jira_bug"]


def test_g7_forcing_is_not_overriding():
    case = given("free", "P2")
    assert case.refused("escalate", "09:05", role="lead", force=True, reason="Now.").code == "not_allowed"
    case.do("escalate", at="09:05", role="lead", force=True, override=True, reason="Now.")
    assert case.ticket.tier is Tier.T2


def test_g7_an_overridden_p1_opens_an_incident_and_is_never_left_with_nothing():
    case = given("free", "P1")
    for fields in (FIRST_PACKAGE, SECOND_PACKAGE):
        case.do("escalate", at="09:05", role="lead", override=True, reason="A large prospect.", fields=fields)
    assert kinds(case) == ["incident"]


def test_g7_only_free_is_referred():
    assert given("standard").refused("refer", "09:05", link="https://community.example").code == "does_not_fit"


def test_g7_a_plan_that_is_bought_opens_the_way():
    case = given("free", "P2")
    replace_terms(case, "09:05", terms_of("standard"), "standard")
    case.do("escalate", at="09:06", fields=FIRST_PACKAGE)
    assert case.ticket.account.plan == "standard"


# -- G8 -----------------------------------------------------------------------------------------------------------


def test_g8_t2_and_t3_may_hand_back_with_a_reason_and_bounces_are_counted():
    case = in_tier("T3")
    assert case.refused("return", "10:00", by="eva", reason=" ").missing == ["reason"]
    case.do("return", at="10:00", by="eva", reason="Which version?")
    assert (case.ticket.tier, case.ticket.assignee, case.ticket.bounces) == (Tier.T2, None, 1)
    case.do("return", at="10:05", by="tom", reason="A setting.")
    assert (case.ticket.tier, case.ticket.bounces) == (Tier.T1, 2)
    assert [(b.frm.value, b.to.value) for b in case.bodies("returned")] == [("T3", "T2"), ("T2", "T1")]
    assert case.of("returned")[0].texts == {"reason": "Which version?"}
    assert case.refused("return", "10:06", reason="Lower").code == "does_not_fit"


def test_g8_what_was_handed_back_has_its_package_still():
    case = in_tier("T2")
    case.do("return", at="10:00", by="tom", reason="A setting.")
    case.do("escalate", at="10:05")
    assert case.ticket.tier is Tier.T2
    assert case.refused("escalate", "10:06").missing == T3_GATE


def test_g8_a_forced_ticket_brings_its_package_later():
    case = given()
    case.do("escalate", at="09:05", force=True, role="lead", reason="Now.")
    assert case.refused("escalate", "09:06", fields=SECOND_PACKAGE).missing == [*T2_GATE, "bug_report.steps"]

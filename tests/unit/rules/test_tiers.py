"""G5, G7, G8: who may go where, how engineering gets it, and how it comes back."""

import pytest

from domain.core.enums import Status, Tier, WaitsOn
from tests.support.packages import BOTH_PACKAGES, RECORD, T2_GATE, T2_PACKAGE, T3_GATE, T3_PACKAGE
from tests.support.ticket_case import Case, done, given, in_tier, keys, kinds, replace_terms, terms_of, word

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
    case.do("escalate", at="09:05", fields=T3_PACKAGE)
    assert case.ticket.tier is Tier.T3
    assert case.last("escalated").to_engineering == asked
    assert kinds(case) == [asked]
    assert case.ticket.waits_on is (WaitsOn.PAGER if asked == "incident" else WaitsOn.TRACKER)


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
    assert kinds(case) == ["incident", "tell_incident", "jira_bug"]


def test_g5_a_p0_that_a_rule_guessed_may_go_straight_too():
    case = given("standard", "P0", priority_guessed=True)
    case.do("escalate", at="09:01", to="T3", fields=BOTH_PACKAGES)
    assert kinds(case) == ["incident"]
    case.wake("09:30")
    assert len(case.of("escalated")) == 1


def test_g5_the_next_tier_if_none_is_said_and_never_the_same():
    case = given()
    case.do("escalate", at="09:05", fields=T2_PACKAGE)
    assert case.ticket.tier is Tier.T2
    assert case.refused("escalate", "09:06", to="T2").code == "does_not_fit"
    case.do("escalate", at="09:07", fields=T3_PACKAGE)
    assert case.ticket.tier is Tier.T3
    assert "Tier 3 already" in case.refused("escalate", "09:08").message


def test_g5_a_hand_off_leaves_the_ticket_open_and_unassigned():
    case = in_tier("T2")
    case.do("wait", at="09:10", question="Which browser?")
    case.do("escalate", at="09:20", fields=T3_PACKAGE)
    assert (case.ticket.status, case.ticket.assignee, case.ticket.suspended) == (Status.OPEN, None, False)


# -- Back from engineering, and up again -------------------------------------------------------------------------


def test_engineering_done_brings_the_ticket_back_to_who_escalated_it():
    case = in_tier("T3")
    done(case, at="09:06", jira_key="SUP-1", jira_url="https://jira.example/SUP-1")
    assert case.ticket.waits_on is WaitsOn.ENGINEERING
    case.jira("10:00", "indeterminate", status="In Progress")
    assert case.ticket.tier is Tier.T3
    case.jira("12:00", "done", status="Done", comments=[word(1, "Fixed in 4.2.")])
    assert (case.ticket.tier, case.ticket.assignee, case.ticket.waits_on) == (Tier.T2, "tom", WaitsOn.AGENT)
    assert case.ticket.status is Status.OPEN  # nothing is solved by itself
    assert case.of("engineering_said")[-1].texts == {"comment": "Fixed in 4.2."}
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
    assert keys(case)[0].endswith(f":{case.ticket.seq}")
    done(case, at="10:06", jira_key="SUP-2")
    assert case.ticket.issue.key == "SUP-2"


def test_back_and_up_again_the_open_issue_is_reused():
    case = in_tier("T3")
    done(case, at="09:06", jira_key="SUP-1")
    case.do("return", at="10:00", by="eva", reason="Which version?")
    case.do("escalate", at="10:05")
    assert case.last("escalated").to_engineering == "linked"
    assert case.ticket.pending_effects == ()
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
    key = keys(case)[0]
    case.do("effect_failed", at="09:06", by="tierline", role="system", key=key, reason="Component is required")
    assert case.ticket.waits_on is WaitsOn.AGENT
    case.do("return", at="09:07", by="eva", reason="Needs its area.")
    case.do("amend", at="09:08", product_area="billing")
    case.do("escalate", at="09:09")
    assert keys(case) == [key]
    assert not case.ticket.pending_effects[0].failed


def test_g5_engineerings_answer_is_no_new_stay():
    case = given("enterprise")
    case.do("take", at="09:01")
    case.do("escalate", at="09:05", to="T3", fields=BOTH_PACKAGES)
    done(case, at="09:06", jira_key="SUP-1")
    case.jira("12:00", "done")
    assert (case.ticket.tier, case.ticket.assignee, case.ticket.stay) == ("T1", "ada", None)
    case.wake("17:00")
    assert case.of("limit_reached") == []


# -- G7 -----------------------------------------------------------------------------------------------------------


def test_g7_free_stops_at_the_community_unless_a_lead_overrides_with_a_reason():
    case = given("free", "P2")
    refused = case.refused("escalate", "09:05", fields=T2_PACKAGE)
    assert (refused.code, refused.would_fit) == ("not_allowed", ["refer", "resolve"])
    assert case.refused("escalate", "09:05", fields=T2_PACKAGE, override=True, reason="Big.").code == "not_allowed"
    assert case.refused("escalate", "09:05", fields=T2_PACKAGE, override=True, role="lead").missing == ["reason"]
    case.do("escalate", at="09:05", role="lead", override=True, reason="A large prospect.", fields=T2_PACKAGE)
    assert case.ticket.tier is Tier.T2
    assert case.refused("escalate", "09:06", fields=T3_PACKAGE).code == "not_allowed"
    case.do("escalate", at="09:07", role="lead", override=True, reason="A large prospect.", fields=T3_PACKAGE)
    assert kinds(case) == ["jira_bug"]


def test_g7_forcing_is_not_overriding():
    case = given("free", "P2")
    assert case.refused("escalate", "09:05", role="lead", force=True, reason="Now.").code == "not_allowed"
    case.do("escalate", at="09:05", role="lead", force=True, override=True, reason="Now.")
    assert case.ticket.tier is Tier.T2


def test_g7_an_overridden_p1_opens_an_incident_and_is_never_left_with_nothing():
    case = given("free", "P1")
    for fields in (T2_PACKAGE, T3_PACKAGE):
        case.do("escalate", at="09:05", role="lead", override=True, reason="A large prospect.", fields=fields)
    assert kinds(case) == ["incident"]


def test_g7_only_free_is_referred():
    assert given("standard").refused("refer", "09:05", link="https://community.example").code == "does_not_fit"


def test_g7_a_plan_that_is_bought_opens_the_way():
    case = given("free", "P2")
    replace_terms(case, "09:05", terms_of("standard"), "standard")
    case.do("escalate", at="09:06", fields=T2_PACKAGE)
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
    assert case.refused("escalate", "09:06", fields=T3_PACKAGE).missing == [*T2_GATE, "bug_report.steps"]


# -- G5: lowered in an incident, the bug or nothing is what it waits on ---------------------------------------------


def lowered() -> Case:
    """In Tier 3, part of incident 7, and no P1 any more."""
    case = given("standard", "P0")
    done(case, "09:01", incident=7)
    case.do("prioritise", at="09:10", priority="P2", reason="A workaround is there.")
    done(case, "09:11")
    return case


def test_g5_without_a_bug_of_its_own_the_incident_gives_it_back():
    case = lowered()
    case.incident("09:30", "resolved", 5)
    assert (case.ticket.tier, case.last("answered").by) == ("T2", "incident")


def test_g5_a_bug_that_is_on_its_way_is_waited_for_and_one_that_is_done_is_not():
    case = lowered()
    case.do("escalate", at="09:13", fields=BOTH_PACKAGES)
    case.incident("09:30", "resolved", 5)
    assert case.ticket.tier == "T3"
    over = lowered()
    over.do("escalate", at="09:13", fields=BOTH_PACKAGES)
    done(over, "09:13:30")  # the incident has heard of the packages
    done(over, "09:14", jira_key="SUP-1", jira_url="u")
    over.jira("09:20", "done")
    assert over.ticket.tier == "T3"  # the incident is open
    over.incident("09:30", "resolved", 5)
    assert over.ticket.tier == "T2"


def test_g5_a_ticket_that_was_handed_on_stays_where_it_is_when_the_incident_ends():
    case = given("standard", "P0")
    done(case, "09:01", incident=7)
    case.do("return", at="09:10", by="ed", reason="Not ours.")
    case.do("return", at="09:11", by="tom", reason="A setting.")
    case.incident("09:30", "resolved", 5)
    assert (case.ticket.tier, case.of("answered")) == ("T1", [])

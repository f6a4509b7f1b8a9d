"""A ticket's part in an incident: what it hears, what it says, and both directions of severity (G5, G6)."""

import pytest

from domain.core.enums import Priority, Tier, WaitsOn
from domain.ticket.aggregate import notices
from domain.ticket.rules.incident_link import owes
from tests.support.packages import BOTH_PACKAGES, T2_PACKAGE, T3_PACKAGE
from tests.support.ticket_case import Case, at, done, given, in_tier, kinds


def in_incident(plan: str = "standard", priority: str = "P0", **opened: str) -> Case:
    """A P0 that is part of incident 7."""
    case = given(plan, priority, **opened)
    done(case, at="09:01", incident=7)
    return case


def test_g6_it_tells_its_incident_what_it_owes_whenever_that_changes():
    case = in_incident()
    assert owes(case.ticket) == (*T2_PACKAGE, *T3_PACKAGE)
    case.do("fill", at="09:05", fields=T2_PACKAGE)
    assert kinds(case) == ["tell_incident"]
    assert owes(case.ticket) == tuple(T3_PACKAGE)
    case.do("fill", at="09:06", fields=T3_PACKAGE)
    assert kinds(case) == ["tell_incident"]  # the later one tells all there is
    assert (owes(case.ticket), case.ticket.debt.paid) == ((), at("09:06"))
    done(case, at="09:07")
    case.do("attach", at="09:08", text="more.log")
    assert kinds(case) == []


def test_g6_a_ticket_that_is_closed_can_pay_nothing_and_owes_nothing():
    case = in_incident()
    case.do("take", at="09:02")
    case.do("resolve", at="09:05", resolution="wont_fix", customer_reason="A test.")
    case.do("close", at="09:06")
    assert (kinds(case), owes(case.ticket)) == (["tell_incident"], ())


def test_g6_what_is_filled_before_it_has_joined_is_told_after():
    case = given("standard", "P0")
    case.do("fill", at="09:00:01", fields=T2_PACKAGE)
    assert kinds(case) == ["incident", "tell_incident"]


def test_g5_lowered_it_keeps_its_incident_and_tells_it_and_may_get_a_bug():
    case = in_incident()
    case.do("prioritise", at="09:10", priority="P2", reason="A workaround is there.")
    assert kinds(case) == ["tell_incident"]
    done(case, at="09:11")
    assert (case.ticket.incident.number, case.ticket.tier) == (7, Tier.T3)
    assert case.refused("escalate", at="09:12").missing == [*T2_PACKAGE, *T3_PACKAGE]
    assert case.refused("escalate", at="09:12", to="T2").code == "does_not_fit"
    case.do("escalate", at="09:13", fields=BOTH_PACKAGES)
    assert "jira_bug" in kinds(case)
    key = next(effect.key for effect in case.ticket.pending_effects if effect.kind == "jira_bug")
    case.do("effect_done", at="09:14", by="tierline", role="system", key=key, jira_key="SUP-1", jira_url="u")
    assert kinds(case) == ["tell_incident"]  # of its bug
    case.incident("09:30", "resolved", 5)
    assert (case.ticket.tier, case.ticket.waits_on) == (Tier.T3, WaitsOn.ENGINEERING)
    assert case.refused("escalate", at="09:31").code == "does_not_fit"


@pytest.mark.parametrize("priority", ["P0", "P1"])
def test_g5_a_p2_with_a_bug_that_is_raised_gets_an_incident(priority):
    case = in_tier("T3")
    done(case, at="09:06", jira_key="SUP-1")
    case.do("prioritise", at="09:10", priority=priority, reason="The whole office.")
    assert kinds(case)[:2] == ["jira_priority", "incident"]
    assert case.ticket.issue.key == "SUP-1"
    case.do("prioritise", at="09:11", priority="P1" if priority == "P0" else "P0", reason="Look again.")
    assert kinds(case).count("incident") == 1


def test_g5_raised_to_p1_below_tier_3_it_stays_with_its_agent():
    case = in_tier("T2")
    case.do("prioritise", at="09:10", priority="P1", reason="The whole office.")
    assert (case.ticket.tier, kinds(case)) == (Tier.T2, [])


def test_an_update_is_a_draft_until_a_person_sends_it():
    case = in_incident()
    case.incident("09:10", "declared", 2, draft="We found it.", update=1)
    assert case.of("update_drafted")[0].texts == {"draft": "We found it."}
    assert (case.ticket.incident.draft, case.of("responded")) == (1, [])
    case.do("respond", at="09:11", text="We found it, says the team.")
    assert case.ticket.incident.draft is None
    case.incident("09:12", "declared", 3, draft="We found it.", update=1, approved_by="cora")
    assert len(case.of("responded")) == 1  # the agent's own words stand


def test_c5_approved_at_the_incident_it_is_a_response_of_the_one_who_approved_it():
    case = in_incident()
    case.incident("09:10", "declared", 2, draft="We found it.", update=1)
    case.incident("09:12", "declared", 3, draft="We found it.", update=1, approved_by="cora")
    (sent,) = case.of("responded")
    assert (sent.actor.id, sent.texts) == ("cora", {"text": "We found it."})
    assert case.clock("contract", "first_response").met_at == at("09:12")
    case.incident("09:13", "declared", 3, draft="We found it.", update=1, approved_by="cora")
    assert len(case.of("responded")) == 1


def test_a_wrong_join_goes_back_to_its_agent():
    case = in_tier("T2", priority="P1")
    case.do("escalate", at="09:10", by="tom", fields=T3_PACKAGE)
    done(case, at="09:11", incident=7)
    case.incident("09:20", "declared", 4, left="back", comment="Another product.")
    assert (case.ticket.incident.state, case.ticket.incident.open) == ("left", False)
    assert (case.ticket.tier, case.ticket.assignee) == (Tier.T2, "tom")
    (notice,) = notices(case.ticket, case.of("answered")[0])
    assert "not part of incident-7" in notice.title
    case.incident("09:21", "resolved", 5)
    assert case.ticket.incident.state == "left"


def test_a_wrong_join_that_is_as_urgent_gets_an_incident_of_its_own():
    case = in_incident()
    case.incident("09:20", "declared", 4, left="own")
    assert (case.ticket.tier, kinds(case)) == (Tier.T3, ["incident_own"])
    assert case.ticket.debt is not None
    done(case, at="09:21", incident=8)
    assert (case.ticket.incident.number, case.ticket.incident.open) == (8, True)


def test_it_may_hear_that_it_left_before_it_knows_that_it_joined():
    case = given("standard", "P0")
    (effect,) = case.ticket.pending_effects
    case.incident("09:01", "declared", 2, left="back")
    case.do("effect_done", at="09:02", by="tierline", role="system", key=effect.key, incident=7)
    assert (case.ticket.incident.state, kinds(case)) == ("left", [])


def test_it_can_join_again_what_it_left():
    case = in_incident()
    case.incident("09:20", "declared", 4, left="back")
    case.do("take", at="09:21", by="tom")
    case.do("escalate", at="09:22", by="tom", fields=BOTH_PACKAGES)
    done(case, at="09:23", incident=7)
    assert case.ticket.incident.open
    case.incident("09:24", "acknowledged", 4)
    assert case.ticket.incident.state == "declared"  # older than its leaving
    case.incident("09:25", "acknowledged", 6)
    assert case.ticket.incident.state == "acknowledged"


def test_a_ticket_that_a_person_added_is_part_of_it_and_says_what_it_owes():
    case = in_tier("T1", priority="P2")
    case.incident("09:10", "acknowledged", 3, added=True)
    assert (case.ticket.incident.number, case.ticket.tier, kinds(case)) == (7, Tier.T1, ["tell_incident"])
    other = in_tier("T1", priority="P2")
    other.incident("09:10", "acknowledged", 3)
    assert other.ticket.incident is None


def test_a_free_ticket_that_is_raised_opens_nothing():
    case = given("free", "P2")
    case.do("prioritise", at="09:10", priority="P1", reason="All of it.")
    assert (kinds(case), case.ticket.priority) == ([], Priority.P1)


def test_g6_a_draft_of_an_incident_that_is_over_is_none_of_the_next():
    case = in_incident()
    case.incident("09:15", "declared", 2, draft="We look into it.", update=1)
    case.incident("09:30", "resolved", 3)
    assert case.ticket.incident.draft == 1
    case.do("escalate", at="10:00", fields=BOTH_PACKAGES)
    case.incident("10:01", "acknowledged", 1, number=8)  # before the effect has reported back
    assert (case.ticket.incident.number, case.ticket.incident.draft) == (8, None)


def test_a_late_word_of_an_older_incident_is_not_taken_for_the_next_one():
    case = in_incident()
    case.incident("09:30", "resolved", 3)
    case.do("escalate", at="10:00", fields=BOTH_PACKAGES)
    case.incident("10:01", "acknowledged", 9, number=6)
    assert (case.ticket.incident.number, case.ticket.incident.state) == (7, "resolved")


def test_g6_a_ticket_that_is_closed_gets_no_draft_and_without_words_there_is_none():
    case = in_incident()
    case.incident("09:10", "declared", 2, draft=" ", update=1)
    case.incident("09:11", "declared", 3, draft="We look into it.")
    case.do("resolve", at="09:15", resolution="wont_fix", customer_reason="A test.")
    case.do("close", at="09:16")
    case.incident("09:20", "declared", 4, draft="We look into it.", update=2)
    assert (case.ticket.incident.version, case.of("update_drafted")) == (4, [])

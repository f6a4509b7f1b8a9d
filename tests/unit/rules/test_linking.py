"""F4: one problem, many tickets: a person links a ticket to an issue that is there, and no other is made."""

import pytest

from domain.core.enums import Tier, WaitsOn
from domain.ticket.rules.pending_effects import late
from tests.support.packages import BOTH_PACKAGES
from tests.support.ticket_case import Case, done, given, in_tier


def in_t2(**form: object) -> Case:
    """In Tier 2, with both packages."""
    case = in_tier("T2", **form)
    case.do("fill", at="09:06", by="tom", fields=BOTH_PACKAGES)
    return case


def linked(issue: str = "SUP-12", **form: object) -> Case:
    case = in_t2(**form)
    case.do("escalate", at="09:10", by="tom", issue=issue)
    return case


def test_f4_a_chosen_issue_is_linked_and_none_is_made() -> None:
    case = linked("sup-12")
    (effect,) = case.ticket.pending_effects
    escalated = case.of("escalated")[-1]
    assert (effect.kind, effect.issue) == ("jira_link", "SUP-12")
    assert effect.key == f"ticket-{case.ticket.id}:jira_link:{escalated.seq}"
    assert (case.ticket.tier, case.ticket.waits_on) == (Tier.T3, WaitsOn.TRACKER)

    done(case, at="09:11", jira_key="SUP-12", jira_url="https://jira.example/SUP-12")

    assert case.ticket.issue is not None
    assert (case.ticket.issue.key, case.ticket.issue.kind) == ("SUP-12", "bug")
    assert (case.ticket.pending_effects, case.ticket.waits_on) == ((), WaitsOn.ENGINEERING)


def test_f4_a_request_is_linked_as_a_request() -> None:
    case = linked(priority="P4")
    done(case, at="09:11", jira_key="SUP-12")
    assert case.ticket.issue is not None
    assert case.ticket.issue.kind == "request"


def test_g5_what_was_made_as_a_bug_stays_one_though_its_ticket_is_a_request_by_now() -> None:
    case = in_t2()
    case.do("escalate", at="09:10", by="tom")
    case.do("prioritise", at="09:11", by="tom", priority="P4", reason="It can wait.")
    done(case, at="09:12", jira_key="SUP-1")
    assert case.ticket.issue is not None
    assert (case.ticket.issue.kind, case.ticket.issue.url) == ("bug", "")


def test_f5_an_effect_that_the_tracker_refused_is_late_no_more() -> None:
    case = in_t2()
    case.do("escalate", at="09:10", by="tom")
    key = case.ticket.pending_effects[0].key
    case.wake("09:20")
    assert late(case.ticket) == {key}
    case.do("effect_failed", at="09:21", by="tierline", role="system", key=key, reason="No component")
    assert late(case.ticket) == frozenset()


def test_f4_without_a_choice_an_issue_of_its_own_is_made() -> None:
    case = in_t2()
    case.do("escalate", at="09:10", by="tom")
    assert case.ticket.pending_effects[0].kind == "jira_bug"


@pytest.mark.parametrize("issue", ["", "SUP", "SUP-0", "../SUP-1", "SUP-1 OR 1=1", "5"])
def test_what_is_no_issue_key_is_refused(issue: str) -> None:
    assert in_t2().refused("escalate", "09:10", by="tom", issue=issue).code == "malformed"


def test_g5_an_issue_is_linked_on_the_way_to_engineering_only() -> None:
    case = given(priority="P2")
    case.do("take", at="09:01")
    assert case.refused("escalate", "09:10", issue="SUP-12", fields=BOTH_PACKAGES).code == "does_not_fit"


def test_g5_what_goes_to_an_incident_has_no_issue_to_link() -> None:
    assert in_t2(priority="P1").refused("escalate", "09:10", by="tom", issue="SUP-12").code == "does_not_fit"


def test_g5_a_ticket_whose_own_issue_is_open_keeps_it() -> None:
    case = linked()
    done(case, at="09:11", jira_key="SUP-12")
    case.do("return", at="09:20", by="eve", role="engineer", reason="Which version?")
    assert case.refused("escalate", "09:30", by="tom", issue="SUP-13").message.endswith("as SUP-12")
    case.do("escalate", at="09:30", by="tom", issue="SUP-12")
    assert case.of("escalated")[-1].body.to_engineering == "linked"
    assert case.ticket.pending_effects == ()


def test_a_link_that_is_refused_waits_for_a_person_who_may_choose_another_issue() -> None:
    case = linked()
    key = case.ticket.pending_effects[0].key
    case.do("effect_failed", at="09:11", by="tierline", role="system", key=key, reason="SUP-12 is Done")
    assert case.ticket.pending_effects[0].failed

    case.do("retry", at="09:12", by="tom", issue="SUP-13")

    (effect,) = case.ticket.pending_effects
    assert (effect.key, effect.kind, effect.issue, effect.failed) == (key, "jira_link", "SUP-13", False)


def test_or_have_an_issue_of_its_own() -> None:
    case = linked()
    key = case.ticket.pending_effects[0].key
    case.do("effect_failed", at="09:11", by="tierline", role="system", key=key, reason="SUP-12 is Done")

    case.do("retry", at="09:12", by="tom", new=True)

    (effect,) = case.ticket.pending_effects
    assert (effect.key, effect.kind, effect.issue, effect.failed) == (key, "jira_bug", "", False)


def test_or_try_the_same_again() -> None:
    case = linked()
    case.do(
        "effect_failed", at="09:11", by="tierline", role="system", key=case.ticket.pending_effects[0].key, reason="No"
    )
    case.do("retry", at="09:12", by="tom")
    assert (case.ticket.pending_effects[0].kind, case.ticket.pending_effects[0].issue) == ("jira_link", "SUP-12")


def test_an_issue_that_jira_refused_to_make_may_become_a_link() -> None:
    case = in_tier("T3")
    case.do(
        "effect_failed", at="09:11", by="tierline", role="system", key=case.ticket.pending_effects[0].key, reason="No"
    )
    case.do("retry", at="09:12", by="tom", issue="SUP-13")
    assert (case.ticket.pending_effects[0].kind, case.ticket.pending_effects[0].issue) == ("jira_link", "SUP-13")


def test_both_at_once_and_neither_refused_do_not_fit() -> None:
    case = linked()
    case.do(
        "effect_failed", at="09:11", by="tierline", role="system", key=case.ticket.pending_effects[0].key, reason="No"
    )
    assert case.refused("retry", "09:12", by="tom", issue="SUP-13", new=True).code == "malformed"
    case.do("retry", at="09:13", by="tom", new=True)
    assert case.refused("retry", "09:14", by="tom", issue="SUP-13").code == "does_not_fit"


def test_g5_what_is_in_an_incident_already_is_told_so_whatever_issue_it_has() -> None:
    case = linked()
    done(case, at="09:11", jira_key="SUP-12")
    case.do("prioritise", at="09:12", by="eve", priority="P1", reason="No workaround.")
    case.do("return", at="09:20", by="eve", role="engineer", reason="Which version?")
    refused = case.refused("escalate", "09:30", by="tom", issue="SUP-12")
    assert refused.message == "a P1 goes to an incident, not to an issue"


def test_g5_an_issue_that_is_on_its_way_is_the_one() -> None:
    case = in_t2()
    case.do("escalate", at="09:10", by="tom")
    case.do("return", at="09:20", by="eve", role="engineer", reason="Which version?")
    refused = case.refused("escalate", "09:30", by="tom", issue="SUP-13")
    assert refused.message == "engineering has it already, as an issue that is on its way"


def test_retry_links_nothing_where_no_issue_was_refused() -> None:
    case = given(priority="P0")
    (effect,) = case.ticket.pending_effects
    system = {"by": "tierline", "role": "system", "key": effect.key}
    case.do("effect_failed", at="09:01", reason="No service", **system)
    assert case.refused("retry", "09:02", issue="SUP-12").message == "no issue was refused, and no link to one"
    assert case.refused("retry", "09:02", new=True).message == "no issue was refused, and no link to one"
    case.do("retry", at="09:02")
    assert not case.ticket.pending_effects[0].failed


def test_retry_with_another_issue_leaves_what_was_not_refused_alone() -> None:
    case = linked("SUP-12")
    case.do("prioritise", at="09:11", by="eve", priority="P1", reason="No workaround.")
    link, raising, incident = case.ticket.pending_effects
    system = {"by": "tierline", "role": "system"}
    case.do("effect_done", at="09:11", key=raising.key, **system)
    case.do("effect_failed", at="09:12", key=link.key, reason="Not there", **system)
    case.do("retry", at="09:13", issue="SUP-13")
    assert [retried.key for retried in case.bodies("effect_retried")] == [link.key]
    case.do("effect_failed", at="09:14", key=link.key, reason="Not there", **system)
    case.do("effect_failed", at="09:14", key=incident.key, reason="No service", **system)
    case.do("retry", at="09:15", issue="SUP-14")
    assert [(one.kind, one.issue, one.failed) for one in case.ticket.pending_effects] == [
        ("jira_link", "SUP-14", False),
        ("incident", "", False),
    ]

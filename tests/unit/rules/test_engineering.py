"""C7, F5: what engineering does reaches the ticket once, moves it where it should, and resolves nothing by itself."""

from typing import Any

import pytest

from domain.core.enums import Resolution, Status, Tier, WaitsOn
from domain.ticket.aggregate import notices
from domain.ticket.derived import flags, proposal
from tests.support.packages import RECORD, T3_PACKAGE
from tests.support.ticket_case import Case, at, in_jira, kinds

FIXED = {"status": "Done", "resolution": "Fixed"}
WORKAROUND = RECORD | {"resolution": "workaround"}


def over(how: dict[str, Any] = WORKAROUND) -> Case:
    """Resolved and closed by ten o'clock, its issue still open."""
    case = in_jira()
    case.do("resolve", at="09:50", **how)
    case.do("close", at="10:00")
    return case


# -- Done: back to its agent, with a proposal ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resolution", "proposed"),
    [
        ("Fixed", Resolution.SOLVED),
        ("fixed", Resolution.SOLVED),
        ("Done", Resolution.SOLVED),
        (None, Resolution.SOLVED),
        ("Won't Do", Resolution.WONT_FIX),
        ("Won't Fix", Resolution.WONT_FIX),
        ("Duplicate", Resolution.DUPLICATE),
        ("Cannot Reproduce", None),
        ("Erledigt", None),
    ],
)
def test_an_end_in_jira_proposes_a_resolution_by_the_policys_table_and_resolves_nothing(resolution, proposed):
    case = in_jira()
    case.jira("10:00", "done", status="Done", resolution=resolution)
    assert (case.ticket.status, case.ticket.resolution) == (Status.OPEN, None)
    assert proposal(case.ticket) is proposed


def test_f10_the_loop_is_to_be_closed_until_the_customer_is_written_to():
    case = in_jira()
    case.do("respond", at="09:58", text="We look into it.")
    assert loop(case) == []
    case.jira("10:00", "done", **FIXED)
    assert loop(case) == ["close_the_loop"]
    case.do("note", at="10:01", text="I write to them next.")
    assert loop(case) == ["close_the_loop"]
    case.do("respond", at="10:02", text="It is fixed in 4.13.")
    assert loop(case) == ["customer_told"]


def test_f10_a_question_to_the_customer_closes_the_loop_too():
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.do("wait", at="10:01", question="It is fixed in 4.13: does it work for you?")
    assert loop(case) == ["customer_told"]


def test_f10_what_was_written_before_and_arrives_late_closes_no_loop():
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.do("respond", at="10:05", text="We look into it.", source="mail", occurred=at("09:59"))
    assert loop(case) == ["close_the_loop"]


def test_f10_the_loop_is_open_again_once_engineering_has_answered_anew():
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.do("respond", at="10:02", text="It is fixed in 4.13.")
    case.jira("10:10", "indeterminate")
    assert loop(case) == []
    case.jira("10:20", "done", **FIXED)
    assert loop(case) == ["close_the_loop"]


def loop(case: Case) -> list[str]:
    """The flags of the ticket that are about closing the loop."""
    return [flag for flag in flags(case.ticket) if flag in ("close_the_loop", "customer_told")]


def test_nothing_is_proposed_while_the_issue_is_open():
    case = in_jira()
    case.jira("10:00", "indeterminate", resolution="Fixed")
    assert proposal(case.ticket) is None


def test_f5_the_agent_is_told_what_was_fixed_and_what_is_proposed():
    case = in_jira()
    case.jira("10:00", "done", **FIXED, fix_versions=["4.13", "4.12.1"])
    assert told(case, "answered") == [
        ("engineering_answered", "tom", "Engineering is done with SUP-1 (Fixed in 4.13, 4.12.1, proposed: solved): "
         "please tell the customer and resolve")
    ]  # fmt: skip


def test_from_done_to_released_is_no_second_answer():
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.jira("11:00", "done", status="Released", resolution="Fixed", fix_versions=["4.13"])
    assert (len(case.of("jira_changed")), len(case.of("answered"))) == (2, 1)
    assert told(case, "jira_changed") == []


# -- Reopened in Jira ---------------------------------------------------------------------------------------------


def test_reopened_in_jira_after_the_answer_goes_back_to_tier_3_without_a_second_issue():
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.jira("11:00", "indeterminate", status="In Progress")
    body = case.last("escalated")
    assert (body.frm, body.to, body.how, body.to_engineering) == ("T2", "T3", "reopened", "linked")
    assert (case.ticket.tier, case.ticket.waits_on, case.ticket.pending_effects) == (Tier.T3, WaitsOn.ENGINEERING, ())
    case.jira("12:00", "done", **FIXED)
    assert (case.ticket.tier, case.ticket.assignee) == (Tier.T2, "tom")


def test_reopened_while_the_customer_is_asked_the_clocks_tick_again():
    """C6: it is engineering that the ticket waits for, no longer the customer."""
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.do("wait", at="10:05", by="tom", question="Does it work now?")
    case.jira("11:00", "new", status="To Do")
    assert (case.ticket.tier, case.ticket.status, case.ticket.suspended) == (Tier.T3, Status.OPEN, False)


def test_reopened_with_a_priority_that_would_open_an_incident_pages_nobody():
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.do("prioritise", at="10:30", priority="P1", reason="More of them.")
    case.jira("11:00", "indeterminate", status="In Progress")
    assert kinds(case) == []


def test_what_its_agent_handed_on_meanwhile_stays_where_it_is_and_the_agent_hears_of_it():
    """G8: a ticket that was handed back is no longer where the answer brought it."""
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.do("return", at="10:30", by="tom", reason="Please tell them.")
    case.do("take", at="10:31", by="ada")
    case.jira("10:40", "indeterminate", status="In Progress")
    assert case.ticket.tier is Tier.T1
    assert told(case, "jira_changed")[0][:2] == ("engineering_answered", "ada")
    assert "has reopened SUP-1" in told(case, "jira_changed")[0][2]


@pytest.mark.parametrize("end", [(), ("close",)])
def test_c10_reopened_after_the_ticket_ended_its_agent_is_told_and_nothing_is_reopened(end):
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.do("resolve", at="10:30", by="tom", **RECORD)
    for command in end:
        case.do(command, at="10:31", by="tom")
    status = case.ticket.status
    case.jira("11:00", "indeterminate", status="In Progress")
    assert (case.ticket.status, case.ticket.tier) == (status, Tier.T2)
    assert told(case, "jira_changed")[0][:2] == ("engineering_answered", "tom")


# -- Deleted ---------------------------------------------------------------------------------------------------------


def test_a_deleted_issue_brings_the_ticket_to_its_agent_and_a_new_escalation_makes_a_new_issue():
    case = in_jira()
    case.jira("10:00", "gone", status="deleted, or out of our sight")
    assert (case.ticket.tier, case.ticket.assignee, case.ticket.issue.open) == (Tier.T2, "tom", False)
    assert told(case, "answered")[0][2] == "SUP-1 is gone from the issue tracker: escalate again if the problem stands"
    assert proposal(case.ticket) is None
    case.do("escalate", at="10:10", by="tom", fields=T3_PACKAGE)
    assert kinds(case) == ["jira_bug"]


def test_an_issue_that_is_done_and_then_deleted_moves_nothing():
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.jira("11:00", "gone")
    assert (case.ticket.tier, len(case.of("answered"))) == (Tier.T2, 1)
    assert told(case, "jira_changed") == []


# -- C7: the fix that ships after the ticket ended ----------------------------------------------------------------


def test_c7_the_customer_of_a_workaround_hears_of_the_fix_once():
    """F5: from done to released, a fix version that changes, a reopening and another end are no second fix."""
    case = over()
    case.jira("Fri 10:00", "done", **FIXED)
    case.jira("Fri 11:00", "done", status="Released", resolution="Fixed", fix_versions=["4.13"])
    case.jira("Fri 12:00", "indeterminate", status="In Progress")
    case.jira("Fri 13:00", "done", status="Released", resolution="Fixed", fix_versions=["4.13.1"])
    assert len(case.of("fix_shipped")) == 1
    assert told(case, "fix_shipped") == [("fix_shipped", "acme", "The fix behind SUP-1 has shipped")]


@pytest.mark.parametrize("resolution", ["Won't Do", "Duplicate", "Cannot Reproduce", "Erledigt"])
def test_c7_an_end_without_a_fix_is_not_told_to_the_customer_as_one_but_to_the_agent(resolution):
    case = over()
    case.jira("Fri 10:00", "done", status="Done", resolution=resolution)
    assert case.of("fix_shipped") == []
    ((name, _, title),) = told(case, "jira_changed")
    assert name == "engineering_answered"
    assert resolution in title


def test_c7_a_fix_that_comes_after_it_was_first_refused_ships_all_the_same():
    case = over()
    case.jira("Fri 10:00", "done", status="Done", resolution="Won't Do")
    case.jira("Fri 11:00", "done", **FIXED)
    assert len(case.of("fix_shipped")) == 1


def test_c7_who_was_told_that_it_is_solved_is_not_told_that_it_shipped():
    case = in_jira()
    case.jira("10:00", "done", **FIXED)
    case.do("resolve", at="10:30", by="tom", **RECORD)
    case.jira("11:00", "done", status="Released", resolution="Fixed", fix_versions=["4.13"])
    assert case.of("fix_shipped") == []


def test_c7_the_issue_of_a_workaround_that_is_deleted_is_told_to_the_agent_not_to_the_customer():
    case = over()
    case.jira("Fri 10:00", "gone")
    assert [name for name, *_ in told(case, "jira_changed")] == ["engineering_answered"]


def told(case: Case, kind: str) -> list[tuple[str, str | None, str]]:
    """Whom the latest event of a type is told to, and in which words."""
    event = case.of(kind)[-1]
    return [(notice.name, notice.recipient, notice.title) for notice in notices(case.ticket, event)]

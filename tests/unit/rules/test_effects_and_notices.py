"""Effects and notices: keys that survive retries, each notice once (F5), facts in any order."""

import pytest

from domain.aggregate.effect import effect_key
from domain.core.enums import WaitsOn
from domain.ticket.aggregate import next_deadline, next_timer, notices
from domain.ticket.deadline_kinds import Kind
from domain.ticket.events import Event
from domain.ticket.rules.pending_effects import late
from domain.ticket.state import workflow_id
from tests.support.durations import MINUTE
from tests.support.packages import BOTH_PACKAGES, RECORD
from tests.support.ticket_case import Case, at, done, given, in_tier, phoned


def told(case: Case, event: Event) -> list[tuple[str, str, str | None]]:
    return [(n.name, n.audience, n.recipient) for n in notices(case.ticket, event)]


# -- Keys -------------------------------------------------------------------------------------------------------


def test_an_effects_key_is_ticket_effect_and_sequence_of_the_causing_event():
    case = in_tier("T3")
    escalated = case.of("escalated")[-1]
    (effect,) = case.ticket.pending_effects
    assert effect.key == f"ticket-{case.ticket.id}:jira_bug:{escalated.seq}"
    assert (effect.seq, effect.since) == (escalated.seq, at("09:05"))
    assert effect_key(workflow_id("abc"), "jira_bug", 7) == "ticket-abc:jira_bug:7"
    assert workflow_id("abc") == "ticket-abc"


def test_a_second_escalation_gets_a_key_of_its_own():
    case = in_tier("T3")
    first = case.ticket.pending_effects[0].key
    done(case, at="09:06", jira_key="SUP-1")
    case.jira("10:00", "done")
    case.do("escalate", at="10:05", by="tom")
    assert case.ticket.pending_effects[0].key != first


def test_an_effect_stays_until_it_is_done_and_a_second_report_changes_nothing():
    case = in_tier("T3")
    key = case.ticket.pending_effects[0].key
    done(case, at="09:06", jira_key="SUP-1", jira_url="https://jira.example/SUP-1")
    assert case.ticket.pending_effects == ()
    assert (case.ticket.issue.key, case.ticket.issue.url, case.ticket.issue.kind) == (
        "SUP-1",
        "https://jira.example/SUP-1",
        "bug",
    )
    assert case.do("effect_done", at="09:07", by="tierline", role="system", key=key, jira_key="SUP-9") == []
    assert case.ticket.refs() == ("1", "SUP-1")


def test_only_tierline_itself_reports_on_effects():
    case = in_tier("T3")
    key = case.ticket.pending_effects[0].key
    assert case.refused("effect_done", "09:06", key=key, jira_key="SUP-1").code == "not_allowed"
    assert case.refused("effect_failed", "09:06", key=key, reason="No").code == "not_allowed"


def test_a_request_is_linked_as_a_request():
    case = in_tier("T3", priority="P4")
    done(case, at="09:06", jira_key="SUP-1")
    assert case.ticket.issue.kind == "request"
    second = given("standard", "P0")
    second.do("prioritise", at="09:01", priority="P4", reason="A wish.")
    second.do("return", at="09:02", by="eva", reason="Not ours.")
    second.do("escalate", at="09:03", fields=BOTH_PACKAGES)
    key = second.ticket.pending_effects[-1].key
    second.do("effect_done", at="09:04", by="tierline", role="system", key=key, jira_key="SUP-1")
    assert second.ticket.issue.kind == "request"


def test_an_effect_that_was_refused_waits_for_a_person_and_is_tried_again():
    case = in_tier("T3")
    key = case.ticket.pending_effects[0].key
    assert case.refused("retry", "09:06").code == "does_not_fit"
    (failed,) = case.do("effect_failed", at="09:07", by="tierline", role="system", key=key, reason="No component")
    assert failed.texts == {"reason": "No component"}
    assert told(case, failed) == [("effect_failing", "ops", None)]
    assert case.do("effect_failed", at="09:08", by="tierline", role="system", key=key, reason="No component") == []
    case.wake("12:00")
    assert case.of("effect_overdue") == []
    case.do("retry", at="12:01")
    assert (case.ticket.pending_effects[0].failed, case.ticket.pending_effects[0].since) == (False, at("12:01"))
    case.wake("12:11")
    assert case.when("effect_overdue") == at("12:11")


def test_an_outstanding_effect_needs_no_timer_of_its_own():
    case = in_tier("T3")
    assert next_deadline(case.ticket).kind is Kind.EFFECT
    assert next_timer(case.ticket).kind is Kind.WARNING
    case.do("resolve", at="09:06", **RECORD)
    assert next_timer(case.ticket).kind is Kind.QUIET


def test_of_two_effects_the_one_that_was_refused_is_marked():
    case = in_tier("T3")
    case.do("prioritise", at="09:06", priority="P0", reason="All of them are down.")
    _jira, raising, incident = case.ticket.pending_effects
    case.do("effect_done", at="09:06", by="tierline", role="system", key=raising.key)
    case.do("effect_failed", at="09:07", by="tierline", role="system", key=incident.key, reason="No")
    assert [effect.failed for effect in case.ticket.pending_effects] == [False, True]
    assert case.do("effect_failed", at="09:08", by="tierline", role="system", key=incident.key, reason="No") == []
    done(case, at="09:09", incident=None, jira_key="SUP-1")
    assert [effect.key for effect in case.ticket.pending_effects] == [incident.key]
    case.do("retry", at="09:10")
    done(case, at="09:11", incident=7)
    assert (case.ticket.issue.key, case.ticket.incident.number) == ("SUP-1", 7)


def test_a_later_issue_leaves_the_incident_as_it_is():
    case = given("standard", "P0")
    done(case, at="09:01", incident=7)
    case.incident("09:02", "resolved", 2)
    case.do("prioritise", at="09:03", priority="P2", reason="Better.")
    case.do("escalate", at="09:04", fields=BOTH_PACKAGES)
    done(case, at="09:05", jira_key="SUP-1")
    assert (case.ticket.incident.number, case.ticket.incident.state) == (7, "resolved")


def test_a_free_ticket_below_p0_joins_nothing():
    case = given("free", "P2")
    case.do("prioritise", at="09:10", priority="P3", reason="Cosmetic.")
    assert case.ticket.pending_effects == ()


def test_f5_ops_hear_once_of_an_effect_that_is_outstanding_over_ten_minutes():
    case = in_tier("T3")
    case.wake(at("09:15") - MINUTE)
    assert case.of("effect_overdue") == []
    case.wake("09:15")
    case.wake("12:00")
    (overdue,) = case.of("effect_overdue")
    assert (overdue.at, late(case.ticket)) == (at("09:15"), {case.ticket.pending_effects[0].key})
    assert told(case, overdue) == [], "ops hear of all that wait for Jira together (`tests/store/test_late_effects.py`)"


def test_f5_an_incident_that_cannot_be_joined_for_ten_minutes_is_told_for_its_ticket():
    case = given("free", "P0")
    case.wake(at("09:10"))
    (overdue,) = case.of("effect_overdue")
    assert told(case, overdue) == [("effect_failing", "ops", None)]


def test_f5_ops_hear_of_it_even_if_the_ticket_is_resolved():
    case = in_tier("T3")
    case.do("resolve", at="09:10", **RECORD)
    assert case.ticket.waits_on is WaitsOn.TRACKER
    case.wake("09:15")
    assert case.when("effect_overdue") == at("09:15")


# -- Notices ------------------------------------------------------------------------------------------------------


def test_f5_a_notices_key_is_one_for_each_event_and_audience():
    case = in_tier("T1")
    case.wake("Fri+1 17:00")
    case.do("resolve", at="Mon+2 09:00", **RECORD)
    keys = [notice.key for event in case.events for notice in notices(case.ticket, event)]
    assert len(keys) == len(set(keys)) > 10
    assert all(key.startswith(f"ticket-{case.ticket.id}:") for key in keys)
    case.do("close", at="Mon+2 09:01")
    (survey,) = notices(case.ticket, case.of("closed")[0])
    assert survey.key == f"ticket-{case.ticket.id}:survey:{case.of('closed')[0].seq}:customer"


def test_f5_a_warning_goes_to_the_assignee():
    case = given()
    case.do("take", at="09:01")
    case.wake("11:00")
    assert told(case, case.of("warned")[0]) == [("warning", "assignee", "ada")]
    assert notices(case.ticket, case.of("warned")[0])[0].title == "50 % of first response is used up"


def test_f5_a_missed_target_goes_to_assignee_and_lead_a_breach_to_lead_ops_and_csm():
    case = given("premium", "P1", csm="kim")
    case.do("take", at="09:01")
    case.wake("13:00")
    target, contract = case.of("lapsed")[:2]
    assert told(case, target) == [("target_missed", "assignee", "ada"), ("target_missed", "lead", None)]
    assert told(case, contract) == [
        ("contract_breach", "lead", None),
        ("contract_breach", "ops", None),
        ("contract_breach", "csm", "kim"),
    ]
    notice = notices(case.ticket, contract)[0]
    assert notice.title == "Contract breached: first response was due at 2026-11-23 12:00:00 UTC"
    assert notice.at == contract.detected
    assert notices(case.ticket, target)[0].title.startswith("Target missed: first response was due at 2026-11-23 09:00")


def test_f5_engineerings_answer_goes_to_the_agent_who_gets_it_back():
    case = in_tier("T3")
    done(case, at="09:06", jira_key="SUP-1")
    *_, answered = case.jira("12:00", "done")
    assert ("engineering_answered", "assignee", "tom") in told(case, answered)


def test_f7_the_survey_goes_to_the_customer_once_after_closing():
    case = in_tier("T1")
    (*_, resolved) = case.do("resolve", at="10:00", **RECORD)
    assert told(case, resolved) == []
    (closed,) = case.wake("Mon+2 10:00")
    assert closed.body.type == "closed"
    assert told(case, closed) == [("survey", "customer", "acme")]


def test_f5_the_fix_that_shipped_is_told_only_to_who_was_given_a_workaround():
    case = in_tier("T3")
    done(case, at="09:06", jira_key="SUP-1")
    changed, _ = case.jira("12:00", "done")
    assert told(case, changed) == []  # its agent tells the customer
    closed = in_tier("T3")
    done(closed, at="09:06", jira_key="SUP-1")
    closed.do("resolve", at="10:00", **(RECORD | {"resolution": "workaround"}))
    closed.do("close", at="10:01")
    changed, shipped = closed.jira("Fri 12:00", "done")
    assert told(closed, changed) == []
    assert told(closed, shipped) == [("fix_shipped", "customer", "acme")]
    assert "SUP-1" in notices(closed.ticket, shipped)[0].title


def test_f5_whom_the_policy_does_not_name_hears_nothing():
    case = phoned(change=lambda terms: terms.model_copy(update={"notices": {}}))
    case.do("take", at="09:00")
    case.wake("Fri+1 17:00")
    assert [notice for event in case.events for notice in notices(case.ticket, event)] == []


@pytest.mark.parametrize("kind", ["opened", "taken", "responded", "escalated", "clock_met"])
def test_f5_ordinary_events_tell_nobody(kind):
    case = in_tier("T3")
    assert told(case, case.of(kind)[0]) == []


# -- Facts ----------------------------------------------------------------------------------------------------------


def test_facts_that_are_older_than_what_is_known_or_of_another_issue_are_dropped():
    case = in_tier("T3")
    done(case, at="09:06", jira_key="SUP-1")
    case.jira("10:00", "indeterminate", status="In Progress")
    assert case.jira("10:01", "new", version=at("09:59")) == []
    assert case.jira("10:02", "done", version=at("10:00")) == []  # the same again
    assert case.jira("10:03", "done", key="SUP-2") == []
    assert (case.ticket.issue.category, case.ticket.issue.status) == ("indeterminate", "In Progress")
    assert given().jira("10:00", "done") == []


def test_an_issue_done_twice_answers_once_and_again_when_it_was_reopened():
    case = in_tier("T3")
    done(case, at="09:06", jira_key="SUP-1")
    case.jira("10:00", "done")
    case.do("escalate", at="10:05", by="tom")  # a second issue: the first is done
    done(case, at="10:06", jira_key="SUP-2")
    case.jira("11:00", "done", key="SUP-2")
    assert len(case.of("answered")) == 2
    case.jira("11:01", "done", key="SUP-2", status="Released")
    assert len(case.of("answered")) == 2


def test_an_issue_may_speak_before_the_effect_that_made_it_has_reported_back():
    case = in_tier("T3")
    case.jira("09:06", "indeterminate", status="In Progress")
    done(case, at="09:07", jira_key="SUP-1", jira_url="https://jira.example/SUP-1")
    link = case.ticket.issue
    assert (link.key, link.url, link.category, link.version) == (
        "SUP-1",
        "https://jira.example/SUP-1",
        "indeterminate",
        at("09:06"),
    )
    early = in_tier("T3")
    early.jira("09:06", "done")
    assert early.last("answered").by == "jira"
    done(early, at="09:07", jira_key="SUP-1")
    assert not early.ticket.issue.open


def test_what_was_over_already_answers_nothing_again():
    case = in_tier("T3")
    done(case, at="09:06", jira_key="SUP-1")
    case.do("resolve", at="09:10", **RECORD)
    case.jira("10:00", "done")
    case.do("reopen", at="11:00", reason="It is back.")
    case.jira("11:01", "done", status="Released")
    assert (case.ticket.tier, case.of("answered")) == ("T3", [])
    p0 = given("standard", "P0")
    done(p0, at="09:01", incident=7)
    p0.do("resolve", at="09:10", **RECORD)
    p0.incident("09:20", "resolved", 2)
    p0.do("reopen", at="10:00", reason="It is back.")
    p0.incident("10:01", "cancelled", 3)
    assert (p0.ticket.tier, p0.of("answered")) == ("T3", [])


def test_a_second_issue_may_speak_early_too_and_the_first_no_more():
    case = in_tier("T3")
    done(case, at="09:06", jira_key="SUP-1")
    case.jira("10:00", "done")
    case.do("escalate", at="10:05", by="tom")
    case.jira("10:06", "indeterminate", key="SUP-2")
    assert (case.ticket.issue.key, case.ticket.issue.category) == ("SUP-2", "indeterminate")
    assert case.jira("10:07", "new", key="SUP-1") == []
    early = in_tier("T3")
    done(early, at="09:06", jira_key="SUP-1")
    early.jira("10:00", "done")
    early.do("escalate", at="10:05", by="tom")
    early.jira("10:06", "done", key="SUP-2")
    assert len(early.of("answered")) == 2


def test_an_incident_may_speak_before_the_effect_that_joined_it_has_reported_back():
    case = given("standard", "P0")
    case.incident("09:01", "acknowledged", 2)
    done(case, at="09:02", incident=7)
    assert (case.ticket.incident.state, case.ticket.incident.version) == ("acknowledged", 2)
    early = given("standard", "P0")
    early.incident("09:01", "resolved", 2)
    assert early.last("answered").by == "incident"
    again = given("standard", "P0")
    done(again, at="09:01", incident=7)
    again.incident("09:30", "resolved", 2)
    again.incident("09:31", "acknowledged", 1, number=8)  # nobody has asked for another
    assert again.ticket.incident.number == 7
    again.do("prioritise", at="09:40", priority="P1", reason="Better.")
    again.do("prioritise", at="09:50", priority="P0", reason="Down again.")
    again.incident("09:51", "acknowledged", 2, number=8)
    assert (again.ticket.incident.number, again.ticket.incident.open) == (8, True)
    assert again.incident("09:52", "resolved", 9, number=7) == []


def test_a_second_incident_that_is_over_early_answers_too():
    case = given("standard", "P0")
    done(case, at="09:01", incident=7)
    case.incident("09:10", "resolved", 2)
    case.do("prioritise", at="09:20", priority="P1", reason="Better.")
    case.do("prioritise", at="09:30", priority="P0", reason="Down again.")
    case.incident("09:31", "cancelled", 2, number=8)
    assert len(case.of("answered")) == 2


def test_facts_of_incidents_are_dropped_by_version_and_number():
    case = given("standard", "P0")
    done(case, at="09:01", incident=7)
    case.incident("09:02", "acknowledged", 3)
    assert case.incident("09:03", "declared", 2) == []
    assert case.incident("09:03", "mitigated", 3) == []
    assert case.incident("09:03", "resolved", 4, number=6) == []
    assert given("standard", "P1").incident("09:03", "resolved", 4) == []
    case.incident("09:04", "cancelled", 4)
    assert len(case.of("answered")) == 1
    case.incident("09:05", "resolved", 5)
    assert len(case.of("answered")) == 1


@pytest.mark.parametrize("role", ["agent", "lead", "engineer", "customer"])
def test_facts_come_from_integrations_and_ops_only(role):
    case = in_tier("T3")
    fact = {"key": "SUP-1", "category": "done", "version": at("10:00")}
    assert case.refused("jira_changed", "10:00", role=role, **fact).code == "not_allowed"
    fact = {"number": 7, "state": "resolved", "version": 2}
    assert case.refused("incident_changed", "10:00", role=role, **fact).code == "not_allowed"


def test_g5_the_agent_hears_how_engineering_gave_the_ticket_back():
    case = in_tier("T2", priority="P1")
    case.do("escalate", at="09:05", by="tom", fields=BOTH_PACKAGES)
    done(case, at="09:06", incident=7)
    *_, back = case.incident("10:00", "resolved", 3)
    (notice,) = notices(case.ticket, back)
    assert (notice.audience, notice.recipient) == ("assignee", "tom")
    assert notice.title == "Engineering is done (incident): please tell the customer and resolve"
    case.do("escalate", at="10:05", by="tom")
    done(case, at="10:06", incident=8)
    *_, left = case.incident("10:10", "declared", 3, number=8, left="back", comment="Another problem.")
    (notice,) = notices(case.ticket, left)
    assert notice.title == "It was not part of incident-8: it is yours again"
    jira = in_tier("T3")
    done(jira, at="09:06", jira_key="SUP-1")
    *_, answered = jira.jira("10:00", "done", status="Released")
    assert notices(jira.ticket, answered)[0].title.startswith("Engineering is done with SUP-1 (Released, proposed")

"""What ops filter by: the state of the SLA, the deadline that is shown, and who has to move."""

from datetime import timedelta

from domain.core.enums import SlaState, WaitsOn
from domain.ticket.derived import sla_deadline, sla_state
from tests.support.packages import RECORD
from tests.support.ticket_case import at, done, given, in_tier, limits, phoned


def test_the_deadline_shown_is_the_next_to_lapse_and_then_the_last_that_did():
    case = given("standard", "P2")
    assert sla_deadline(case.ticket) == at("13:00")
    case.wake("13:00")
    assert sla_deadline(case.ticket) == at("17:00")
    case.do("respond", at="14:00", text="We are on it")
    assert sla_deadline(case.ticket) == at("Mon+1 09:00")
    case.wake("Mon+1 09:00")
    assert sla_deadline(case.ticket) == at("Mon+1 17:00")
    case.wake("Tue+1 12:00")
    assert sla_deadline(case.ticket) == at("Mon+1 17:00")
    case.do("resolve", at="Tue+1 13:00", **RECORD)
    assert sla_deadline(case.ticket) is None


def test_what_is_met_late_is_no_deadline_any_more():
    case = given("standard", "P4")  # no resolution clock
    case.wake("Fri 17:00")
    assert sla_deadline(case.ticket) == at("Wed 17:00")
    case.do("respond", at="Fri 17:00", text="Noted")
    assert sla_deadline(case.ticket) is None


def test_the_state_is_the_worst_that_stands():
    case = given("standard", "P2")
    states = [sla_state(case.ticket)]
    for moment in ("11:00", "13:00", "17:00"):
        case.wake(moment)
        states.append(sla_state(case.ticket))
    assert states == [SlaState.ON_TRACK, SlaState.WARNED, SlaState.TARGET_MISSED, SlaState.BREACHED]
    case.do("resolve", at="Tue 09:00", **RECORD)
    assert sla_state(case.ticket) is SlaState.BREACHED


def test_paused_is_waiting_on_the_customer_with_nothing_else_to_lose():
    case = phoned()
    case.do("wait", at="09:30", question="Which browser?")
    assert sla_state(case.ticket) is SlaState.PAUSED
    case.do("reply", at="09:40", role="customer", text="Firefox")
    assert sla_state(case.ticket) is SlaState.ON_TRACK
    case.do("resolve", at="09:50", **RECORD)
    assert sla_state(case.ticket) is SlaState.NONE


def test_who_has_to_move():
    case = given()
    assert case.ticket.waits_on is WaitsOn.AGENT
    assert case.ticket.waits_since == at("09:00")
    case.do("wait", at="09:30", question="Which browser?")
    assert (case.ticket.waits_on, case.ticket.waits_since) == (WaitsOn.CUSTOMER, at("09:30"))
    case.do("note", at="09:35", text="No word yet")
    assert case.ticket.waits_since == at("09:30")
    case.do("resolve", at="09:40", **RECORD)
    assert (case.ticket.waits_on, case.ticket.waits_since) == (WaitsOn.NOBODY, at("09:40"))
    case.do("reopen", at="10:00", reason="It is back.")
    assert case.ticket.waits_on is WaitsOn.AGENT


def test_an_agent_of_tier_2_waits_on_nobody_else_though_the_issue_is_open():
    case = in_tier("T3")
    assert case.ticket.waits_on is WaitsOn.TRACKER
    done(case, at="09:06", jira_key="SUP-1")
    assert case.ticket.waits_on is WaitsOn.ENGINEERING
    case.do("return", at="10:00", by="eva", reason="Which version?")
    assert case.ticket.waits_on is WaitsOn.AGENT


def test_tier_3_without_an_open_issue_or_incident_waits_on_its_engineer():
    case = in_tier("T3")
    done(case, at="09:06", jira_key="SUP-1")
    case.do("wait", at="09:10", question="Does it help?")
    case.do("resolve", at="09:20", **RECORD)
    case.jira("10:00", "done")
    case.do("reopen", at="11:00", reason="It does not.")
    assert (case.ticket.tier, case.ticket.waits_on) == ("T3", WaitsOn.AGENT)
    p0 = given("standard", "P0")
    done(p0, at="09:01", incident=7)
    p0.do("resolve", at="09:10", **RECORD)
    p0.incident("09:20", "resolved", 2)
    p0.do("reopen", at="10:00", reason="It is back.")
    assert (p0.ticket.tier, p0.ticket.waits_on) == ("T3", WaitsOn.AGENT)


def test_an_incident_that_a_free_ticket_joined_does_not_hold_its_agent():
    case = given("free", "P0")
    assert case.ticket.waits_on is WaitsOn.PAGER
    done(case, at="09:01", incident=7)
    assert case.ticket.waits_on is WaitsOn.AGENT


def test_a_guess_that_nobody_settled_is_shown_as_any_deadline():
    case = given("standard", "P0", priority_guessed=True, change=limits(guess=timedelta(minutes=5)))
    assert case.next() == at("09:05")


def test_c12_what_was_withdrawn_is_no_deadline_any_more():
    case = phoned("enterprise", "P2")
    case.wake("17:00")
    case.do("resolve", at="17:30", source="phone", occurred="16:30", **RECORD)
    case.do("reopen", at="18:00", reason="It is back.")
    assert case.clock("contract", "resolution").breach.status == "withdrawn"
    case.do("wait", at="18:05", question="Which browser?")
    assert sla_deadline(case.ticket) is None

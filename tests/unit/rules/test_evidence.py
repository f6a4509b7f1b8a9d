"""C12: late evidence, in both directions."""

from datetime import UTC, datetime

from domain.core.enums import SlaState
from domain.ticket.aggregate import notices
from domain.ticket.derived import sla_state
from tests.support.packages import RECORD
from tests.support.ticket_case import Case, at, given, phoned


def late_reply(case: Case, moment: str, occurred: str, source: str | None = "mail", **more):
    return case.do("respond", moment, text="Hello", source=source, occurred=occurred, **more)


def test_c12_a_trusted_stamp_before_the_due_instant_makes_it_met_and_withdraws_the_breach():
    case = given("standard", "P2")
    case.wake("17:00")
    late_reply(case, "Tue 09:00", "12:59")
    clock = case.clock("contract", "first_response")
    assert (clock.met_at, clock.breach.status) == (at("12:59"), "withdrawn")
    assert case.clock("target", "first_response").breach.status == "withdrawn"
    assert case.last("clock_met").withdrawn == ("contract", "target")
    responded = case.of("responded")[0]
    assert (responded.occurred, responded.at, responded.source) == (at("12:59"), at("Tue 09:00"), "mail")
    assert sla_state(case.ticket) is SlaState.ON_TRACK


def test_c12_between_the_two_due_instants_only_the_later_is_met():
    case = given("standard", "P2")
    case.wake("17:00")
    late_reply(case, "Tue 09:00", "13:00:01")
    assert case.last("clock_met").withdrawn == ("contract",)
    assert case.clock("target", "first_response").breach.upheld


def test_c12_at_the_due_instant_counts():
    case = given("standard", "P3")
    case.wake("17:00")
    late_reply(case, "Tue 09:00", "17:00")
    assert case.clock("contract", "first_response").breach.status == "withdrawn"
    assert case.last("clock_met").withdrawn == ("contract", "target")


def test_c12_the_same_instant_again_is_no_news():
    case = given("standard", "P2")
    for _ in range(2):
        late_reply(case, "10:00", "09:30")
    assert len(case.of("clock_met")) == 1


def test_c12_a_breach_that_was_waived_is_not_withdrawn():
    case = given("standard", "P2")
    case.wake("17:00")
    case.do("waive", "Tue 09:00", role="lead", metric="first_response", reason="Storm")
    late_reply(case, "Tue 09:30", "12:00")
    assert case.last("clock_met").withdrawn == ("target",)
    assert case.clock("contract", "first_response").breach.status == "waived"


def test_c12_what_is_due_at_the_instant_of_the_evidence_is_in_time():
    case = phoned("standard", "P1")
    case.do("wait", at="16:00", question="Which browser?")
    case.do("reply", at="Tue 09:30", role="integration", text="Firefox", source="mail", occurred="16:30")
    assert case.due("target", "resolution") == at("Tue 09:30")
    assert case.lapses() == []


def test_c12_evidence_is_at_most_24_hours_old_on_arrival():
    for occurred, standing in (("Mon 13:00", "withdrawn"), ("Mon 12:59:59", "stands")):
        case = given("standard", "P2")
        case.wake("17:00")
        late_reply(case, "Tue 13:00", occurred)
        assert case.clock("contract", "first_response").breach.status == standing


def test_c12_an_outage_of_ours_does_not_make_evidence_old():
    case = given("standard", "P2")
    late_reply(case, "Fri 09:00", "12:00", received="12:01")
    assert case.lapses() == []
    assert case.clock("contract", "first_response").met_at == at("12:00")
    assert case.of("responded")[0].detected == at("Fri 09:00")


def test_c12_what_was_answered_before_the_ticket_opened_counts_at_its_opening():
    case = given("standard", "P2")
    late_reply(case, "14:00", "08:55")
    assert case.clock("target", "first_response").met_at == at("09:00")
    assert case.clock("target", "first_response").breach.status == "withdrawn"


def test_c12_a_stamp_from_the_future_counts_when_it_arrives():
    case = given()
    late_reply(case, "10:00", "11:00")
    assert case.clock("contract", "first_response").met_at == at("10:00")


def test_c12_only_trusted_sources_and_leads():
    case = given()
    case.wake("17:00")
    refused = case.refused("respond", "Tue 09:00", text="Hello", source="crm", occurred="12:00")
    assert refused.code == "not_allowed"
    assert "mail, helpdesk, phone" in refused.message
    assert case.refused("respond", "Tue 09:00", text="Hello", occurred="12:00").code == "not_allowed"
    late_reply(case, "Tue 09:00", "12:00", source=None, by="lea", role="lead")
    assert case.of("responded")[0].source == "attested by lea"
    assert case.clock("contract", "first_response").breach.status == "withdrawn"


def test_c12_earlier_evidence_moves_what_was_met_late():
    case = given("standard", "P2")
    case.do("respond", at="Tue 10:00", text="Hello")
    assert case.clock("contract", "first_response").breach.upheld
    late_reply(case, "Tue 11:00", "16:00")
    clock = case.clock("contract", "first_response")
    assert (clock.met_at, clock.breach.status) == (at("16:00"), "withdrawn")
    late_reply(case, "Tue 12:00", "16:30")  # later than what is known: no news
    assert case.clock("contract", "first_response").met_at == at("16:00")
    assert len(case.of("clock_met")) == 2


def test_c12_is_heard_after_the_ticket_closed_and_only_as_evidence():
    case = given("standard", "P2")
    case.wake("17:00")
    case.do("resolve", at="Tue 09:00", **RECORD)
    case.do("close", at="Tue 09:01")
    late_reply(case, "Tue 10:00", "12:00")
    assert case.clock("contract", "first_response").breach.status == "withdrawn"
    assert case.ticket.closed
    late_reply(case, "Tue 10:00", "Tue 09:01")  # at the very end
    assert case.refused("respond", "Tue 10:01", text="Hello").code == "closed"
    late = case.refused("respond", "Tue 10:01", text="Hello", source="mail", occurred="Tue 09:30")
    assert late.code == "closed"


def test_c12_evidence_that_hurts_counts_is_recorded_now_and_pages_nobody():
    case = phoned("standard", "P1")
    case.do("wait", at="16:00", question="Which browser?")
    case.do("reply", at="Tue 15:00", role="integration", text="Firefox", source="mail", occurred="16:30")
    # It ran again from Monday 16:30: due on Tuesday at 09:30, which nobody could know.
    lapsed = case.of("lapsed")[-1]
    assert (lapsed.body.due, lapsed.at, lapsed.detected) == (at("Tue 09:30"), at("Tue 15:00"), at("Tue 15:00"))
    assert lapsed.body.hindsight
    assert notices(case.ticket, lapsed) == []
    assert case.last("wait_ended").end == at("16:30")


def test_c12_before_version_4_a_reply_from_before_the_question_ended_the_waiting_as_if_it_never_was():
    case = phoned("standard", "P1", change=lambda terms: terms.model_copy(update={"core_version": 3}))
    before = case.due("target", "resolution")
    case.do("wait", at="10:00", question="Which browser?")
    case.do("reply", at="11:00", role="integration", text="Firefox", source="mail", occurred="09:55")
    assert case.due("target", "resolution") == before


def test_c12_a_customer_who_wrote_earlier_than_we_heard_was_waiting_since_then():
    case = phoned("standard", "P1")
    case.do("resolve", at="10:00", **RECORD)
    case.do("reply", at="15:00", role="integration", text="No", source="mail", occurred="11:00")
    assert case.due("target", "resolution") == at("Tue 10:00")  # one hour of resolved time


def test_c12_a_reopening_that_comes_out_late_may_hurt():
    case = phoned("standard", "P1")
    case.do("resolve", at="16:00", **RECORD)
    case.do("reply", at="Tue 11:00", role="integration", text="No", source="mail", occurred="16:30")
    assert case.last("lapsed").due == at("Tue 09:30")
    assert case.last("lapsed").hindsight


def test_c12_a_resolution_after_a_pause_may_lie_in_it():
    case = phoned("standard", "P1")
    case.do("wait", at="10:00", question="Which browser?")
    case.do("reply", at="11:00", role="customer", text="Firefox")
    case.do("resolve", at="12:00", source="phone", occurred="10:30", **RECORD)
    assert case.clock("target", "resolution").met_at == at("10:30")


def test_c12_only_the_last_reopening_overrules():
    case = phoned("standard", "P1")
    for resolved, reopened in (("10:00", "11:00"), ("12:00", "13:00")):
        case.do("resolve", at=resolved, **RECORD)
        case.do("reopen", at=reopened, reason="It is back.")
    case.do("resolve", at="14:00", source="phone", occurred="12:30", **RECORD)
    assert case.clock("target", "resolution").met_at == at("13:00")


def test_c12_a_resolution_tells_nothing_of_the_time_before_the_reopening():
    case = phoned("standard", "P1")
    case.do("resolve", at="10:00", **RECORD)
    case.do("reopen", at="12:00", reason="It is back.")
    case.do("resolve", at="13:00", source="phone", occurred="10:30", **RECORD)
    assert case.clock("target", "resolution").met_at == at("12:00")


def test_c12_a_resolution_while_waiting_is_not_before_the_question():
    case = phoned("standard", "P1")
    case.do("wait", at="10:00", question="Which browser?")
    case.do("resolve", at="11:00", source="phone", occurred="09:30", **RECORD)
    assert case.clock("target", "resolution").met_at == at("10:00")


def test_c12_a_limit_that_late_evidence_brings_out_is_recorded_now_and_its_notes_are_not_told():
    case = phoned()
    case.do("take", at="09:00")
    case.do("wait", at="09:05", question="Which browser?")
    case.do("reply", at="11:00", role="integration", text="Firefox", source="mail", occurred="09:30")
    reached = case.of("limit_reached")[0]
    assert (reached.body.due, reached.at, reached.detected) == (at("09:40"), at("11:00"), at("11:00"))
    assert [notices(case.ticket, event) for event in case.of("limit_noted")] == [[], []]
    assert [n.audience for n in notices(case.ticket, reached)] == ["assignee", "lead"]
    assert case.ticket.escalation_due


def test_c12_an_arrival_before_all_time_is_only_a_claim_and_stops_nothing():
    case = given("standard", "P2")
    start = datetime.min.replace(tzinfo=UTC)
    late_reply(case, "10:00", "09:30", received=start)
    late_reply(case, "10:01", start, received=start)
    assert case.clock("contract", "first_response").met_at == at("09:00")  # at its opening, and never before


def test_c4_what_lapsed_while_an_answer_waited_with_us_makes_nobody_late():
    case = given("standard", "P2")
    case.do("take", at="12:30")
    case.wake("13:16")  # the target at 13:00, the limit before it and the reminder after it have lapsed
    assert case.ticket.as_of == at("13:15")
    case.do("respond", at="13:16", received="12:59", text="Hello")
    clock = case.clock("target", "first_response")
    assert (clock.met_at, clock.breach.status) == (at("12:59"), "withdrawn")
    answered = case.of("responded")[0]
    assert (answered.occurred, answered.received, answered.at) == (at("12:59"), at("12:59"), at("13:15"))


def test_c12_c8_a_reply_that_is_older_than_a_raise_meets_the_target_that_counts_from_it():
    case = given("standard", "P2")
    case.do("prioritise", at="10:00", priority="P1", reason="No workaround.")
    late_reply(case, "12:00", "09:30")
    assert case.clock("contract", "first_response").met_at == at("09:30")
    assert case.clock("target", "first_response").met_at == at("09:30")

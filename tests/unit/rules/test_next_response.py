"""C14: the next response, which a plan may promise and by default does not."""

from datetime import timedelta

from domain.clocks.clock import Suspension, share_instant, timed
from domain.clocks.terms import Cell
from tests.support.durations import MINUTE
from tests.support.ticket_case import at, contract, given

TWO_HOURS = contract(next_response=Cell(source="plans.standard.next_response", budget=timedelta(hours=2)))


def answered():
    case = given(change=TWO_HOURS)
    case.do("respond", at="09:05", text="We are on it.")
    return case


def test_c14_it_is_off_by_default():
    case = given()
    case.do("respond", at="09:05", text="We are on it.")
    case.do("reply", at="10:00", by="customer", role="customer", text="And now?")
    assert case.clock("contract", "next_response") is None


def test_c14_it_counts_from_the_customers_message_once_the_first_response_is_given():
    case = given(change=TWO_HOURS)
    case.do("reply", at="09:01", by="customer", role="customer", text="One more thing.")
    assert case.clock("contract", "next_response") is None
    case.do("respond", at="09:05", text="We are on it.")
    case.do("reply", at="10:00", by="customer", role="customer", text="And now?")
    assert case.due("contract", "next_response") == at("12:00")


def test_c14_a_second_message_does_not_give_more_time():
    case = answered()
    case.do("reply", at="10:00", by="customer", role="customer", text="And now?")
    case.do("reply", at="11:00", by="customer", role="customer", text="Hello?")
    assert case.due("contract", "next_response") == at("12:00")


def test_c14_the_next_message_of_a_person_meets_it_until_the_due_instant():
    case = answered()
    case.do("reply", at="10:00", by="customer", role="customer", text="And now?")
    case.wake(at("12:00") - MINUTE)
    case.do("respond", at="12:00", text="Now.")
    assert case.clock("contract", "next_response").met_at == at("12:00")
    assert ("contract", "next_response", at("12:00")) not in case.lapses()


def test_c14_breached_at_the_instant_and_on_record_through_the_next_question():
    case = answered()
    case.do("reply", at="10:00", by="customer", role="customer", text="And now?")
    case.wake("11:59:59")
    assert ("contract", "next_response", at("12:00")) not in case.lapses()
    case.wake("12:00")
    assert ("contract", "next_response", at("12:00")) in case.lapses()
    case.do("respond", at="12:30", text="Sorry, now.")
    case.do("reply", at="13:00", by="customer", role="customer", text="Thank you. And this?")
    clocks = [clock for clock in case.ticket.clocks if clock.metric == "next_response"]
    assert [bool(clock.breach) for clock in clocks] == [True, False]
    case.do("respond", at="13:10", text="Done.")
    assert case.lapses().count(("contract", "next_response", at("12:00"))) == 1
    assert case.refold() == case.ticket


def test_c14_what_was_written_before_the_question_does_not_answer_it():
    case = answered()
    case.do("reply", at="10:00", by="customer", role="customer", text="And now?")
    case.do("respond", at="10:05", text="Written earlier.", occurred="09:30", source="mail")
    assert case.clock("contract", "next_response").met_at is None


def test_c14_waiting_on_the_customer_is_an_answer_and_its_warnings_start_anew():
    case = answered()
    case.do("reply", at="10:00", by="customer", role="customer", text="And now?")
    case.wake("11:30")
    assert case.ticket.warned["next_response"] == 75
    case.do("wait", at="11:31", question="Which one?")
    assert case.clock("contract", "next_response").met_at == at("11:31")
    case.do("reply", at="14:00", by="customer", role="customer", text="That one.")
    assert case.due("contract", "next_response") == at("16:00")
    assert "next_response" not in case.ticket.warned


def test_c8_a_change_of_priority_leaves_it_as_it_is():
    case = answered()
    case.do("reply", at="10:00", by="customer", role="customer", text="And now?")
    case.do("prioritise", at="10:10", priority="P1", reason="Worse.")
    assert case.due("contract", "next_response") == at("12:00")


def test_c10_the_time_between_resolving_and_reopening_does_not_count_for_it():
    case = given(category="how-to", change=TWO_HOURS)
    case.do("respond", at="09:05", text="We are on it.")
    case.do("reply", at="10:00", by="customer", role="customer", text="And now?")
    case.do("resolve", at="10:30", resolution="solved", kb_article="KB-1")  # and not a word to the customer
    assert case.due("contract", "next_response") is None
    case.do("reopen", at="Tue 11:00", reason="They still wait.")
    assert case.due("contract", "next_response") == at("Tue 12:30")  # an hour and a half was left
    case.wake("Tue 12:29:59")
    assert case.warnings()[-1] == (at("Tue 12:18"), {"next_response": 90})
    assert case.lapses() == []
    case.wake("Tue 12:30")
    assert case.lapses()[-1] == ("contract", "next_response", at("Tue 12:30"))


def test_c12_late_evidence_withdraws_its_breach_also_after_it_was_answered_late():
    case = answered()
    case.do("reply", at="10:00", by="customer", role="customer", text="And now?")
    case.wake("12:00")
    case.do("respond", at="12:30", text="Sorry, now.")
    case.do("respond", at="12:45", text="Sent at 11:30.", occurred="11:30", source="mail")
    clock = case.clock("contract", "next_response")
    assert (clock.met_at, clock.breach.status) == (at("11:30"), "withdrawn")
    assert case.last("clock_met").withdrawn == ("contract",)


def test_c12_late_evidence_for_an_earlier_question_answers_no_later_one():
    case = answered()
    case.do("reply", at="10:00", by="customer", role="customer", text="And now?")
    case.wake("12:00")
    case.do("respond", at="12:30", text="Sorry, now.")
    case.do("reply", at="13:00", by="customer", role="customer", text="And this?")
    case.do("respond", at="13:30", text="Sent at 11:30.", occurred="11:30", source="mail")
    clocks = [clock for clock in case.ticket.clocks if clock.metric == "next_response"]
    assert [clock.met_at for clock in clocks] == [at("11:30"), None]
    assert clocks[0].breach.status == "withdrawn"
    assert case.refold() == case.ticket


def test_c14_a_message_that_arrives_after_its_answer_starts_nothing():
    case = given(change=TWO_HOURS)
    case.do("respond", at="09:05", text="We are on it.")
    case.do("reply", at="09:10", role="integration", text="One more thing.", occurred="09:01", source="mail")
    assert case.clock("contract", "next_response") is None
    case.do("reply", at="10:00", by="customer", role="customer", text="And now?")
    case.do("respond", at="10:30", text="Now.")
    case.do("reply", at="10:40", role="integration", text="Still?", occurred="10:20", source="mail")
    assert case.clock("contract", "next_response").met_at == at("10:30")


def test_c14_at_one_instant_what_came_first_was_answered_and_what_came_after_it_was_not():
    case = answered()
    case.do("reply", at="10:00", by="customer", role="customer", text="And now?")
    case.do("respond", at="10:00", text="Now.")
    assert case.clock("contract", "next_response").met_at == at("10:00")
    case.do("reply", at="10:00", by="customer", role="customer", text="Where?")
    assert case.due("contract", "next_response") == at("12:00")


def test_c14_a_resolution_without_a_word_answers_nobody():
    case = given(category="how-to", change=TWO_HOURS)
    case.do("respond", at="09:05", text="We are on it.")
    case.do("resolve", at="10:30", resolution="solved", kb_article="KB-1")
    case.do("reply", at="10:40", role="integration", text="Hello?", occurred="10:20", source="mail")
    assert case.due("contract", "next_response") == at("12:20")


def test_c14_a_message_at_the_instant_of_an_answer_is_a_new_question():
    case = answered()
    case.do("reply", at="09:05", by="customer", role="customer", text="And the other one?")
    assert case.due("contract", "next_response") == at("11:05")


def test_c6_a_clock_of_responses_ticks_on_while_the_ticket_waits():
    # A ticket that waits has asked its question, which is a response. So this shows in the arithmetic alone.
    case = given("standard", "P2")
    clock, waiting = case.clock("contract", "first_response"), Suspension(start=at("10:00"))
    waited = Suspension(start=at("10:00"), end=at("12:00"))
    assert timed(clock, case.ticket.terms, [waiting]).due == at("17:00")
    assert timed(clock, case.ticket.terms, [waited]).due == at("17:00")
    assert share_instant(clock, 50, case.ticket.terms, [waited]) == at("13:00")
    resolved = Suspension(start=at("10:00"), end=at("12:00"), why="resolved")
    assert timed(clock, case.ticket.terms, [resolved]).due == at("Tue 11:00")

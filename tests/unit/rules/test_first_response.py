"""C5: what is a first response, and what is none."""

import pytest

from tests.support.packages import RECORD
from tests.support.ticket_case import at, given


def test_c5_taking_noting_and_stepping_are_no_response():
    case = given("standard", "P2")
    case.do("take", at="09:01")
    case.do("note", at="09:02", text="Looks like the exporter")
    case.do("step", at="09:03", text="Cleared the cache")
    case.do("attach", at="09:04", text="export.log")
    assert case.clock("contract", "first_response").met_at is None
    case.do("respond", at="09:05", text="We are on it")
    assert case.clock("contract", "first_response").met_at == at("09:05")
    assert case.clock("target", "first_response").met_at == at("09:05")


def test_c5_only_the_first_message_meets_it():
    case = given("standard", "P2")
    case.do("respond", at="09:05", text="We are on it")
    case.do("respond", at="09:30", text="Still on it")
    assert len(case.of("clock_met")) == 1
    assert case.clock("contract", "first_response").met_at == at("09:05")


@pytest.mark.parametrize("role", ["integration", "system", "customer", "csm"])
def test_c5_a_machine_or_a_customer_cannot_respond(role):
    assert given().refused("respond", "09:05", role=role, text="We got your mail.").code == "not_allowed"


def test_c5_a_ticket_that_an_agent_opens_on_the_phone_is_met_at_opening():
    case = given(channel="phone", in_person=True)
    assert case.clock("contract", "first_response").met_at == at("09:00")
    case.wake("Fri 17:00")
    assert not [lapse for lapse in case.lapses() if lapse[1] == "first_response"]


def test_c5_a_question_the_closing_word_and_a_referral_are_messages_too():
    asked = given()
    asked.do("wait", at="09:05", question="Which browser?")
    assert asked.clock("contract", "first_response").met_at == at("09:05")
    resolved = given()
    resolved.do("resolve", at="09:05", **RECORD)
    assert resolved.clock("contract", "first_response").met_at == at("09:05")
    declined = given()
    declined.do("resolve", at="09:05", resolution="wont_fix", customer_reason="It is meant to be so.")
    assert declined.clock("contract", "first_response").met_at == at("09:05")
    referred = given("free")
    referred.do("refer", at="09:05", link="https://community.example/t/1")
    assert referred.clock("contract", "first_response").met_at == at("09:05")

"""G12: who wrote, to this ticket."""

import pytest

from domain.core.enums import Metric, Status
from domain.ticket.aggregate import open_ticket
from tests.support.packages import RECORD
from tests.support.ticket_case import Case, at, given


def met(case: Case) -> set:
    return {clock.met_at for clock in case.ticket.clocks if clock.metric is Metric.FIRST_RESPONSE}


@pytest.mark.parametrize("role", ["bot", "system", "integration"])
@pytest.mark.parametrize("public", [False, True])
def test_g12_c5_what_a_machine_says_is_a_note_and_meets_no_clock(role, public):
    case = given()
    case.do("wait", at="09:01", question="Which browser?")
    case.do("note", at="09:05", by="-1", role=role, text="VIP customer: handle with care.", public=public)
    assert (case.ticket.status, case.last("noted").public) == (Status.PENDING, public)
    silent = given()
    silent.do("note", at="09:05", by="triage", role=role, text="We have received your mail.", public=public)
    silent.wake("Fri 12:00")
    assert met(silent) == {None}
    assert ("contract", "first_response", at("17:00")) in silent.lapses()


@pytest.mark.parametrize("name", ["respond", "wait", "resolve", "take", "escalate"])
@pytest.mark.parametrize("role", ["bot", "system", "integration"])
def test_g12_a_machine_is_none_of_ours(name, role):
    refused = given().refused(name, "09:05", by="triage", role=role, **({"text": "Hello"} if name == "respond" else {}))
    assert refused.code == "not_allowed"


@pytest.mark.parametrize("role", ["bot", "system"])
def test_g12_a_machine_is_not_the_customer(role):
    case = given()
    case.do("wait", at="09:01", question="Which browser?")
    assert case.refused("reply", "09:05", by="triage", role=role, text="Firefox.").code == "not_allowed"


def test_g12_a_persons_word_to_the_customer_is_no_note():
    refused = given().refused("note", "09:05", text="We look into it.", public=True)
    assert (refused.code, refused.would_fit) == ("not_allowed", ["respond"])


def test_g12_a_ticket_from_before_takes_no_notes_of_machines():
    case = given(change=lambda terms: terms.model_copy(update={"core_version": 2}))
    assert case.refused("note", "09:05", by="triage", role="bot", text="VIP.").code == "not_allowed"
    case.do("reply", at="09:05", by="mail", role="system", text="Hello?")
    assert case.when("replied") == at("09:05")


def test_g12_a_message_that_is_made_private_leaves_a_line_and_no_clock_is_reopened():
    case = given()
    case.do("respond", at="09:05", id="helpdesk:7", text="We look into it.")
    before = case.ticket.clocks
    case.do("hide", at="09:10", message="helpdesk:7")
    assert (case.last("hidden").message, case.ticket.clocks) == ("helpdesk:7", before)


def test_c5_what_one_of_ours_writes_to_the_customer_with_the_opening_is_the_first_response():
    opened = given().events[0]
    texts = {"subject": "Export", "message": "We saw that your export fails."}
    case = Case(open_ticket(opened.body, opened.at, opened.at, opened.actor, texts))
    assert met(case) == {at("09:00")}
    assert case.of("responded")[0].texts == {"text": "We saw that your export fails."}
    case.wake("Fri 12:00")
    assert not [lapse for lapse in case.lapses() if lapse[1] == "first_response"]


@pytest.mark.parametrize("role", ["bot", "system", "integration"])
@pytest.mark.parametrize("public", [False, True])
def test_g12_what_a_machine_says_of_a_resolved_ticket_reopens_nothing_and_starts_no_limit(role, public):
    case = given("premium", "P2")
    case.do("take", at="09:01")
    case.do("resolve", at="09:05", **RECORD)
    case.do("note", at="09:10", by="-1", role=role, text="VIP customer: handle with care.", public=public)
    case.wake("09:30")
    assert (case.ticket.status, case.of("reopened"), case.lapses()) == (Status.RESOLVED, [], [])

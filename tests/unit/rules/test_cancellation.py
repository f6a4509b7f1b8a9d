"""F11: a customer who cancels is no ordinary ticket: the customer success manager and the lead hear of it at once."""

import pytest

from domain.core.enums import Category, Channel
from domain.ticket.aggregate import notices
from domain.ticket.backtest import live_again
from domain.ticket.rules.classification import Form, classify
from tests.support.policy import POLICY
from tests.support.ticket_case import Case, at, given


def told(case: Case) -> list[tuple[str, str, str | None]]:
    asked = case.of("cancellation_asked")
    return [(one.name, one.audience, one.recipient) for event in asked for one in notices(case.ticket, event)]


def test_f11_a_cancellation_that_comes_in_tells_the_csm_of_the_account_and_the_lead_at_once():
    case = given("enterprise", "P4", category="cancellation", csm="carla", arr=84_000)
    assert case.when("cancellation_asked") == at("09:00")
    assert told(case) == [("cancellation", "csm", "carla"), ("cancellation", "lead", None)]
    (title,) = {one.title for one in notices(case.ticket, case.of("cancellation_asked")[0])}
    assert title == "acme wants to cancel: plan enterprise, ARR 84,000"


def test_f11_a_ticket_that_is_found_to_be_one_tells_them_once():
    case = given("premium", "P3", category="billing", csm="carla")
    assert told(case) == []
    for _ in range(2):
        case.do("amend", at="09:10", category="cancellation")
    case.do("amend", at="09:11", category="cancellation", tags=["saved"])
    assert told(case) == [("cancellation", "csm", "carla"), ("cancellation", "lead", None)]
    assert case.refold() == case.ticket


def test_f11_no_other_category_tells_anybody():
    for category in set(Category) - {Category.CANCELLATION}:
        assert told(given("premium", "P3", category=category, csm="carla")) == []


@pytest.mark.parametrize(
    ("words", "form", "category"),
    [
        ("We would like to cancel our subscription at the end of the year.", {}, "cancellation"),
        ("Hiermit kündige ich zum Jahresende.", {}, "cancellation"),
        ("Wie lang ist die Kündigungsfrist?", {}, "bug"),
        ("The button cancels my export.", {}, "bug"),
        ("Please call me.", {"type": "cancellation"}, "cancellation"),
    ],
)
def test_f11_the_policys_words_and_the_form_find_it(words, form, category):
    found = classify(POLICY.classification, Form(channel=Channel.EMAIL, description=words, form=form))
    assert found.category == category


def test_f11_it_is_resolved_with_the_short_record():
    case = given("standard", "P3", category="cancellation")
    case.do("take", at="09:01")
    case.do("resolve", at="09:02", resolution="solved", message="Cancelled.", what_was_done="Ended the contract.")
    assert case.ticket.resolution == "solved"


def test_f11_a_backtest_tells_it_as_often_as_the_record():
    case = given("premium", "P3", category="cancellation", csm="carla")
    case.do("amend", at="09:05", category="billing")
    case.do("amend", at="09:10", category="cancellation")
    again = live_again(case.events, at("10:00"))
    assert [event.body.type for event in again.events] == [event.body.type for event in case.events]


def test_f11_an_account_without_a_csm_of_its_own_has_the_team_that_its_plan_shares():
    for plan, recipient in (("premium", "customer-success"), ("enterprise", None), ("standard", None)):
        case = given(plan, "P3", category="cancellation")
        assert told(case) == [("cancellation", "csm", recipient), ("cancellation", "lead", None)]

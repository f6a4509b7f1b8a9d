"""Each "if" of a forecast: what it says comes then is what comes once it is really done, at the same instants."""

from datetime import timedelta
from typing import Any

import pytest

from domain.core.enums import Plan, Priority
from services.policy_file.load import resolve_terms
from services.reading.forecast import Ask, forecast
from tests.support.durations import MINUTE
from tests.support.policy import POLICY
from tests.support.ticket_life import MONDAY, Life, life

NOW = MONDAY + 20 * MINUTE
DAYS = 30


def open_p3() -> Life:
    return life(priority=Priority.P3).do("take", 5 * MINUTE)


def waits() -> Life:
    return life(priority=Priority.P1).do("take", 5 * MINUTE).do("wait", MINUTE, question="Which browser?")


def snoozed() -> Life:
    until = (NOW + timedelta(days=3)).isoformat()
    words = {"question": "Until Thursday, as agreed?", "agreed": True, "reason": "Their change freeze."}
    return life(priority=Priority.P1).do("take", 5 * MINUTE).do("wait", MINUTE, until=until, **words)


def raised(one: Life) -> Life:
    return one.do("prioritise", NOW - one.ticket.as_of, role="lead", priority="P1", reason="All are down.")


def on_another_plan(one: Life, plan: Plan) -> Life:
    account = one.ticket.account.model_copy(update={"plan": plan})
    facts: dict[str, Any] = {"terms": resolve_terms(POLICY, account, NOW), "account": account}
    return one.do("replace_terms", NOW - one.ticket.as_of, role="lead", reason="They upgraded.", **facts)


def answered(one: Life) -> Life:
    return one.do("reply", NOW - one.ticket.as_of, role="customer", text="Firefox.")


IFS = [
    pytest.param(open_p3(), Ask(days=DAYS, priority=Priority.P1), raised, id="priority raised"),
    pytest.param(
        open_p3(), Ask(days=DAYS, plan=Plan.ENTERPRISE), lambda one: on_another_plan(one, Plan.ENTERPRISE),
        id="a larger plan",
    ),
    pytest.param(
        open_p3(), Ask(days=DAYS, plan=Plan.FREE), lambda one: on_another_plan(one, Plan.FREE),
        id="no plan any more",
    ),
    pytest.param(waits(), Ask(days=DAYS, replied=True), answered, id="waiting ended"),
    pytest.param(snoozed(), Ask(days=DAYS, replied=True), answered, id="agreed waiting ended early"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "ask", "really"), IFS)
def test_what_is_foreseen_under_a_supposition_is_what_comes_once_it_is_done(one: Life, ask: Ask, really: Any) -> None:
    before = one.ticket.model_dump_json()

    supposed = forecast(POLICY, one.ticket, ask, NOW)
    done = really(one.fork())
    after = forecast(POLICY, done.ticket, Ask(days=DAYS), NOW)

    said = [(entry["type"], entry["at"], entry["notified"], entry["credit"]) for entry in supposed["coming_then"]]
    comes = [(entry["type"], entry["at"], entry["notified"], entry["credit"]) for entry in after["coming"]]
    assert said[len(said) - len(comes) :] == comes
    first = {entry["type"] for entry in supposed["coming_then"][: len(said) - len(comes)]}
    assert first == {event.body.type for event in done.events[len(one.events) :]} - {"effect_done"}
    assert "lapsed" in {change["type"] for change in supposed["changes"]}
    assert one.ticket.model_dump_json() == before, "nothing is recorded"


def test_a_ticket_that_was_raised_is_due_earlier_and_each_difference_says_both_instants() -> None:
    changes = forecast(POLICY, open_p3().ticket, Ask(days=DAYS, priority=Priority.P1), NOW)["changes"]
    lapses = [one for one in changes if one["type"] == "lapsed" and one["before"] and one["after"]]
    assert lapses
    assert all(one["after"] < one["before"] for one in lapses)

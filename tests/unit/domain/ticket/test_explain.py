"""The explanation of a due instant adds up (C1, C3, C4, C6)."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.calendars.calendar import StretchKind
from domain.core.actor import Actor
from domain.core.enums import Category, Channel, Metric, Plan, Priority, Role, Side
from domain.ticket import commands as c
from domain.ticket.aggregate import TICKET, open_ticket
from domain.ticket.events import Opened
from domain.ticket.explain import Explanation, explain
from domain.ticket.state import Account, Ticket
from services.policy_file.load import resolve_terms
from tests.support.policy import POLICY

FRIDAY = datetime(2026, 12, 18, 14, 0, tzinfo=UTC)
"""15:00 in Berlin, a week before Christmas."""


def given(plan: Plan = Plan.STANDARD, priority: Priority = Priority.P2) -> Ticket:
    account = Account(id="acme", plan=plan)
    opened = Opened(
        source="test",
        external_id="1",
        terms=resolve_terms(POLICY, account, FRIDAY),
        channel=Channel.EMAIL,
        account=account,
        category=Category.BUG,
        priority=priority,
    )
    return open_ticket(opened, FRIDAY, FRIDAY, Actor(id="ada", role=Role.AGENT), {}).state


def do(ticket: Ticket, at: datetime, name: str, **payload: object) -> Ticket:
    return TICKET.decide(ticket, c.parse({"by": "ada", **payload}, name), at).state


def clock(ticket: Ticket, side: Side, metric: Metric, at: datetime = FRIDAY) -> Explanation:
    return next(one for one in explain(ticket, at) if (one.side, one.metric) == (side, metric))


@pytest.mark.parametrize("plan", Plan)
@pytest.mark.parametrize("priority", Priority)
def test_c4_the_lines_follow_each_other_and_add_up_to_the_budget(plan: Plan, priority: Priority) -> None:
    for one in explain(given(plan, priority), FRIDAY):
        assert one.lines[0].start == one.start
        assert one.lines[-1].end == one.due
        assert all(before.end == after.start for before, after in zip(one.lines, one.lines[1:], strict=False))
        assert sum((line.counted for line in one.lines), timedelta(0)) == one.budget == one.used
        assert one.lines[-1].total == one.budget


def test_c1_every_clock_names_its_cell_and_one_of_each_metric_is_effective() -> None:
    told = {(one.side, one.metric): one for one in explain(given(), FRIDAY)}
    assert told[Side.CONTRACT, Metric.FIRST_RESPONSE].cell == "plans.standard.first_response"
    assert told[Side.TARGET, Metric.FIRST_RESPONSE].effective
    assert not told[Side.CONTRACT, Metric.FIRST_RESPONSE].effective
    assert told[Side.CONTRACT, Metric.FIRST_RESPONSE].policy == POLICY.version


def test_c3_weekend_and_holidays_are_named() -> None:
    one = clock(given(), Side.CONTRACT, Metric.RESOLUTION)
    labels = [line.label for line in one.lines if line.kind is StretchKind.HOLIDAY]
    assert len(labels) >= 1
    assert all(labels)
    assert any(line.kind is StretchKind.HOURS for line in one.lines)


def test_c6_a_pause_is_a_line_of_its_own_and_moves_the_due_instant() -> None:
    ticket = given()
    before = clock(ticket, Side.CONTRACT, Metric.RESOLUTION).due
    ticket = do(ticket, FRIDAY + timedelta(minutes=10), "take")
    ticket = do(ticket, FRIDAY + timedelta(minutes=11), "wait", question="Which one?")
    waiting = clock(ticket, Side.CONTRACT, Metric.RESOLUTION, FRIDAY + timedelta(minutes=31))
    assert waiting.due is None
    assert waiting.used == timedelta(minutes=11)
    ticket = do(ticket, FRIDAY + timedelta(minutes=31), "reply", by="customer", role="customer", text="That one.")
    one = clock(ticket, Side.CONTRACT, Metric.RESOLUTION)
    assert next(line for line in one.lines if line.kind is StretchKind.PAUSE).start == FRIDAY + timedelta(minutes=11)
    assert before is not None
    assert one.due == before + timedelta(minutes=20)
    assert one.used == one.budget


def test_c6_the_first_response_knows_no_pause() -> None:
    ticket = given(Plan.PREMIUM)
    ticket = do(ticket, FRIDAY + timedelta(minutes=10), "take")
    ticket = do(ticket, FRIDAY + timedelta(minutes=11), "wait", question="Which one?")
    one = clock(ticket, Side.CONTRACT, Metric.FIRST_RESPONSE)
    assert not any(line.kind is StretchKind.PAUSE for line in one.lines)
    assert one.met_at == FRIDAY + timedelta(minutes=11)


def test_c10_resolved_time_is_a_pause_told_as_far_as_the_calendar_is_known() -> None:
    ticket = given()
    ticket = do(ticket, FRIDAY + timedelta(minutes=10), "resolve", resolution="wont_fix", customer_reason="By design.")
    ticket = do(ticket, FRIDAY + timedelta(minutes=20), "close")
    far = ticket.terms.calendar.horizon + timedelta(days=1)
    one = clock(ticket, Side.CONTRACT, Metric.RESOLUTION, far)
    assert one.used == timedelta(minutes=10)
    assert one.lines[-1].end == ticket.terms.calendar.horizon


def retermed(ticket: Ticket, at: datetime, plan: Plan, version: str) -> Ticket:
    account = Account(id="acme", plan=plan)
    terms = resolve_terms(POLICY.model_copy(update={"version": version}), account, at)
    command = c.ReplaceTerms(by="lea", role=Role.LEAD, account=account, terms=terms, reason="A better plan.")
    return TICKET.decide(ticket, command, at).state


@pytest.mark.parametrize("plan", [Plan.FREE, Plan.PREMIUM, Plan.ENTERPRISE])
@pytest.mark.parametrize("hours", [0.5, 1, 2, 30, 100])
def test_c8_after_a_change_of_terms_the_lines_add_up_to_what_is_promised_now(plan: Plan, hours: float) -> None:
    ticket = retermed(given(), FRIDAY + timedelta(hours=hours), plan, "next")
    for one in explain(ticket, FRIDAY + timedelta(hours=hours)):
        assert one.lines[-1].end == one.due
        assert one.lines[0].start == one.start
        assert sum((line.counted for line in one.lines), timedelta(0)) == one.budget == one.used


def test_c8_an_old_due_instant_that_stays_names_the_policy_and_the_hours_that_promised_it() -> None:
    change = FRIDAY + timedelta(hours=1, minutes=30)  # half an hour before the office closes
    bought = retermed(given(), change, Plan.ENTERPRISE, "next")
    one = clock(bought, Side.CONTRACT, Metric.FIRST_RESPONSE, change)
    assert (one.cell, one.policy, one.ticks) == ("plans.enterprise.first_response", "next", "always, Europe/Berlin")
    assert (one.start, one.due) == (change, change + timedelta(hours=1))
    target = clock(bought, Side.TARGET, Metric.FIRST_RESPONSE, change)
    assert (target.policy, target.due) == ("next", change + timedelta(hours=4))
    monday = FRIDAY + timedelta(days=3, hours=-2)  # at 13:00: eight hours end at 15:00, and so they still do
    late = retermed(given(), monday, Plan.PREMIUM, "next")
    one = clock(late, Side.CONTRACT, Metric.FIRST_RESPONSE, monday)
    assert (one.cell, one.policy) == ("plans.standard.first_response", POLICY.version)
    assert one.ticks == "business, Europe/Berlin"
    assert one.due == FRIDAY + timedelta(days=3)

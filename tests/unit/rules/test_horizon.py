"""A ticket that outlives its calendar asks for one that is known for longer, by itself, and on record."""

from collections.abc import Callable
from datetime import timedelta

from domain.calendars.calendar import Calendar
from domain.clocks.terms import Cell, Terms
from domain.ticket import commands as c
from domain.ticket.aggregate import TICKET, next_timer
from domain.ticket.deadline_kinds import Kind
from domain.ticket.explain import explain
from services.policy_file.load import resolve_terms
from tests.support.policy import POLICY
from tests.support.ticket_case import Case, at, given, phoned, targets, terms_of


def near(days: int) -> Callable[[Terms], Terms]:
    """Terms whose calendar is known for `days` from Monday on."""

    def change(terms: Terms) -> Terms:
        calendar = terms.calendar.model_copy(update={"horizon": at("09:00") + timedelta(days=days)})
        return terms.model_copy(update={"calendar": calendar})

    return change


def longer(case: Case) -> Calendar:
    return resolve_terms(POLICY, case.ticket.account, at("09:00")).calendar


def test_nothing_is_asked_before_its_time():
    case = given(change=near(181))
    case.do("respond", at="09:05", text="Hello.")
    case.wake("Tue 08:59")
    assert case.of("terms_aged") == []


def test_it_asks_once_and_goes_on_with_the_calendar_that_it_gets():
    case = given(change=near(181))
    case.do("respond", at="09:05", text="Hello.")
    due = case.due("contract", "resolution")
    case.wake("Tue 09:00")
    case.wake("Tue 10:00")
    (asked,) = [effect for effect in case.ticket.pending_effects if effect.kind == "terms"]
    assert case.when("terms_aged") == at("Tue 09:00")

    case.do("effect_done", at="Tue 10:01", by="tierline", role="system", key=asked.key, calendar=longer(case))

    assert case.ticket.pending_effects == ()
    assert case.ticket.terms.calendar.horizon == longer(case).horizon
    assert case.due("contract", "resolution") == due
    assert case.types()[-2:] == ["effect_done", "terms_replaced"]
    assert case.refold() == case.ticket


def test_it_needs_no_timer_of_its_own_unless_a_clock_ends_beyond_the_horizon():
    quiet = given("free", "P3", change=near(200))
    assert next_timer(quiet.ticket) is None
    beyond = given(change=near(181))
    beyond.do("respond", at="09:05", text="Hello.")
    late = beyond.ticket.model_copy(
        update={"clocks": tuple(clock.model_copy(update={"due": None}) for clock in beyond.ticket.clocks)}
    )
    timer = next_timer(late)
    assert timer is not None
    assert timer.kind is Kind.HORIZON


def test_it_needs_no_timer_for_what_ends_before_it_is_met_or_is_best_effort():
    known = given(change=near(181))
    known.do("respond", at="09:05", text="Hello.")
    assert next_timer(known.ticket).at == at("Wed 13:00")  # half of the 40 hours; the horizon would ring on Tuesday
    met = known.ticket.model_copy(
        update={"clocks": tuple(k.model_copy(update={"due": None, "met_at": at("09:05")}) for k in known.ticket.clocks)}
    )
    assert next_timer(met) is None
    assert next_timer(given("free", "P3", change=near(5)).ticket) is None


def test_c11_terms_that_ended_before_they_came_have_shares_of_what_they_had():
    case = phoned("standard", "P3", account_unknown=True)
    short = targets(P3_resolution=Cell(source="priorities.P3.resolution", days=1))(terms_of("standard"))
    known = c.MatchAccount(by="tierline", role="system", account=case.ticket.account, terms=near(2)(short))
    case._accept(TICKET.decide(case.ticket, known, at("Wed 09:30")))
    assert case.due("target", "resolution") == at("Wed 09:30")  # C8: not before the change
    assert case.ticket.warned["resolution"] == 90
    told = {one.lines[-1].end for one in explain(case.ticket, at("Wed 10:00")) if one.metric == "resolution"}
    assert told == {at("Wed 09:00")}  # no further than the calendar is known


def test_c8_a_calendar_that_is_known_for_longer_starts_no_clock_again():
    case = phoned("standard", "P3", change=near(6))
    assert case.due("contract", "resolution") is None  # 48 support hours end beyond it
    case.wake("Wed 09:00")
    (asked,) = case.ticket.pending_effects
    case.do("effect_done", at="Wed 09:01", by="tierline", role="system", key=asked.key, calendar=longer(case))
    assert case.due("contract", "resolution") == at("Mon+1 17:00")

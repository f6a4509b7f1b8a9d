"""A ticket that outlives its calendar asks for one that is known for longer, by itself, and on record."""

from collections.abc import Callable
from datetime import timedelta

from domain.calendar import Calendar
from domain.explain import explain
from domain.settle import Kind, next_timer
from domain.terms import Cell, Terms
from tests.unit.rules.driver import (
    POLICY,
    Case,
    at,
    given,
    phoned,
    replace_terms,
    resolve_terms,
    targets,
    terms_of,
)


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
    (asked,) = [effect for effect in case.ticket.undone if effect.kind == "terms"]
    assert case.when("terms_aged") == at("Tue 09:00")

    case.do("effect_done", at="Tue 10:01", by="tierline", role="system", key=asked.key, calendar=longer(case))

    assert case.ticket.undone == ()
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
        update={"clocks": tuple(c.model_copy(update={"due": None}) for c in beyond.ticket.clocks)}
    )
    timer = next_timer(late)
    assert timer is not None
    assert timer.kind is Kind.HORIZON


def test_c11_terms_that_ended_before_they_came_have_shares_of_what_they_had():
    case = phoned("standard", "P3")
    short = targets(P3_resolution=Cell(source="priorities.P3.resolution", days=1))(terms_of("standard"))
    replace_terms(case, "Wed 09:30", near(2)(short))
    assert case.due("target", "resolution") == at("Wed 09:30")  # C8: not before the change
    assert case.ticket.warned["resolution"] == 90
    told = {one.lines[-1].end for one in explain(case.ticket, at("Wed 10:00")) if one.metric == "resolution"}
    assert told == {at("Wed 09:00")}  # no further than the calendar is known

"""C3, C6: the support time that a ticket has left, as lists of tickets tell it: inside and outside of support hours,
while the clocks stand still, and of a promise in other hours than the ticket's own."""

from datetime import timedelta

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from domain.core.enums import Metric, Side
from domain.ticket.derived import sla_deadline
from domain.ticket.time_left import counting, left_until, support_time_left
from services.reading.time_left import left_of
from tests.support.packages import RECORD
from tests.support.ticket_case import at, given, phoned


def hours(text: str) -> timedelta:
    whole, _, minutes = text.partition(":")
    return timedelta(hours=int(whole), minutes=int(minutes or 0))


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ("12:00", "8"),
        ("16:00", "4"),
        ("17:00", "3"),  # support closes
        ("23:30", "3"),  # at night nothing is used up
        ("Tue 08:59", "3"),
        ("Tue 10:30", "1:30"),
    ],
)
def test_c3_nights_use_up_no_support_time(now: str, left: str) -> None:
    case = given("standard", "P4", at="12:00")  # a first response within 8 support hours: until noon on Tuesday
    assert sla_deadline(case.ticket) == at("Tue 12:00")
    assert support_time_left(case.ticket, at(now)) == hours(left)
    assert counting(case.ticket).counted == "plan"


def test_none_is_left_once_the_deadline_has_passed() -> None:
    case = given("standard", "P4", at="12:00")
    assert support_time_left(case.ticket, at("Tue 12:00")) is None
    case.wake("Tue 12:00")
    assert sla_deadline(case.ticket) == at("Thu 12:00")  # the internal target is the next
    assert support_time_left(case.ticket, at("Tue 12:00")) == hours("16")
    case.wake("Fri 12:00")
    assert sla_deadline(case.ticket) == at("Thu 12:00")
    assert support_time_left(case.ticket, at("Fri 12:00")) is None


def test_c6_what_is_left_does_not_change_while_the_customer_is_waited_for() -> None:
    case = phoned("standard", "P2")  # the first response is given
    due = sla_deadline(case.ticket)
    assert due is not None
    before = support_time_left(case.ticket, at("10:00"))
    case.do("wait", at="10:00", question="Which browser?")
    assert sla_deadline(case.ticket) is None
    assert counting(case.ticket) == ("paused", before)
    assert support_time_left(case.ticket, at("15:00")) == before
    assert support_time_left(case.ticket, at("Thu 11:00")) == before
    case.do("reply", at="Thu 11:00", role="customer", text="Firefox")
    assert support_time_left(case.ticket, at("Thu 11:00")) == before
    assert counting(case.ticket).left is None


def test_c6_a_second_pause_keeps_what_the_first_has_left() -> None:
    case = phoned("standard", "P2")
    case.do("wait", at="10:00", question="Which browser?")
    case.do("reply", at="11:00", role="customer", text="Firefox")
    before = support_time_left(case.ticket, at("12:00"))
    case.do("wait", at="12:00", question="Which version?")
    assert support_time_left(case.ticket, at("Wed 09:00")) == before


def test_what_is_over_or_has_no_clock_has_nothing_left() -> None:
    case = phoned("standard", "P2")
    case.do("resolve", at="10:00", **RECORD)
    assert counting(case.ticket) == ("none", None)
    assert support_time_left(case.ticket, at("10:00")) is None
    request = phoned("standard", "P4")  # no resolution clock (C7)
    assert counting(request.ticket) == ("none", None)
    request.do("wait", at="10:00", question="Which browser?")
    assert counting(request.ticket) == ("none", None)


def test_of_a_wall_clock_all_time_is_counted_and_a_page_says_nothing_new() -> None:
    case = given("standard", "P0", at="20:00")
    assert counting(case.ticket).counted == "wall"
    due, now = sla_deadline(case.ticket), at("20:01")
    assert due is not None
    assert support_time_left(case.ticket, now) == due - now
    assert left_of(case.ticket, due, now) is None


def test_c8_a_promise_in_other_hours_is_counted_in_those() -> None:
    case = given("standard", "P4", at="12:00")
    terms = case.ticket.terms
    late = terms.calendar.model_copy(update={"week": (((12 * 60, 20 * 60),),) * 7})
    clocks = tuple(
        one.model_copy(update={"legs": tuple(leg.model_copy(update={"calendar": late}) for leg in one.legs)})
        for one in case.ticket.clocks
    )
    ticket = case.ticket.model_copy(update={"clocks": clocks})
    assert counting(ticket).counted == "own"
    assert support_time_left(ticket, at("13:00")) == hours("7")  # until noon on Tuesday, in hours from noon to eight


@drawn(st.integers(0, 7 * 24 * 60), st.integers(0, 24 * 60))
def test_no_support_time_comes_back_and_none_goes_faster_than_time(minute: int, more: int) -> None:
    case = given("standard", "P4", at="12:00")
    due, calendar = sla_deadline(case.ticket), case.ticket.terms.calendar
    assert due is not None
    now = at("09:00") - timedelta(days=7) + timedelta(minutes=minute)
    later = min(now + timedelta(minutes=more), due - timedelta(microseconds=1))
    first, then = left_until(calendar, due, now), left_until(calendar, due, later)
    if first is not None and then is not None and later >= now:
        assert timedelta(0) <= first - then <= later - now


def test_each_clock_is_counted_on_what_its_cell_says() -> None:
    case = given("standard", "P4")
    leading = next(one for one in case.ticket.clocks if one.due == sla_deadline(case.ticket))
    assert (leading.metric, leading.side, leading.leg.cell.clock) == (Metric.FIRST_RESPONSE, Side.CONTRACT, "plan")

"""A forecast is what the rules make of a ticket that nobody touches: exact instants, and nothing is recorded."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.enums import Plan, Priority
from domain.core.refusal import Refused
from domain.ticket import commands as c
from domain.ticket.events import Lapsed
from domain.ticket.forecast import Foreseen, differences, if_nobody_acts
from domain.ticket.state import Ticket
from tests.support.durations import HOUR, MINUTE
from tests.support.packages import T2_PACKAGE
from tests.support.ticket_life import COMMANDS, MONDAY, Life, closed, life

WEEK = timedelta(days=7)


def foreseen(one: Life, *, after: timedelta = WEEK, first: c.Command | None = None) -> list[Foreseen]:
    now = one.ticket.as_of
    return if_nobody_acts(one.ticket, now, now + after, first)


def when(coming: list[Foreseen], *types: str) -> list[tuple[str, timedelta]]:
    """The events of these types, each with its time since the opening."""
    return [(one.event.body.type, one.at - MONDAY) for one in coming if one.event.body.type in types]


def breaches(coming: list[Foreseen]) -> dict[tuple[str, str], timedelta]:
    bodies = ((one.event.body, one.at) for one in coming)
    return {(body.side, body.metric): at - MONDAY for body, at in bodies if isinstance(body, Lapsed)}


def test_g2_an_incomplete_package_is_noted_reaches_the_limit_and_the_lead_is_reminded_once_in_the_list() -> None:
    coming = foreseen(life().do("take"))

    assert when(coming, "limit_noted", "limit_reached", "escalated") == [
        ("limit_noted", 10 * MINUTE),
        ("limit_noted", 13 * MINUTE),
        ("limit_reached", 15 * MINUTE),
    ]
    (reminder,) = [one for one in coming if one.event.body.type == "limit_reminded"]
    assert reminder.at == MONDAY + 30 * MINUTE
    assert reminder.until is not None
    assert MONDAY + WEEK - 15 * MINUTE < reminder.until <= MONDAY + WEEK
    assert {notice.audience for notice in reminder.notices} == {"lead"}


def test_g2_a_complete_package_goes_up_at_the_limit() -> None:
    coming = foreseen(life().do("take").do("fill", fields=T2_PACKAGE))

    assert when(coming, "limit_reached", "escalated", "limit_reminded") == [
        ("limit_reached", 15 * MINUTE),
        ("escalated", 15 * MINUTE),
    ]


def test_c1_each_breach_stands_at_its_clock_s_own_due_instant() -> None:
    one = life(plan=Plan.PREMIUM, priority=Priority.P1)
    dues = {(clock.side, clock.metric): clock.due for clock in one.ticket.clocks if clock.due}

    coming = foreseen(one, after=timedelta(days=30))

    assert {key: MONDAY + at for key, at in breaches(coming).items()} == dues
    assert all(one.notices for one in coming if isinstance(one.event.body, Lapsed))


def test_g6_a_guessed_critical_ticket_pages_after_its_five_minutes_and_no_failure_of_others_is_foreseen() -> None:
    coming = foreseen(life(priority=Priority.P0, guessed=True))

    (pages,) = [one for one in coming if one.starts]
    assert (pages.at - MONDAY, pages.starts) == (5 * MINUTE, ("incident",))
    assert not when(coming, "effect_overdue", "effect_done")


def test_what_has_lapsed_and_is_not_recorded_yet_comes_first_at_its_own_instant() -> None:
    ticket = life().do("take").ticket
    now = MONDAY + 40 * MINUTE

    coming = if_nobody_acts(ticket, now, now + HOUR)

    assert (coming[0].event.body.type, coming[0].at) == ("limit_noted", MONDAY + 10 * MINUTE)


def test_a_closed_ticket_has_nothing_to_come() -> None:
    assert foreseen(closed(life())) == []


def test_c6_what_waits_on_the_customer_stands_still_and_goes_on_with_the_answer() -> None:
    one = life(priority=Priority.P1).do("take").do("wait", 5 * MINUTE, question="Which browser?")
    reply = c.parse({"do": "reply", "by": "customer", "role": "customer", "text": "Firefox."})

    waits, answered = foreseen(one, after=4 * WEEK), foreseen(one, after=4 * WEEK, first=reply)

    assert not breaches(waits)
    assert {metric for _side, metric in breaches(answered)} == {"resolution"}
    new = [change for change in differences(waits, answered) if change.before is None]
    assert ("lapsed", "contract", "resolution") in [change.about for change in new]


def test_c8_a_higher_priority_moves_its_targets_and_pages_at_once() -> None:
    one = life(priority=Priority.P3)
    raised = c.parse({"do": "prioritise", "by": "lena", "role": "lead", "priority": "P0", "reason": "All are down."})

    before, after = foreseen(one), foreseen(one, first=raised)

    assert [one.starts for one in after if one.starts] == [("incident",)]
    moved = {change.about: change for change in differences(before, after)}
    change = moved["lapsed", "target", "first_response"]
    assert change.before is not None
    assert change.after is not None
    assert change.after.at < change.before.at


def test_what_would_be_refused_is_refused_and_the_ticket_stays_as_it_was() -> None:
    one = closed(life())
    before = one.ticket

    with pytest.raises(Refused):
        foreseen(one, first=c.parse({"do": "take", "by": "ada"}))

    assert one.ticket == before


def test_a_forecast_is_the_same_whether_something_is_supposed_that_changes_nothing_of_the_clocks() -> None:
    one = life()
    noted = c.parse({"do": "note", "by": "ada", "text": "Seen before."})

    assert [change.about for change in differences(foreseen(one), foreseen(one, first=noted))] == [("noted",)]


STEPS = st.lists(
    st.tuples(st.sampled_from(sorted(COMMANDS)), st.integers(min_value=0, max_value=300)), min_size=0, max_size=8
)


@given(STEPS, st.sampled_from(list(Plan)), st.sampled_from([Priority.P1, Priority.P2, Priority.P3, Priority.P4]))
def test_a_forecast_is_what_is_recorded_when_the_time_has_passed(
    steps: list[tuple[str, int]], plan: Plan, priority: Priority
) -> None:
    """Recorded in one go, by a worker that was away. What asks something of other systems is left out: it answers at
    once in a forecast, and not at all here."""
    one = life(plan=plan, priority=priority)
    for name, minutes in steps:
        try:
            one.do(name, timedelta(minutes=minutes), **COMMANDS[name])
        except Refused:
            continue
    if one.ticket.pending_effects:
        return
    now, known = one.ticket.as_of, len(one.events)

    coming = if_nobody_acts(one.ticket, now, now + WEEK)

    if any(entry.starts for entry in coming):
        return
    passed = one.wait_until(now + WEEK).events[known:]
    assert types_and_instants(coming) == [
        (event.body.type, event.at) for event in passed if event.body.type != "limit_reminded"
    ]
    assert all(entry.at <= now + WEEK for entry in coming)


def types_and_instants(coming: list[Foreseen]) -> list[tuple[str, datetime]]:
    entries: list[tuple[Any, datetime]] = [(entry.event.body.type, entry.at) for entry in coming]
    return [entry for entry in entries if entry[0] != "limit_reminded"]


@pytest.mark.parametrize("plan", Plan)
def test_every_entry_has_the_ticket_as_it_leaves_it(plan: Plan) -> None:
    coming = foreseen(life(plan=plan).do("take"))
    states: list[Ticket] = [one.after for one in coming]
    assert [state.seq for state in states] == sorted(state.seq for state in states)
    assert all(one.after.seq >= one.event.seq for one in coming)

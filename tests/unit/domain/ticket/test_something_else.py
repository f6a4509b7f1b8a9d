"""Something else than one has had: only what the order of the queue (G10) lets come first is chosen from."""

from collections.abc import Sequence
from typing import Any

import pytest

from domain.core.enums import Priority, SlaState, WaitsOn
from domain.ticket.something_else import Picked, Waiting, pick

HAD = {"exports": 7, "billing": 1, "reports": 3}


def one(ticket: str, area: str, priority: str = "P3", **more: Any) -> Waiting:
    known = {"state": SlaState.ON_TRACK, "waits_on": WaitsOn.AGENT, "incident": False}
    return Waiting(ticket=ticket, area=area, priority=Priority(priority), **(known | more))


def picked(*waiting: Waiting) -> Picked:
    found = pick(waiting, HAD)
    assert found is not None
    return found


def test_the_ticket_of_the_area_that_one_had_least_comes_first() -> None:
    found = picked(one("1", "exports"), one("2", "reports"), one("3", "billing"))
    assert found == Picked("3", "you had 1 of billing lately, and 7 of exports; what it comes before can wait")


def test_an_area_that_one_never_had_is_had_least_and_so_is_a_ticket_without_area() -> None:
    assert picked(one("1", "exports"), one("2", "billing"), one("3", "calendar")).ticket == "3"
    found = picked(one("1", "exports"), one("2", ""))
    assert found == Picked("2", "you had 0 of no area lately, and 7 of exports; what it comes before can wait")


def test_of_several_that_one_had_as_little_of_the_first_in_the_queue_is_taken() -> None:
    assert picked(one("1", "exports"), one("2", "billing"), one("3", "billing")).ticket == "2"


def test_where_the_first_is_had_least_it_stays_the_first_and_that_is_said() -> None:
    found = picked(one("1", "billing"), one("2", "exports"))
    assert found.ticket == "1"
    assert found.why.startswith("it is the next ticket anyway: you had 1 of billing")


PRESSED: Sequence[tuple[dict[str, Any], str]] = (
    ({"state": SlaState.BREACHED}, "its contract is breached"),
    ({"state": SlaState.TARGET_MISSED}, "its target is missed"),
    ({"state": SlaState.WARNED}, "it is at risk"),
    ({"incident": True}, "it is part of an incident"),
    ({"waits_on": WaitsOn.ESCALATION}, "it is past the Tier 1 limit"),
)


@pytest.mark.parametrize(("pressed", "reason"), PRESSED)
def test_nothing_comes_before_a_ticket_that_cannot_wait(pressed: dict[str, Any], reason: str) -> None:
    found = picked(one("1", "exports", **pressed), one("2", "billing"))
    assert found == Picked("1", f"nothing else now: the next ticket cannot wait, {reason}")
    later = picked(one("1", "exports"), one("2", "reports"), one("3", "exports", **pressed), one("4", "billing"))
    assert later.ticket == "2"


def test_nothing_comes_before_a_ticket_of_a_higher_priority_but_one_of_a_higher_one_may_come_first() -> None:
    assert picked(one("1", "exports", "P2"), one("2", "billing", "P3")).ticket == "1"
    assert picked(one("1", "exports", "P3"), one("2", "reports", "P1"), one("3", "billing", "P3")).ticket == "2"
    assert picked(one("1", "exports", "P3"), one("2", "exports", "P1"), one("3", "billing", "P1")).ticket == "3"


def test_where_nothing_waits_nothing_is_picked() -> None:
    assert pick([], HAD) is None

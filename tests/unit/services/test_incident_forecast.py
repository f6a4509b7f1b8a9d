"""G6: whom a critical problem would page, when and in which order, by the policy alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.core.enums import Plan, Priority
from domain.core.refusal import Refused
from services.incident_forecast import forecast_incident
from tests.support.policy import POLICY

SUNDAY = datetime(2026, 12, 6, 3, 0, tzinfo=UTC)
"""04:00 in Berlin: no support hours but those of Enterprise."""


def foreseen(priority: Priority = Priority.P0, plan: Plan = Plan.ENTERPRISE, hours: float = 2) -> dict[str, Any]:
    return forecast_incident(POLICY, "API", priority, plan, SUNDAY, timedelta(hours=hours))


def minutes(iso: str) -> float:
    return (datetime.fromisoformat(iso) - SUNDAY).total_seconds() / 60


@pytest.mark.parametrize(("priority", "wait"), [(Priority.P0, 5), (Priority.P1, 15)])
def test_g6_the_ladder_is_climbed_in_order_each_step_after_the_time_that_the_severity_gives(
    priority: Priority, wait: int
) -> None:
    coming = foreseen(priority)["coming"]

    pages = [(minutes(one["at"]), one["pages"]) for one in coming if one["type"] == "paged"]
    assert pages == [
        (0, "on-call"), (wait, "on-call"), (2 * wait, "on-call-second"), (3 * wait, "manager"),
    ]  # fmt: skip
    (unanswered,) = [one for one in coming if one["type"] == "unanswered"]
    assert minutes(unanswered["at"]) == 4 * wait
    assert unanswered["notified"]


def test_g6_each_page_names_the_instant_at_which_the_second_channel_would_do_it() -> None:
    pages = [one for one in foreseen()["coming"] if one["pages"]]
    assert {minutes(one["second_channel_at"]) - minutes(one["at"]) for one in pages} == {0.75}


def test_the_first_update_is_due_and_the_manager_hears_that_it_is_late() -> None:
    late = [one for one in foreseen()["coming"] if one["type"] == "update_missed"]
    assert [minutes(one["at"]) for one in late[:2]] == [15, 25]
    assert "manager" in late[1]["notified"]
    assert "manager" not in late[0]["notified"]


def test_what_fails_outside_is_not_foreseen() -> None:
    assert not [one for one in foreseen(hours=24)["coming"] if one["type"].startswith("effect")]


def test_c2_c3_the_clocks_of_the_plan_say_what_is_due_at_night() -> None:
    dues = {(one["side"], one["metric"]): one["due"] for one in foreseen()["dues"]}
    assert minutes(dues["contract", "first_response"]) == 15
    other = {(one["side"], one["metric"]): one["due"] for one in foreseen(plan=Plan.STANDARD)["dues"]}
    assert minutes(other["contract", "resolution"]) > 24 * 60  # support hours begin on Monday


def test_what_is_no_area_is_refused() -> None:
    with pytest.raises(Refused):
        forecast_incident(POLICY, "x" * 1_000, Priority.P0, Plan.FREE, SUNDAY, timedelta(hours=1))

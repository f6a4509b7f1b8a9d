"""The table [jira]: what engineering reads, and what a slip in it is told."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.core.enums import Priority
from domain.policy.tracker import TrackerRow
from services.policy_file.load import load_policy


def rules(**table: Any) -> TrackerRow:
    return TrackerRow.model_validate(table)


def test_the_shipped_table_says_what_its_defaults_are() -> None:
    shipped = load_policy().jira
    for kind in ("bug", "request", "incident", "review", "action"):
        assert shipped.issue_type(kind) == rules().issue_type(kind)
    assert [shipped.priority(priority) for priority in Priority] == ["Highest", "High", "Medium", "Low", "Lowest"]
    assert shipped.model_copy(update={"issue_types": {}, "priorities": {}, "resolutions": {}}) == rules()


@pytest.mark.parametrize(
    ("how", "arr", "told"),
    [
        ("exact", "120000.50", "120,000.50"),
        ("exact", "0", "0"),
        ("exact", None, "unknown"),
        ("band", None, "unknown"),
        ("band", "0", "under 10,000"),
        ("band", "9999.99", "under 10,000"),
        ("band", "10000", "10,000 to 50,000"),
        ("band", "49999", "10,000 to 50,000"),
        ("band", "250000", "250,000 or more"),
        ("none", "120000", "not told"),
        ("none", None, "not told"),
    ],
)
def test_g4_revenue_is_exact_a_band_or_not_told(how: str, arr: str | None, told: str) -> None:
    assert rules(arr=how).revenue(None if arr is None else Decimal(arr)) == told


@given(st.decimals(0, 10**9, places=2))
def test_a_band_never_tells_the_amount(arr: Decimal) -> None:
    told = rules(arr="band").revenue(arr)
    assert told in ("under 10,000", "10,000 to 50,000", "50,000 to 250,000", "250,000 or more")


def test_components_follow_the_product_area_however_it_is_written() -> None:
    table = rules(components={"Billing": ["Billing"], "*": ["Other"]})
    assert table.components_for(" billing ") == ("Billing",)
    assert table.components_for("reports") == ("Other",)
    assert rules(components={"Billing": []}).components_for("reports") == ()


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"sprint": ["P2"]}, "`board` is missing"),
        ({"board": 0}, "greater than or equal to 1"),
        ({"arr_bands": [50_000, 10_000]}, "in ascending order"),
        ({"arr_bands": []}, "at least 1"),
        ({"fields": {"bug": {"summary": "x"}}}, "Tierline fills summary itself"),
        ({"fields": {"bug": {"../x": "y"}}}, "pattern"),
        ({"issue_types": {"epic": "Epic"}}, "Input should be"),
        ({"also_link": ["sup; drop"]}, "pattern"),
        ({"leave_out": ["summary"]}, "Input should be"),
        ({"sprnt": []}, "Extra inputs"),
    ],
)
def test_a_slip_is_told(table: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        rules(**table)


def test_g5_an_incidents_own_issue_is_a_task_by_default_and_no_bug_of_the_backlog() -> None:
    assert (rules().issue_type("incident"), rules().issue_type("bug")) == ("Task", "Bug")
    assert load_policy().jira.issue_type("incident") == "Task"

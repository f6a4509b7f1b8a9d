"""How often one run of the Jira sweep looks: a run for each look would hide the tickets in the list of workflows."""

from datetime import timedelta

import pytest

from workflows.tracker.sweep import looks_of_one_run


@pytest.mark.parametrize(
    ("seconds", "looks"),
    [(None, 1), (60, 60), (1, 60), (61, 59), (1800, 2), (1801, 1), (3600, 1), (86_400, 1)],
)
def test_a_run_looks_for_an_hour_and_60_times_at_most(seconds: int | None, looks: int) -> None:
    assert looks_of_one_run(None if seconds is None else timedelta(seconds=seconds)) == looks

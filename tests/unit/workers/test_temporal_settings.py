"""What Temporal keeps of the Updates to one workflow: enough for every door of ours, and too little to end it."""

from domain.core.size import MOST_BYTES
from workers.embedded.temporal import UPDATES_IN_FLIGHT
from workflows.journal_writer import BATCH_BYTES

MOST_IN_A_TASK = 4 * 1024 * 1024
"""Bytes that Temporal takes in one message: a task whose completion is larger ends its workflow."""
AT_ONCE = 10
"""Updates that Temporal hands out at once for one workflow."""


def test_ten_of_the_largest_commands_are_taken_and_fit_into_a_task_with_the_largest_batch_of_the_journal() -> None:
    assert AT_ONCE * MOST_BYTES < UPDATES_IN_FLIGHT
    assert UPDATES_IN_FLIGHT + BATCH_BYTES < MOST_IN_A_TASK * 3 // 4

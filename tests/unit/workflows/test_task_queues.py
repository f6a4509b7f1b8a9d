"""On which task queue each activity is: what has to be started at once, and what must not wait for what is down."""

import pytest

from workflows import ports


@pytest.mark.parametrize("port", [ports.RECORD_EVENTS, ports.RECORD_INCIDENT], ids=lambda port: port.name)
def test_the_journal_is_written_on_the_queue_of_the_workflows(port: ports.Port[object, object]) -> None:
    """Only there does Temporal start an activity with the write that schedules it (decision 8)."""
    assert port.task_queue == ports.TICKETS


def test_whoever_is_woken_without_an_incident_does_not_wait_for_what_the_journal_waits_for() -> None:
    """The database is down then: the slots of what it keeps waiting are full."""
    assert ports.PAGE_AREA.task_queue == ports.PAGER
    assert ports.PAGE_AREA.task_queue not in {ports.RECORD_EVENTS.task_queue, ports.JOIN_INCIDENT.task_queue}

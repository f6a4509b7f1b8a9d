"""The Schedule `reconcile`: it compares the journal with Temporal both ways, keeps what it found, and mends nothing."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from domain.ticket.state import workflow_id
from services.health import comparison_check
from store.gauges import read_gauges
from store.reconciliation import Compared
from tests.support.timeskipping import real_time
from tests.support.waiting import until
from tests.support.working_tierline import Tierline, a_tierline
from workers.worker import RECONCILE, schedule_comparison

pytestmark = pytest.mark.long


@pytest.fixture
async def alone(database_url: str) -> AsyncIterator[Tierline]:
    """A Tierline with a Temporal of its own: schedules of a namespace that was just made begin late."""
    async with real_time() as client, a_tierline(client, database_url) as place:
        yield place


async def test_what_differs_is_found_both_ways_and_kept_and_no_run_overlaps_another(alone: Tierline) -> None:
    # Given a ticket whose workflow was ended, and one whose journal lacks its latest event
    assert comparison_check(alone.db).detail == "nobody has compared the journal with Temporal yet"
    stopped, behind = await alone.open(), await alone.open()
    seq = await alone.give(behind, "wait", question="Which browser?")
    ended = workflow_id(stopped)
    await alone.client.get_workflow_handle(ended).terminate("by hand")
    with alone.db.begin() as session:
        for table in ("texts", "ticket_events"):
            session.execute(text(f"DELETE FROM {table} WHERE ticket_id = :t AND seq >= :s"), {"t": behind, "s": seq})
        before = {"t": behind, "s": seq - 1}
        session.execute(text("UPDATE tickets SET seq = :s, status = 'open' WHERE id = :t"), before)
        session.execute(text("UPDATE tickets SET updated_at = now() - interval '3 minutes'"))

    async def listed() -> bool:  # as both are
        query = f"(WorkflowId = '{ended}' AND ExecutionStatus = 'Running') OR TicketStatus = 'pending'"
        return [one.id async for one in alone.client.list_workflows(query)] == [workflow_id(behind)]

    await until(listed)

    # When two workers start together
    for _ in range(2):
        await schedule_comparison(alone.client, timedelta(hours=1))
    schedule = alone.client.get_schedule_handle(RECONCILE)

    # Then the comparison runs at once, and what it found is on record, for the metrics and for people
    async def compared() -> Compared | None:
        with alone.db.session() as session:
            return read_gauges(session, datetime.now(UTC)).compared

    kept: Compared = await until(compared)
    assert kept.by_kind() == {"not_running": 1, "behind": 1, "over": 0, "not_looked_at": 0}
    check = comparison_check(alone.db)
    assert (check.ok, check.stops) == (False, False)
    assert "differed in 2: see `tierline ops reconcile`" in check.detail
    described = await alone.client.get_workflow_handle(ended).describe()
    assert described.status
    assert described.status.name == "TERMINATED"

    # And while that run waits to compare again, no other begins
    await schedule.trigger()

    async def skipped() -> bool:
        return (await schedule.describe()).info.num_actions_skipped_overlap == 1

    await until(skipped)
    assert (await schedule.describe()).info.num_actions == 1

    # And what somebody paused stays paused, at another pace too
    await schedule.pause(note="Temporal is moved.")
    await schedule_comparison(alone.client, timedelta(hours=6))
    known = (await schedule.describe()).schedule
    assert ([interval.every for interval in known.spec.intervals], known.state.paused) == ([timedelta(hours=6)], True)

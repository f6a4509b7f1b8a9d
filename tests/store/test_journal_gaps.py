"""A gap in a journal that no history fills: the attempts go on, and after ten minutes ops are told once."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.support.journal_gaps import JournalGaps
from activities.support.ops_alerts import OpsAlerts
from store.database import Database
from store.journal import Gap
from store.tables.integrations import OutboxRow
from tests.support.durations import MINUTE


class Waiting:
    """Activities of one workflow, whose journal stands at event 3; `found` is what Temporal's history has."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.gaps = JournalGaps(db, OpsAlerts(("ops",)), lambda workflow: self.stands, self._catch_up)
        self.stands = 3
        self.found = 3
        self.looked = 0

    def _catch_up(self, workflow: str, run: str, write_as: str, seconds: float) -> None:
        self.looked += 1
        assert (workflow, run, write_as) == ("ticket-a", "run-1", "run-1")
        assert 0 < seconds < 30
        if self.found == self.stands:
            raise Gap("ticket a is at 3: event 5 does not follow")
        self.stands = self.found

    def read(self, after: timedelta, attempt: int, seq: int = 5) -> int:
        """One attempt that needs event `seq`, which begins so long after it was first to be made."""
        env = ActivityEnvironment()
        known = env.default_info()
        env.info = replace(
            known,
            workflow_id="ticket-a",
            workflow_run_id="run-1",
            attempt=attempt,
            started_time=known.scheduled_time + after,
            start_to_close_timeout=MINUTE / 2,
        )
        found: int = env.run(self.gaps.read_when_there, lambda: self.stands if self.stands >= seq else None, seq)
        return found

    def told(self) -> list[str]:
        with self.db.session() as session:
            return list(session.scalars(select(OutboxRow.title)))


@pytest.fixture
def waiting(database: Database) -> Waiting:
    return Waiting(database)


def test_the_first_attempt_only_waits_since_the_event_may_be_on_its_way(waiting: Waiting) -> None:
    waiting.found = 5
    with pytest.raises(ApplicationError, match="the journal of ticket-a is not at 5 yet"):
        waiting.read(MINUTE, attempt=1)
    assert waiting.looked == 0
    assert waiting.read(MINUTE, attempt=2) == 5
    assert (waiting.looked, waiting.told()) == (1, [])


def test_ops_are_told_once_for_each_gap_after_ten_minutes(waiting: Waiting) -> None:
    second = timedelta(seconds=1)
    with pytest.raises(Gap):
        waiting.read(10 * MINUTE - second, attempt=14)
    assert waiting.told() == []
    for attempt in (15, 16):
        with pytest.raises(Gap):
            waiting.read(10 * MINUTE, attempt=attempt)
    [told] = waiting.told()
    assert told.startswith("The journal of ticket-a stands at event 3: ")
    # Another gap, later, is another notice
    waiting.stands = waiting.found = 8
    with pytest.raises(Gap):
        waiting.read(10 * MINUTE, attempt=15, seq=10)
    assert [title[:42] for title in waiting.told()] == [
        "The journal of ticket-a stands at event 3:",
        "The journal of ticket-a stands at event 8:",
    ]


def test_ops_are_told_also_where_the_history_has_less_than_is_waited_for(waiting: Waiting) -> None:
    waiting.found = 4
    with pytest.raises(ApplicationError, match="not at 5 yet"):
        waiting.read(10 * MINUTE, attempt=15)
    assert waiting.told()[0].startswith("The journal of ticket-a stands at event 4: ")

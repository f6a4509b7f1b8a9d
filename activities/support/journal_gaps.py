"""What an activity does where the journal lacks events: it has them read from the workflow's history; and where they
are not there, ops hear of it once."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.support.ops_alerts import OpsAlerts
from store.database import Database, DatabaseDown
from store.journal import DeadRun

PATIENCE = timedelta(minutes=10)
"""How long an activity tries by itself before ops are alerted."""
SPARE = 5.0
"""Seconds that an attempt keeps for its own work, when a history has been read."""

CatchUp = Callable[[str, str, str, float], None]
"""Appends what the journal lacks: by workflow id and run id, under a run id, within so many seconds. Blocks."""

Found = TypeVar("Found")


class JournalGaps:
    """Ends gaps in the journals of tickets and incidents, for the activities of their own workflows. Blocks."""

    def __init__(
        self,
        db: Database,
        ops: OpsAlerts,
        stands_at: Callable[[str], int],
        catch_up: CatchUp,
        patience: timedelta = PATIENCE,
    ) -> None:
        """`stands_at` says at which event the journal of a workflow stands, by the workflow's id."""
        self._db = db
        self._ops = ops
        self._stands_at = stands_at
        self._catch_up = catch_up
        self._patience = patience

    def close(self, write_as: str | None = None) -> None:
        """Append to the journal what the workflow of this activity has in its history and the journal lacks.

        `write_as` is the run that it is recorded for; None: the activity's own. Raises Gap where the history does not
        have it, and whatever kept it from being read: then the attempt is to fail, and to be made again.
        """
        info = activity.info()
        seconds = (info.start_to_close_timeout or timedelta(minutes=1)).total_seconds() - SPARE
        run = info.workflow_run_id or ""
        try:
            self._catch_up(info.workflow_id or "", run, write_as or run, max(seconds, SPARE))
        except (DeadRun, DatabaseDown):
            raise
        except Exception as error:
            self._alert_if_late(type(error).__name__)
            raise

    def read_when_there(self, read: Callable[[], Found | None], seq: int) -> Found:
        """Return what `read` finds in the journal, which has to stand at event `seq` for it; None: it does not yet.

        The event may be on its way, so the first attempt only fails (`NotYet`). The second one looks for it in the
        workflow's history.
        """
        found = read()
        if found is None and activity.info().attempt > 1:
            self.close()
            found = read()
        if found is None:
            self._alert_if_late("NotYet")
            workflow = activity.info().workflow_id
            raise ApplicationError(f"the journal of {workflow} is not at {seq} yet", type="NotYet")
        return found

    def _alert_if_late(self, why: str) -> None:
        """Tell ops, once for each gap, if this activity has waited for long. Both instants are Temporal's."""
        info = activity.info()
        if info.started_time - info.scheduled_time < self._patience:
            return
        workflow = info.workflow_id or ""
        seq = self._stands_at(workflow)
        message = (
            f"The journal of {workflow} stands at event {seq}: what follows is lost, and could not be read from the "
            f'history at Temporal ({why}). See "A gap in the journal" in docs/ops.md'
        )
        with self._db.begin() as session:
            self._ops.alert(session, f"journal_gap:{workflow}:{seq}", message)

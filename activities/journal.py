"""The journal's writer."""

from temporalio import activity
from temporalio.exceptions import ApplicationError

from domain.ticket.rules.churn import ChurnRule
from store import journal
from store.database import Database
from workflows import ports


class JournalActivities:
    """Writes what tickets decided. Everything that depends on an event is in the same transaction."""

    def __init__(self, db: Database, churn: ChurnRule) -> None:
        self._db = db
        self._churn = churn

    # A thread must not be interrupted between its statements: the time-out is the database's own.
    @activity.defn(name=ports.RECORD_EVENTS.name, no_thread_cancel_exception=True)
    def record_events(self, request: ports.JournalRequest) -> ports.Nothing:
        try:
            with self._db.begin() as session:
                journal.append(session, request.ticket_id, request.run_id, request.events, churn=self._churn)
        except journal.DeadRun as error:  # this run was reset; its successor speaks for the ticket
            raise ApplicationError(str(error), type="DeadRun", non_retryable=True) from None
        return ports.Nothing()

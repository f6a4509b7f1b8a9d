"""The journal's writer."""

from temporalio import activity

from store import journal
from store.database import Database
from workflows import ports


class JournalActivities:
    """Writes what tickets decided. Everything that depends on an event is in the same transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    # A thread must not be interrupted between its statements: the time-out is the database's own.
    @activity.defn(name=ports.RECORD_EVENTS.name, no_thread_cancel_exception=True)
    def record_events(self, request: ports.JournalRequest) -> ports.Nothing:
        with self._db.begin() as session:
            journal.append(session, request.ticket_id, request.run_id, request.events)
        return ports.Nothing()

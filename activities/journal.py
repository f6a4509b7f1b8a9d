"""The journals' writer."""

from collections.abc import Callable
from functools import partial

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.support.journal_gaps import JournalGaps
from activities.support.task_order import Follow
from domain.ticket.rules.churn import ChurnRule
from domain.ticket.rules.priority import Prioritised
from store import journal
from store.database import Database
from store.journal import INCIDENTS
from workflows import ports


class JournalActivities:
    """Writes what tickets and incidents decided. Everything that depends on an event is in the same transaction."""

    def __init__(self, db: Database, churn: ChurnRule, gaps: JournalGaps, follow: Follow) -> None:
        """`follow` has a ticket served by its new priority."""
        self._db = db
        self._churn = churn
        self._gaps = gaps
        self._follow = follow

    # A thread must not be interrupted between its statements: the time-out is the database's own.
    @activity.defn(name=ports.RECORD_EVENTS.name, no_thread_cancel_exception=True)
    def record_events(self, request: ports.JournalRequest) -> ports.Nothing:
        done = self._record(partial(self._append, request), request.run_id)
        changes = [event.body for event in request.events if isinstance(event.body, Prioritised)]
        if changes and changes[-1].new is not changes[0].old:
            self._follow(request.ticket_id, changes[-1].new)
        return done

    @activity.defn(name=ports.RECORD_INCIDENT.name, no_thread_cancel_exception=True)
    def record_incident(self, request: ports.IncidentJournalRequest) -> ports.Nothing:
        return self._record(partial(self._append_to_incident, request), request.run_id)

    def _record(self, append: Callable[[], None], run_id: str) -> ports.Nothing:
        """Append the batch; where the journal lacks what comes before it, that first."""
        try:
            try:
                append()
            except journal.Gap:
                self._gaps.close(write_as=run_id)  # this batch stands in the history as well
                append()
        except journal.DeadRun as error:  # this run was reset; its successor speaks for the ticket or incident
            raise ApplicationError(str(error), type="DeadRun", non_retryable=True) from None
        return ports.Nothing()

    def _append(self, request: ports.JournalRequest) -> None:
        with self._db.begin() as session:
            journal.append(session, request.ticket_id, request.run_id, request.events, churn=self._churn)

    def _append_to_incident(self, request: ports.IncidentJournalRequest) -> None:
        with self._db.begin() as session:
            INCIDENTS.append(session, request.number, request.run_id, request.events)

"""Read from a workflow's own history what its journal lacks, and append it: that is how a gap in a journal ends.

A workflow hands each event to the journal once, as the input of an activity (`record_events`, `record_incident`), and
forgets it then. A database that loses a commit afterwards (a failover to a replica that was behind, an older backup)
lacks events that no workflow brings again. Temporal keeps the inputs of a run's activities, and the run's own input,
for as long as it keeps the run's history.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple, Protocol

from sqlalchemy.orm import Session
from temporalio.api.common.v1 import Payloads, WorkflowExecution
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from domain.core.size import json_bytes
from domain.incident.events import IncidentEvent
from domain.incident.rules.declaring import Declared
from domain.incident.state import workflow_id as incident_workflow_id
from domain.ticket.events import Event
from domain.ticket.rules.churn import ChurnRule
from domain.ticket.state import workflow_id as ticket_workflow_id
from store import incidents, journal
from store.database import Database
from store.journal import INCIDENTS
from workflows import ports
from workflows.incident.messages import IncidentStart
from workflows.ticket.messages import TicketStart

log = logging.getLogger("tierline.journal")

PAGE = 100
"""Events of a history that are read at once."""
MOST_EVENTS, MOST_BYTES = 500, 2_000_000
"""How many events, and bytes of their JSON, are held in memory and appended in one transaction."""
PATIENCE = timedelta(seconds=10)
"""How long one page of a history may take."""

AnyEvent = Event | IncidentEvent


class _Beginning(NamedTuple):
    """What the input of a run says of the journal."""

    first: int
    """The place of the first event that stands in this run's history. Earlier ones stand in those of earlier runs."""
    events: Sequence[AnyEvent]
    """Events that came with the input: the opening, or what the earlier run had not journalled yet."""
    opened: bool = False
    """These events are the opening, which was journalled before the run was started."""


class _Journal(Protocol):
    """One ticket's journal, or one incident's."""

    port: ports.Port[Any, Any]
    request: type[Any]
    start: type[Any]

    def beginning(self, start: Any) -> _Beginning: ...
    def stands_at(self, session: Session) -> int: ...
    def append(self, session: Session, run: str, events: Sequence[Any]) -> None: ...
    def open(self, session: Session, opening: Sequence[Any]) -> None: ...


@dataclass(frozen=True)
class _TicketJournal:
    ticket: str
    churn: ChurnRule
    port = ports.RECORD_EVENTS
    request = ports.JournalRequest
    start = TicketStart

    def beginning(self, start: TicketStart) -> _Beginning:
        if carried := start.carried:
            return _Beginning(carried.ticket.seq - len(carried.unrecorded) + 1, carried.unrecorded)
        return _Beginning(1, start.opening, start.recorded)

    def stands_at(self, session: Session) -> int:
        known = journal.load(session, self.ticket)
        return known.seq if known else 0

    def append(self, session: Session, run: str, events: Sequence[Event]) -> None:
        journal.append(session, self.ticket, run, events, churn=self.churn)

    def open(self, session: Session, opening: Sequence[Event]) -> None:
        journal.open_once(session, self.ticket, opening, churn=self.churn)


@dataclass(frozen=True)
class _IncidentJournal:
    number: int
    port = ports.RECORD_INCIDENT
    request = ports.IncidentJournalRequest
    start = IncidentStart

    def beginning(self, start: IncidentStart) -> _Beginning:
        if carried := start.carried:
            return _Beginning(carried.incident.seq - len(carried.unrecorded) + 1, carried.unrecorded)
        return _Beginning(1, ())

    def stands_at(self, session: Session) -> int:
        known = INCIDENTS.load(session, self.number)
        return known.seq if known else 0

    def append(self, session: Session, run: str, events: Sequence[IncidentEvent]) -> None:
        first = events[0]
        if isinstance(first.body, Declared):  # its row was there before it; a database that lost commits lacks both
            body = first.body
            incidents.put_back(session, self.number, body.product_area, first.at, drill=body.drill)
        INCIDENTS.append(session, self.number, run, events)

    def open(self, session: Session, opening: Sequence[IncidentEvent]) -> None:
        """Refuse to open: an incident is opened by its workflow alone."""


class JournalRepair:
    """Appends what journals lack from the histories of their workflows. Safe to repeat, and in several places at once:
    what a journal has already is a repeat, and changes nothing."""

    def __init__(self, client: Client, db: Database, churn: ChurnRule) -> None:
        self._client = client
        self._db = db
        self._churn = churn

    def stands_at(self, workflow: str) -> int:
        """Return the place of the last event in the journal of this workflow's ticket or incident; 0 if there is none.
        Blocks."""
        with self._db.session() as session:
            return self._journal(workflow).stands_at(session)

    async def catch_up_ended(self, workflow: str) -> bool:
        """Append what the journal of a workflow that has ended lacks, from its latest run's history.

        Returns whether the journal moved. False also where the workflow runs, and sees to its journal itself, and where
        Temporal does not know it any more, or the history does not have what is missing. What a terminated run decided
        and had not handed to the journal stands in no history as an event, and is not brought back. Raises RPCError,
        DatabaseDown.
        """
        try:
            latest = await self._client.get_workflow_handle(workflow).describe(rpc_timeout=PATIENCE)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        if latest.status is WorkflowExecutionStatus.RUNNING:
            return False
        before = await asyncio.to_thread(self.stands_at, workflow)
        try:
            await self.catch_up(workflow, latest.run_id)
        except (journal.Gap, journal.DeadRun) as error:
            log.warning("%s has ended, and its journal is not caught up: %s", workflow, error)
        return await asyncio.to_thread(self.stands_at, workflow) > before

    async def handed_over(self, workflow: str, run: str) -> int:
        """Return the place of the latest event that a run has handed to its journal, as its history says: without a
        worker, and from its end on. 0 if there is none. Raises RPCError."""
        kept = self._journal(workflow)
        asked = GetWorkflowExecutionHistoryReverseRequest(
            namespace=self._client.namespace,
            execution=WorkflowExecution(workflow_id=workflow, run_id=run),
            maximum_page_size=PAGE,
        )
        while True:
            page = await self._client.workflow_service.get_workflow_execution_history_reverse(asked, timeout=PATIENCE)
            for item in page.history.events:
                if item.HasField("workflow_execution_started_event_attributes"):
                    started = item.workflow_execution_started_event_attributes
                    begun = kept.beginning(await self._decode(started.input, kept.start))
                    return begun.first + len(begun.events) - 1
                if events := await self._events(kept, item, 1):
                    return events[-1].seq
            if not page.next_page_token:
                return 0
            asked.next_page_token = page.next_page_token

    async def catch_up(self, workflow: str, run: str, write_as: str | None = None) -> None:
        """Append what the journal lacks of all that the history of run `run` has, and that of the runs before it.

        All events that are read are appended, also those that the journal has: where it has another event in a place,
        that place belongs to a past that a reset rewrote, and `append` supersedes it. `write_as` is the run under which
        they are recorded; None: the same run. A history is read page by page, and appended in transactions of a bounded
        size, in order: one that is broken off leaves a journal that stands further on. Raises Gap where the
        histories, so far as Temporal keeps them, do not have what is missing; DeadRun, RPCError, DatabaseDown.
        """
        kept = self._journal(workflow)
        before = await asyncio.to_thread(self.stands_at, workflow)
        runs = await self._runs(kept, workflow, run, before)
        async for batch in _in_batches(self._events_of_runs(kept, workflow, runs, before)):
            await asyncio.to_thread(self._append, kept, write_as or run, batch)
        if (now := await asyncio.to_thread(self.stands_at, workflow)) != before:
            log.warning("the journal of %s stood at %d: caught up to %d from its history", workflow, before, now)

    def in_threads(self, loop: asyncio.AbstractEventLoop) -> Callable[[str, str, str, float], None]:
        """Return `catch_up` for activities that run in threads: it blocks, for as many seconds as its last argument
        says, while the history is read on `loop`. Raises what `catch_up` raises, and TimeoutError."""

        def catch_up(workflow: str, run: str, write_as: str, seconds: float) -> None:
            bounded: Coroutine[Any, Any, None] = asyncio.wait_for(self.catch_up(workflow, run, write_as), seconds)
            asyncio.run_coroutine_threadsafe(bounded, loop).result(seconds + 1)

        return catch_up

    def _journal(self, workflow: str) -> _Journal:
        if workflow.startswith(_INCIDENT):
            return _IncidentJournal(int(workflow.removeprefix(_INCIDENT)))
        return _TicketJournal(workflow.removeprefix(_TICKET), self._churn)

    def _append(self, kept: _Journal, run: str, events: Sequence[AnyEvent]) -> None:
        with self._db.begin() as session:
            kept.append(session, run, events)

    async def _runs(self, kept: _Journal, workflow: str, run: str, stands: int) -> list[str]:
        """Return the runs to read, the oldest first: back to one that has an event which the journal has as well, so
        that it is seen whether the two have the same past; or to the oldest that Temporal keeps."""
        runs = [run]
        while True:
            started = await self._started(workflow, runs[0])
            if started is None:
                return runs[1:]
            attributes = started.workflow_execution_started_event_attributes
            begun = kept.beginning(await self._decode(attributes.input, kept.start))
            if begun.first <= stands or begun.first == 1 or not attributes.continued_execution_run_id:
                return runs
            runs.insert(0, attributes.continued_execution_run_id)

    async def _started(self, workflow: str, run: str) -> HistoryEvent | None:
        """Return the first event of a run; None if Temporal does not keep its history any more."""
        handle = self._client.get_workflow_handle(workflow, run_id=run)
        try:
            async for event in handle.fetch_history_events(page_size=1, rpc_timeout=PATIENCE):
                return event
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        return None

    async def _events_of_runs(
        self, kept: _Journal, workflow: str, runs: Sequence[str], stands: int
    ) -> AsyncIterator[AnyEvent]:
        """Yield every event that is in the histories of these runs as one for the journal, in order, each once."""
        last = 0
        for run in runs:
            handle = self._client.get_workflow_handle(workflow, run_id=run)
            async for item in handle.fetch_history_events(page_size=PAGE, rpc_timeout=PATIENCE):
                for event in await self._events(kept, item, stands):
                    if event.seq > last:
                        last = event.seq
                        yield event

    async def _events(self, kept: _Journal, item: HistoryEvent, stands: int) -> Sequence[AnyEvent]:
        """Return the events for the journal in one item of a history."""
        if item.HasField("workflow_execution_started_event_attributes"):
            started = item.workflow_execution_started_event_attributes
            begun = kept.beginning(await self._decode(started.input, kept.start))
            if begun.opened and not stands:  # not the run's: it is recorded as what the services had journalled
                await asyncio.to_thread(self._open, kept, begun.events)
            return begun.events
        if item.HasField("activity_task_scheduled_event_attributes"):
            asked = item.activity_task_scheduled_event_attributes
            if asked.activity_type.name == kept.port.name:
                events: Sequence[AnyEvent] = (await self._decode(asked.input, kept.request)).events
                return events
        return ()

    def _open(self, kept: _Journal, opening: Sequence[AnyEvent]) -> None:
        with self._db.begin() as session:
            kept.open(session, opening)

    async def _decode(self, payloads: Payloads, kind: type[Any]) -> Any:
        return (await self._client.data_converter.decode(payloads.payloads, [kind]))[0]


async def _in_batches(events: AsyncIterator[AnyEvent]) -> AsyncIterator[list[AnyEvent]]:
    """Yield events in batches of a bounded size, each without a hole: the journal may have what a hole leaves out."""
    batch: list[AnyEvent] = []
    size = 0
    async for event in events:
        follows = not batch or event.seq == batch[-1].seq + 1
        if batch and (not follows or len(batch) >= MOST_EVENTS or size >= MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += json_bytes(event)
    if batch:
        yield batch


_TICKET, _INCIDENT = ticket_workflow_id(""), incident_workflow_id(0).removesuffix("0")

"""After a backup was restored: every journal against its workflow's history, both ways, each by itself.

A restored database lacks events that workflows have handed over. A restored Temporal has workflows that are older than
their journals: they would decide again what was decided, and page and post again. Lists do not show all of that, so
each history is read, from its end on. No worker is needed, and none may run: it would let the older ones go on before
they are mended.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from domain.policy.policy import Policy
from services.comparison import PAGE, compare, in_turns, of_workflow
from services.journal_repair import JournalRepair
from services.reconciliation import Reconciler
from store import journal, reconciliation
from store.database import Database

MARGIN = timedelta(hours=1)
"""So long before the newest event on record, workflows that have ended are looked at as well: clocks differ."""
Way = Literal["journal_behind", "workflow_behind", "not_running"]
AT_ONCE = timedelta(0)


class Different(NamedTuple):
    """A workflow and a journal that are not of one past."""

    workflow: str
    way: Way
    journal: int
    """The number of the journal's latest event; 0 if it has none."""
    handed_over: int
    """The number of the latest event that the workflow has handed to its journal; 0 where none runs."""
    run: str = ""

    @property
    def why(self) -> str:
        """Return what differs, for a person."""
        if self.way == "not_running":
            return f"open in the journal at {self.journal}, and Temporal does not run it"
        older = "the journal is older" if self.way == "journal_behind" else "the workflow is older"
        return f"journal at {self.journal}, workflow at {self.handed_over}: {older}"


class Restoring:
    """Finds what differs after a restore, and mends it. Safe to repeat: what breaks off is found again."""

    def __init__(self, client: Client, db: Database, policy: Policy) -> None:
        self._client = client
        self._db = db
        self._repair = JournalRepair(client, db, policy.churn_rule())
        self._reconciler = Reconciler(client, db, policy, quiet=AT_ONCE, notify=False)

    async def look(self) -> Sequence[Different]:
        """Return what differs: of all that runs, that has ended since the newest event on record, and that is open in
        the journal. Changes nothing. Raises DatabaseDown, RPCError."""
        latest: dict[str, WorkflowExecution] = {}
        async for one in self._client.list_workflows(await self._query(), page_size=PAGE):
            if one.id not in latest or latest[one.id].start_time < one.start_time:  # not those that it followed
                latest[one.id] = one
        found = [one for one in await in_turns(self._compared, list(latest.values())) if one]
        listed = await compare(self._client, self._db, AT_ONCE)
        missing = [f"ticket-{ticket}" for ticket in listed.tickets] + [f"incident-{one}" for one in listed.incidents]
        there = {one.workflow for one in found}
        stands = await asyncio.to_thread(lambda: [self._repair.stands_at(one) for one in missing])
        lost = zip(missing, stands, strict=True)
        return [*found, *(Different(name, "not_running", at, 0) for name, at in lost if name not in there)]

    async def mend(self, found: Sequence[Different]) -> Sequence[str]:
        """Mend what `look` found. Returns the workflows that were mended.

        A journal gets what it lacks from the history. A workflow that is older than its journal is terminated, and goes
        on from the journal where the ticket or the incident is open. Whoever dies in between leaves one that does not
        run, which the next look finds. Incidents come first, since tickets belong to them.
        """
        ordered = sorted(found, key=lambda one: not one.workflow.startswith("incident-"))
        return [one.workflow for one in ordered if await self._mended(one)]

    async def _mended(self, one: Different) -> bool:
        try:
            if one.way == "journal_behind":
                await self._repair.catch_up(one.workflow, one.run)
                return await asyncio.to_thread(self._repair.stands_at, one.workflow) >= one.handed_over
            if one.way == "workflow_behind":
                handle = self._client.get_workflow_handle(one.workflow, run_id=one.run)
                await handle.terminate("it is older than its journal: it goes on from there")
        except (journal.Gap, journal.DeadRun, RPCError):
            return False
        noun, key = of_workflow(one.workflow)
        return await self._reconciler.resume(noun, key) != "left"

    async def _query(self) -> str:
        """Return the query for what runs, and for what has ended since shortly before the newest event on record."""
        newest = await asyncio.to_thread(self._newest)
        since = f" OR CloseTime > '{(newest - MARGIN).isoformat()}'" if newest else " OR CloseTime IS NOT NULL"
        return f"WorkflowType IN ('TicketWorkflow', 'IncidentWorkflow') AND (ExecutionStatus = 'Running'{since})"

    def _newest(self) -> datetime | None:
        with self._db.session() as session:
            return reconciliation.newest_event(session)

    async def _compared(self, one: WorkflowExecution) -> Different | None:
        """Compare one run with its journal. The journal is asked first: it can have nothing that was not handed to
        it before."""
        stands = await asyncio.to_thread(self._repair.stands_at, one.id)
        handed = await self._repair.handed_over(one.id, one.run_id)
        if handed > stands:
            return Different(one.id, "journal_behind", stands, handed, one.run_id)
        if handed < stands and one.close_time is None:
            return Different(one.id, "workflow_behind", stands, handed, one.run_id)
        return None

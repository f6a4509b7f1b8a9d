"""Finds what is open in the journal and has no running workflow at Temporal, and starts it again from the journal.

A workflow that somebody terminated, that failed, or that Temporal has lost, rings for nobody: no deadline, no page. The
journal knows that the ticket or the incident is open. So the two lists are compared, every few minutes: one query
for each list, however many tickets are open. Temporal's list is behind by moments, and sometimes by more, so whatever
is missing from it is looked at by itself before anything is done.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Literal, NamedTuple

from temporalio.client import Client
from temporalio.service import RPCError

from activities.support.ops_alerts import OpsAlerts
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from domain.incident import state as incident_state
from domain.policy.policy import Notice, Policy
from domain.ticket import state as ticket_state
from domain.ticket.state import Ticket
from services.comparison import ALIVE, QUIET, Behind, Looked, compare, in_turns, of_workflow
from services.incidents import resume_incident
from services.journal_repair import JournalRepair
from services.reading.running import Described, describe
from services.tickets import TicketService
from store import incidents, journal, reconciliation
from store.database import Database
from store.journal import INCIDENTS

log = logging.getLogger("tierline.reconciliation")

EVERY = timedelta(minutes=2)
"""How often the lists are compared, by all processes together."""
Outcome = Literal["alive", "resumed", "left"]


class Found(NamedTuple):
    """What one round found."""

    tickets: int = 0
    """Open tickets that had no running workflow."""
    incidents: int = 0
    not_resumed: int = 0
    """How many of both have none still: it is tried again in the next round."""


class _Open(NamedTuple):
    """Something that is open in the journal."""

    name: str
    """For people, as in `ticket 4k7m-3q9x-tbd2`."""
    workflow_id: str
    seq: Callable[[], int | None]
    """Ask the journal for the number of its latest event; None if it is over by now. Blocks."""
    resume: Callable[[], Awaitable[bool]]
    """Start its workflow from the journal. Returns False where that cannot be; raises Unavailable."""


class Reconciler:
    """Resumes open tickets and incidents whose workflow does not run. Safe in several processes at once."""

    def __init__(
        self, client: Client, db: Database, policy: Policy, *, quiet: timedelta = QUIET, notify: bool = True
    ) -> None:
        """`quiet`: what was written to within this time is left out. `notify`: whether ops get a notice of each that is
        resumed; not where somebody of ops has just asked for it, and reads the list."""
        self._client = client
        self._db = db
        self._service = TicketService(client, db, policy, channel="worker")
        self._repair = JournalRepair(client, db, policy.churn_rule())
        self._ops = OpsAlerts(tuple(policy.notices[Notice.INTEGRATION_FAILING].to))
        self._quiet = quiet
        self._notify = notify

    async def reconcile_if_due(self, every: timedelta = EVERY) -> Found | None:
        """Run a round, unless a process has begun one within `every`: then None.

        Raises DatabaseDown, RPCError, RuntimeError of a lazy client that cannot connect.
        """
        if not await asyncio.to_thread(self._begin, every):
            return None
        found = await self.reconcile()
        await asyncio.to_thread(self._note, found)
        return found

    async def reconcile(self) -> Found:
        """Compare the lists, and resume what has no running workflow. Raises as `reconcile_if_due` does."""
        tickets, incidents = await self._missing()
        of_tickets, of_incidents = await self._see_to_all(tickets), await self._see_to_all(incidents)
        left = [outcome for outcome in (*of_tickets, *of_incidents) if outcome == "left"]
        return Found(tickets=len(of_tickets), incidents=len(of_incidents), not_resumed=len(left))

    async def resume(self, noun: Literal["ticket", "incident"], key: str | int) -> Outcome:
        """Resume one ticket or incident, if it is open and has no running workflow. Raises Refused (`not_found`),
        DatabaseDown."""
        one = self._ticket(str(key)) if noun == "ticket" else self._incident(int(key))
        if not await asyncio.to_thread(self._on_record, noun, key):
            raise Refused("not_found", f"there is no {one.name}")
        return await self._see_to(one)

    async def mend(self, found: Looked) -> Sequence[str]:
        """Mend what a comparison found, as far as it can be: resume what does not run, and read what journals lack from
        the workflows' histories. Returns the workflows that were mended. Raises as `compare` does."""
        mended = [name for name in found.stopped if await self._resumed(name)]
        return [*mended, *[one.workflow for one in found.behind if await self._caught_up(one)]]

    async def _resumed(self, workflow: str) -> bool:
        noun, key = of_workflow(workflow)
        return await self.resume(noun, key) != "left"

    async def _caught_up(self, one: Behind) -> bool:
        described = await describe(self._connected, one.workflow)
        try:
            await self._repair.catch_up(one.workflow, described.run)
        except (journal.Gap, journal.DeadRun, RPCError) as error:
            log.warning("the journal of %s is not caught up: %s", one.workflow, error)
            return False
        return await asyncio.to_thread(self._repair.stands_at, one.workflow) >= (one.decided or 1)

    async def _see_to_all(self, missing: Sequence[_Open]) -> list[Outcome]:
        """Return what became of each of them that had no running workflow."""
        return [outcome for outcome in await in_turns(self._see_to, missing) if outcome != "alive"]

    async def _missing(self) -> tuple[Sequence[_Open], Sequence[_Open]]:
        """Return the tickets and the incidents that are open and that Temporal's list of running workflows lacks."""
        found = await compare(self._client, self._db, self._quiet)
        return [self._ticket(ticket) for ticket in found.tickets], [self._incident(one) for one in found.incidents]

    async def _see_to(self, one: _Open) -> Outcome:
        """Resume what is open and does not run. Ops are notified first: whoever dies in between leaves both to the next
        round, which finds the same, and a notice of the same run goes out once."""
        described = await describe(self._connected, one.workflow_id)
        if described.status in ALIVE:
            return "alive"
        seq = await asyncio.to_thread(one.seq)  # it may have ended since the list was made
        if seq is None:
            return "alive"
        if self._notify:
            await asyncio.to_thread(self._alert, one, described, seq)
        try:
            resumed = await one.resume()
        except Unavailable as error:
            log.warning("%s is open and has no running workflow (%s): %s", one.name, described.status, error)
            return "left"
        except Exception:  # a bug that one of them meets must not keep the others from going on
            log.exception("%s is open and has no running workflow (%s)", one.name, described.status)
            return "left"
        if not resumed:
            log.warning("%s is open and has no running workflow (%s), and cannot go on", one.name, described.status)
            return "left"
        log.warning("%s had no running workflow (%s): it goes on from its journal", one.name, described.status)
        return "resumed"

    async def _connected(self) -> Client:
        return self._client

    def _alert(self, one: _Open, described: Described, seq: int) -> None:
        how = "Temporal does not know it" if described.status == "none" else described.status
        run = described.run or f"event-{seq}"
        message = f"{one.name} had no running workflow ({how}): it goes on from its journal"
        if seq == 0:
            run, message = "never", f"{one.name} is on record, and never began: declare it again for its area"
        elif described.status == "completed":
            message = f"{one.name} is open in the journal, and its workflow has completed: the journal lacks its end"
        with self._db.begin() as session:
            self._ops.alert(session, f"no-workflow:{one.workflow_id}:{run}", message)

    def _on_record(self, noun: str, key: str | int) -> bool:
        with self._db.session() as session:
            if noun == "ticket":
                return journal.load(session, str(key)) is not None
            return incidents.is_known(session, int(key))

    # -- Tickets and incidents ------------------------------------------------------------------------------------

    def _ticket(self, ticket: str) -> _Open:
        def known() -> Ticket | None:
            with self._db.session() as session:
                found = journal.load(session, ticket)
            return None if found is None or found.closed else found

        def seq() -> int | None:
            found = known()
            return found.seq if found else None

        async def resume() -> bool:
            if found := await asyncio.to_thread(known):
                await self._service.resume(found)
            return True

        return _Open(f"ticket {ticket}", ticket_state.workflow_id(ticket), seq, resume)

    def _incident(self, number: int) -> _Open:
        def seq() -> int | None:
            with self._db.session() as session:
                known = INCIDENTS.load(session, number)
            if known is None:
                return 0
            return None if known.ended and not known.pending_effects else known.seq

        async def resume() -> bool:
            # What has completed may be over, once its journal is caught up from its history.
            return await resume_incident(self._client, self._db, number) or await asyncio.to_thread(seq) is None

        name = incident_state.workflow_id(number)
        return _Open(name, name, seq, resume)

    def _begin(self, every: timedelta) -> bool:
        with self._db.begin() as session:
            return reconciliation.begin(session, every)

    def _note(self, found: Found) -> None:
        with self._db.begin() as session:
            reconciliation.note(session, **found._asdict())

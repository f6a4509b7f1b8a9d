"""Incidents: found or opened by a unique row, joined by signal-with-start; one activity notifies all tickets."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from math import inf
from time import monotonic
from typing import NamedTuple

from sqlalchemy.orm import Session
from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError

from activities.support.ops_alerts import OpsAlerts
from activities.support.signalling import (
    NotRunning,
    deliver_to_incident,
    deliver_to_ticket,
    signal,
    start_incident,
)
from activities.support.turns import Turns
from domain.incident.aggregate import page_severity
from domain.incident.commands import Declare, JoinTicket, TicketUpdate
from domain.incident.state import area_page, workflow_id
from domain.incident.terms import IncidentTerms
from domain.policy.check import spell
from domain.policy.incidents import IncidentsRow
from store import incidents
from store.database import Database, DatabaseDown
from workflows import ports
from workflows.incident.messages import IncidentStart
from workflows.task_priority import INCIDENT

AREA_PAGE_WORKFLOW = "AreaPageWorkflow"
DOWN = 10.0
"""Seconds for which the database must have been out of reach until somebody is paged without an incident."""
FORGOTTEN = 120.0
"""Seconds after which an attempt that failed says nothing any more: the next one comes within a minute."""
LOOK = 15.0
"""Seconds that the look for an open incident may take before somebody is paged: less than the activity may take. It is
one read; but in 5 seconds a worker that had just started on a busy machine had not even connected, and paged the
on-call of an incident that was open."""

NOTIFIED_AT_ONCE = 8
"""Tickets of a batch that are notified at the same time: each is a call to Temporal, and waits for it mostly."""

SPARE = timedelta(seconds=1)
"""What an attempt leaves of its time, so that what it began last is over before somebody else begins again."""

Terms = Callable[[str, datetime], IncidentTerms]
"""The terms of an incident in an area that is declared at an instant."""
Resume = Callable[[int], Awaitable[bool]]
"""Start the workflow of an incident that is open in the journal and has none that runs. Returns False where it is over.
It raises where Temporal does not do so now."""


async def _resume_none(_number: int) -> bool:
    return False


NO_RULES = IncidentsRow()
NOBODY = OpsAlerts(())


class _Found(NamedTuple):
    """An incident that a ticket is to join: its number and its area."""

    number: int
    area: str


class _Joining(NamedTuple):
    """A ticket that joins, and how its incident starts if nobody has started it."""

    start: IncidentStart
    join: JoinTicket


class IncidentActivities:
    """The activities of incidents that need Temporal and the store. Those of the pager are in `activities.pager`."""

    def __init__(
        self,
        client: Client,
        db: Database,
        terms: Terms,
        rules: IncidentsRow = NO_RULES,
        ops: OpsAlerts = NOBODY,
        joiners: Executor | None = None,
        resume: Resume = _resume_none,
    ) -> None:
        """`rules` say which areas have incidents of their own, and how many one opener may open.

        `joiners` are the threads in which joins wait for the database: in the event loop's own, which are few, a storm
        of an area would keep everything else waiting. None: the event loop's. `resume` starts the workflow of an open
        incident again, where none runs.
        """
        self._client = client
        self._db = db
        self._terms = terms
        self._rules = rules
        self._limit = incidents.OpeningLimit(rules.opened_by_one, rules.opened_within)
        self._ops = ops
        self._joiners = joiners
        self._resume = resume
        self._down = _Down()
        self._joins: Turns[int, _Joining, bool] = Turns(self._signal_joins)
        self._news: Turns[int, TicketUpdate, bool] = Turns(self._signal_news)

    @activity.defn(name=ports.JOIN_INCIDENT.name)
    async def join_incident(self, request: ports.IncidentRequest) -> ports.IncidentResult:
        """Join the open incident of the area, or open a new one (G6). Joining again finds the same one, and joins once.

        A workflow that has ended meanwhile, and never heard of the ticket, has left its problem to nobody: then it
        joins, or opens, another. An attempt that is out of time begins nothing any more: by then the ticket may have
        paged without an incident, and an incident that was opened all the same would page a second time.
        """
        try:
            async with asyncio.timeout(_time_left()):
                number = await self._joined(request)
        except DatabaseDown as error:
            if not error.slow and self._down.is_down():
                raise ApplicationError(str(error), type=ports.DATABASE_DOWN) from None
            raise
        except TimeoutError:
            raise ApplicationError("the database or Temporal was too slow for this attempt", type="TooSlow") from None
        self._down.is_up()
        return ports.IncidentResult(number=number)

    @activity.defn(name=ports.PAGE_AREA.name)
    async def page_area(self, request: ports.IncidentRequest) -> ports.AreaPageResult:
        """Page the area's on-call (G6), once for all its tickets, where no incident can be opened.

        In a storm it may only have been the ticket's turn that did not come, while its incident has been open for
        long. So the database is asked first, if it answers.
        """
        try:
            if await asyncio.wait_for(asyncio.to_thread(self._open, request), LOOK) is not None:
                return ports.AreaPageResult(key="")
        except (DatabaseDown, TimeoutError):
            activity.logger.warning("no incident can be opened in %r: its on-call is paged", request.product_area)
        area = self._rules.place(request.product_area)
        return ports.AreaPageResult(key=await page_for_area(self._client, area, request.join))

    def _open(self, request: ports.IncidentRequest) -> int | None:
        area, separate_key, *_ = self._place(request)
        with self._db.session() as session:
            return incidents.find_open(session, area, separate_key)

    async def _joined(self, request: ports.IncidentRequest) -> int | None:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._joiners, self._allocate, request)
        while found is not None and not await self._join(found, request):
            again = await loop.run_in_executor(self._joiners, self._allocate_again, found.number, request)
            if again == found:
                break  # it is over, and knew of the ticket: it has notified it of everything
            found = again
        return found and found.number

    async def _join(self, found: "_Found", request: ports.IncidentRequest) -> bool:
        """Signal the workflow of an incident, and start it if nobody has. Returns False if it has ended."""
        terms = self._terms(found.area, datetime.now(UTC))
        priority = request.join.priority
        declared = Declare(number=found.number, product_area=found.area, priority=priority, terms=terms)
        return await self._joins.send(found.number, _Joining(IncidentStart(declare=declared), request.join))

    async def _signal_joins(self, number: int, joining: Sequence[_Joining]) -> bool:
        """Signal to an incident, in one call, that tickets join. Returns False if it has ended.

        One that is open in the journal, and whose workflow was ended from outside, is resumed: a second incident for
        the same problem would wake the same people again.
        """
        start, joins = joining[0].start, [one.join for one in joining]
        if await start_incident(self._client, start, joins=joins):
            return True
        return await self._resume(number) and await start_incident(self._client, start, joins=joins)

    def _allocate(self, request: ports.IncidentRequest) -> "_Found | None":
        place = self._place(request)
        with self._db.begin() as session:
            if request.only_if_open:
                return self._found(session, request, incidents.join_open(session, *place))
            number = incidents.find_or_allocate(session, *place, limit=self._limit)
            return self._found(session, request, number)

    def _allocate_again(self, ended: int, request: ports.IncidentRequest) -> "_Found | None":
        with self._db.begin() as session:
            number = incidents.join_again(
                session, ended, *self._place(request), only_if_open=request.only_if_open, limit=self._limit
            )
            return self._found(session, request, number)

    def _found(self, session: Session, request: ports.IncidentRequest, number: int | None) -> "_Found | None":
        """Return the incident of this number. Where it is that of the surplus, ops are alerted once to who opened
        it."""
        if number is None:
            return None
        if incidents.is_surplus(session, number) and (opener := incidents.opener_of(session, request.join.ticket)):
            message = (
                f"{opener} has opened {self._limit.most} incidents within {spell(self._limit.within)}, for accounts "
                f"that nobody knows: further P0s are in {workflow_id(number)}. See whether they are real"
            )
            self._ops.alert(session, f"incidents-by:{opener}:{number}", message)
        return _Found(number, incidents.area_of(session, number))

    def _place(self, request: ports.IncidentRequest) -> tuple[str, str, datetime, str, str]:
        """Return where the ticket's problem belongs. What has been in the wrong incident is a problem of its own."""
        separate_key = request.join.effect_key if request.own else ""
        area = self._rules.place(request.product_area)
        return area, separate_key, datetime.now(UTC), request.join.ticket, request.join.effect_key

    @activity.defn(name=ports.CLOSE_INCIDENT.name)
    async def close_incident(self, request: ports.CloseIncidentRequest) -> ports.Nothing:
        """Clear the open mark of an incident, so that the next ticket of its area opens another one and pages again.
        This also holds where no incident can be opened for the ticket."""
        area = await asyncio.to_thread(self._close, request)
        await signal(self._client, area_page(area), "incident_closed")
        return ports.Nothing()

    def _close(self, request: ports.CloseIncidentRequest) -> str:
        with self._db.begin() as session:
            incidents.close(session, request.number, request.at)
            return incidents.area_of(session, request.number)

    @activity.defn(name=ports.NOTIFY_TICKETS.name)
    async def notify_tickets(self, request: ports.NotifyRequest) -> ports.Nothing:
        """Notify every ticket; the version makes a second notification harmless. A closed ticket is normal.

        Those that are left are the heartbeat, so a crash resumes there. One that cannot be notified now does not hold
        up those behind it: the next attempt is for it alone.
        """
        left = list(_left(request))
        failed: list[Exception] = []
        room = asyncio.Semaphore(NOTIFIED_AT_ONCE)

        async def notify(ticket: str) -> None:
            async with room:
                try:
                    await deliver_to_ticket(self._client, self._db, ticket, request.fact)
                except Exception as error:
                    activity.logger.warning("ticket %s was not notified: %s", ticket, error)
                    failed.append(error)
                    return
            left.remove(ticket)
            activity.heartbeat(left)

        await asyncio.gather(*map(notify, tuple(left)))
        if failed:
            message = f"{len(left)} tickets were not notified: {failed[0]}"[:1000]
            raise ApplicationError(message, left, type=ports.NOT_NOTIFIED) from None
        return ports.Nothing()

    @activity.defn(name=ports.NOTIFY_INCIDENT.name)
    async def notify_incident(self, news: TicketUpdate) -> ports.Nothing:
        """Signal to an incident what has changed in a ticket. That the incident has ended is normal; one whose workflow
        was ended from outside is resumed, and gets it then."""
        await self._news.send(news.number, news)
        return ports.Nothing()

    async def _signal_news(self, number: int, news: Sequence[TicketUpdate]) -> bool:
        try:
            return await deliver_to_incident(self._client, self._db, number, *news)
        except NotRunning:
            if not await self._resume(number):
                raise
            return await deliver_to_incident(self._client, self._db, number, *news)


async def page_for_area(client: Client, area: str, join: JoinTicket) -> str:
    """Start the workflow that pages an area's on-call, unless it runs. Returns its key."""
    key = area_page(area)
    page = ports.PageRequest(
        dedup_key=key,
        audience="on-call",
        summary=f"{join.priority} in {area or 'the service'}: ticket-{join.ticket}, no incident yet",
        severity=page_severity(join.priority),
        tickets=(join.ticket,),
    )
    await client.start_workflow(
        AREA_PAGE_WORKFLOW,
        page,
        id=key,
        task_queue=ports.TICKETS,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=page.summary[:200],
        priority=INCIDENT,
    )
    return key


class _Down:
    """Since when the database cannot be reached, as this worker's attempts to join have seen it."""

    def __init__(self) -> None:
        self._since = self._last = -inf

    def is_down(self) -> bool:
        """Record that an attempt has just failed. Returns whether attempts have failed for `DOWN`: then it is no mere
        restart."""
        now = monotonic()
        if now - self._last > FORGOTTEN:
            self._since = now
        self._last = now
        return now - self._since >= DOWN

    def is_up(self) -> None:
        """Record that an attempt has succeeded."""
        self._last = -inf


def _time_left() -> float:
    """Return seconds for which anybody waits for this attempt. The two clocks that are compared are both the
    server's."""
    info = activity.info()
    bounds = [info.start_to_close_timeout or timedelta.max]
    if patience := info.schedule_to_close_timeout:
        bounds.append(patience - (info.started_time - info.scheduled_time))
    return (min(bounds) - SPARE).total_seconds()


def _left(request: ports.NotifyRequest) -> Sequence[str]:
    """Return the tickets that an earlier attempt has not notified."""
    known = activity.info().heartbeat_details
    return [ticket for ticket in request.tickets if ticket in set(known[0])] if known else request.tickets

"""Whether everything that Tierline needs does its part, each named, with what to do where it does not."""

import asyncio
import logging
import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from domain.core.values import Frozen
from services.commands import is_away
from services.policy_file.zones import time_zones
from services.reconciliation import EVERY as RECONCILED_EVERY
from store import inbox, outside, reconciliation
from store.database import Database, DatabaseDown
from store.host_clock import fault, host_now
from store.migrate import SchemaError, check_schema
from workflows import ports

log = logging.getLogger("tierline.health")

PATIENCE = timedelta(seconds=3)
"""How long Temporal may take to say something about a queue."""
FRESH = timedelta(seconds=75)
"""A worker asks for work once a minute at the latest. Temporal lists one that has gone for five minutes."""
_WORKFLOWS, _ACTIVITIES = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY


JIRA_LATE, PAGER_LATE = timedelta(minutes=2), timedelta(minutes=1)
"""How long Jira, and the pager, may take for what is asked of them before they count as ill."""


class Check(Frozen):
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str
    """What was found, and where it is not well, what to do."""
    stops: bool = True
    """Whether the API cannot do its part where this is not well."""


async def health(
    db: Database, client: Client, queues: Sequence[str] = ports.QUEUES, *, host: str | None = None
) -> list[Check]:
    """Return the health of database, Temporal and task queues: a worker that does not poll is none.

    With `host`, only workers of that machine count, and what belongs to no single process is left out.
    """
    database = await asyncio.to_thread(_database, db)
    clock = await asyncio.to_thread(clock_check, db)
    resumed = [await asyncio.to_thread(look, db) for look in _OF_ALL] if host is None else []
    others = await asyncio.gather(*(_queue(client, name, host) for name in queues))
    queues_seen = [one for one in others if one is not None]
    if len(queues_seen) < len(others):
        advice = "Temporal does not answer: see that it runs, and that TEMPORAL_ADDRESS and the namespace are right"
        return [database, clock, _zones(), Check(name="temporal", ok=False, detail=advice), *resumed]
    return [database, clock, _zones(), Check(name="temporal", ok=True, detail="answers"), *queues_seen, *resumed]


def _database(db: Database) -> Check:
    try:
        revision = check_schema(db)
    except (DatabaseDown, SchemaError) as error:
        return Check(name="database", ok=False, detail=str(error))
    return Check(name="database", ok=True, detail=f"answers, at {revision}")


def _zones() -> Check:
    """Return which time-zone database counts here (C16): it is shipped, so that every machine of one version has the
    same."""
    return Check(name="time zones", ok=True, detail=f"{time_zones()}, as shipped", stops=False)


def clock_check(db: Database) -> Check:
    """Return whether this host's clock agrees with PostgreSQL's, by which everything is stamped. It stops nothing."""
    try:
        with db.session() as session:
            db.clock.ask(session)
    except DatabaseDown:
        return Check(name="clock", ok=True, detail="could not be compared: the database does not answer", stops=False)
    ahead = db.clock.ahead or timedelta(0)
    if problem := fault(ahead, socket.gethostname()):
        return Check(name="clock", ok=False, detail=problem, stops=False)
    return Check(name="clock", ok=True, detail="agrees with PostgreSQL's", stops=False)


def workflows_check(db: Database) -> Check:
    """Say how many open tickets and incidents had no running workflow, when that was last looked at. It stops nothing.

    It is not well while some could not be resumed, or nobody looks any more.
    """
    name = "workflows"
    try:
        with db.session() as session:
            last = reconciliation.latest(session)
    except DatabaseDown:
        return Check(name=name, ok=True, detail="could not be read: the database does not answer", stops=False)
    if last is None:
        return Check(name=name, ok=True, detail="nobody has looked yet", stops=False)
    found = (
        f"{last.tickets} open tickets and {last.incidents} open incidents had no running workflow at "
        f"{last.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    )
    if last.not_resumed:
        detail = f"{found}; {last.not_resumed} of them could not be resumed: see the logs of worker and relay"
        return Check(name=name, ok=False, detail=detail, stops=False)
    if last.age > 5 * RECONCILED_EVERY:
        detail = f"{found}; nobody has looked since: see that `tierline worker` or `tierline relay` runs"
        return Check(name=name, ok=False, detail=detail, stops=False)
    return Check(
        name=name,
        ok=True,
        detail=f"{found}, and were resumed" if any((last.tickets, last.incidents)) else found,
        stops=False,
    )


def comparison_check(db: Database) -> Check:
    """Say whether the journal and Temporal agreed when they were compared last, both ways. It stops nothing."""
    name = "comparison"
    try:
        with db.session() as session:
            last = reconciliation.latest_comparison(session)
    except DatabaseDown:
        return Check(name=name, ok=True, detail="could not be read: the database does not answer", stops=False)
    if last is None:
        return Check(name=name, ok=True, detail="nobody has compared the journal with Temporal yet", stops=False)
    if differ := sum(last.by_kind().values()):
        detail = f"at {_utc(last.at)} the journal and Temporal differed in {differ}: see `tierline ops reconcile`"
        return Check(name=name, ok=False, detail=detail, stops=False)
    return Check(name=name, ok=True, detail=f"the journal and Temporal agreed at {_utc(last.at)}", stops=False)


def deliveries_check(db: Database) -> Check:
    """Say how many deliveries are set aside, at which our own code fails. It stops nothing."""
    name = "deliveries"
    try:
        with db.session() as session:
            count = inbox.stopped(session)
    except DatabaseDown:
        return Check(name=name, ok=True, detail="could not be read: the database does not answer", stops=False)
    if count:
        detail = f"{count} set aside, since our own code fails at them: see `tierline deliveries list`"
        return Check(name=name, ok=False, detail=detail, stops=False)
    return Check(name=name, ok=True, detail="none is set aside", stops=False)


def links_check(tickets: str | None, incidents: str | None) -> Check:
    """Say whether issues, pages and notices lead to tickets and incidents: where their addresses are set. It is no
    fault if they are not; then nothing has a link."""
    names = {"TIERLINE_TICKET_URL": tickets, "TIERLINE_INCIDENT_URL": incidents}
    lacking = [name for name, address in names.items() if not address]
    if not lacking:
        return Check(
            name="links", ok=True, detail="issues, pages and notices lead to tickets and incidents", stops=False
        )
    detail = f"issues, pages and notices lead nowhere: set {' and '.join(lacking)}, the addresses of the desk's pages"
    return Check(name="links", ok=True, detail=detail, stops=False)


def jira_check(db: Database) -> Check:
    """Say whether Jira does what is asked of it. It stops nothing: tickets wait for it, and each shows it."""
    return _outside(db, "jira", JIRA_LATE, "`tierline jira check` says what is wrong")


def pager_check(db: Database) -> Check:
    """Say whether the pager takes pages. It stops nothing: the second channel gets them meanwhile."""
    return _outside(db, "pager", PAGER_LATE, "see the worker's log, and PAGER_URL")


def _outside(db: Database, system: str, late: timedelta, advice: str) -> Check:
    try:
        with db.session() as session:
            found, now = outside.stands(session, system), host_now()
    except DatabaseDown:
        return Check(name=system, ok=True, detail="could not be read: the database does not answer", stops=False)
    if found.refused_since:
        detail = f"takes our credentials no more since {_utc(found.refused_since)}: {advice}"
        return Check(name=system, ok=False, detail=detail, stops=False)
    if found.oldest and now - found.oldest > late:
        detail = f"{found.waiting} outstanding, the first since {_utc(found.oldest)}: {advice}"
        return Check(name=system, ok=False, detail=detail, stops=False)
    waiting = f"{found.waiting} outstanding" if found.waiting else "nothing is outstanding"
    return Check(name=system, ok=True, detail=waiting, stops=False)


_OF_ALL = (deliveries_check, workflows_check, comparison_check, jira_check, pager_check)
"""What belongs to no single process."""


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def log_the_clock(db: Database) -> None:
    """Log, at a process's start, what is wrong with this host's clock. The database may be away."""
    check = clock_check(db)
    if not check.ok:
        log.warning("%s", check.detail)


async def _queue(client: Client, name: str, host: str | None) -> Check | None:
    """Return whether workers poll a task queue; None if Temporal does not say."""
    kinds = (_WORKFLOWS, _ACTIVITIES) if name == ports.TICKETS else (_ACTIVITIES,)
    try:
        pollers = [await _pollers(client, name, kind, host) for kind in kinds]
    except (RPCError, RuntimeError) as error:
        if not (isinstance(error, RPCError) or is_away(error)):
            raise
        return None
    if not all(pollers):
        return Check(name=f"queue {name}", ok=False, detail="no worker polls it: see that `tierline worker` runs")
    return Check(name=f"queue {name}", ok=True, detail=f"workers that poll it: {min(pollers)}")


async def _pollers(client: Client, name: str, kind: TaskQueueType.ValueType, host: str | None) -> int:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=name), task_queue_type=kind
    )  # fmt: skip
    found = await client.workflow_service.describe_task_queue(request, timeout=PATIENCE)
    since = datetime.now(UTC) - FRESH
    fresh = {one.identity for one in found.pollers if one.last_access_time.ToDatetime(UTC) > since}
    return len({identity for identity in fresh if host is None or identity.endswith(f"@{host}")})

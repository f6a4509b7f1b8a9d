"""Lists of tickets: the queue (G10), what to take next, an account's tickets. Each page says where the next begins."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from math import inf
from threading import Lock
from time import monotonic
from typing import Any, Literal, NamedTuple

from pydantic import Field as Bounded
from pydantic import ValidationError
from sqlalchemy.orm import Session

from domain.core.enums import Plan, Priority, Status, Tier, WaitsOn
from domain.core.refusal import Refused
from domain.core.values import Frozen
from domain.ticket.state import Account
from services.reading.time_left import left_of_lines
from store import accounts, queries, queue_views
from store.database import Database
from store.queries import AccountLine, Behind, Line, Place

WITH_AN_AGENT = (WaitsOn.AGENT, WaitsOn.ESCALATION)
"""What a ticket waits on that an agent can take: not on engineering, nor on the customer."""
COUNT_LASTS = 2.0
"""Seconds. A change may be seen later than one that was made after it, and then be missed."""
OVER = (Status.RESOLVED, Status.CLOSED)
"""They are in no queue: the newest come first."""


class Ask(Frozen):
    """Which tickets of the queue are asked for."""

    tier: Tier | None = None
    assignee: str | None = None
    team: str | None = None
    plans: tuple[Plan, ...] = ()
    status: Status | None = None
    limit: int = Bounded(default=50, ge=1, le=1000)
    after: str | None = None
    """The page that begins where this says."""


class Search(Frozen):
    """Which tickets are looked for, open or not. Where nothing is said of a field, it may be anything."""

    q: str = Bounded(default="", max_length=200)
    """Words of a subject, a description or a message; or an id: the ticket's, its source's, its issue's."""
    account: str | None = Bounded(default=None, max_length=200)
    requester: str | None = Bounded(default=None, max_length=200)
    """A customer, by the id under which they spoke."""
    status: tuple[Status, ...] = ()
    tier: Tier | None = None
    priority: Priority | None = None
    plan: tuple[Plan, ...] = ()
    assignee: str | None = Bounded(default=None, max_length=200)
    team: str | None = Bounded(default=None, max_length=200)
    limit: int = Bounded(default=50, ge=1, le=1000)
    after: str | None = None
    """The page that begins where this says."""


class Listed(Frozen):
    """Part of a list of tickets."""

    tickets: list[Line]
    next: str | None = None
    """What to ask for as `after` to get the next page; none if this is the last."""


class Accounts(Frozen):
    """Part of the list of accounts."""

    accounts: list[AccountLine]
    next: str | None = None


class KnownAccount(Frozen):
    """An account as it is known."""

    account: Account
    known_from: Literal["accounts", "ticket"]
    """`ticket`: only its newest ticket has named it."""


def queue(db: Database, ask: Ask) -> Listed:
    """Return the queue; of resolved and closed tickets, which are in none, the newest first.

    Raises Refused (`malformed`), DatabaseDown.
    """
    after = _place(ask.after)
    chosen: dict[str, Any] = {
        "tier": ask.tier,
        "assignee": ask.assignee,
        "team": ask.team,
        "plans": ask.plans,
        "limit": ask.limit,
    }
    with db.session() as session:
        if ask.status in OVER:
            page = queries.tickets(session, statuses=[ask.status], after=after, **chosen)
        else:
            statuses = [ask.status] if ask.status else queries.ACTIVE
            page = queries.queue(session, statuses=statuses, after=after, **chosen)
    return Listed(tickets=page.lines, next=_cursor(page.end))


class QueueView(NamedTuple):
    """A page of a view of the queue, and how many tickets each view has."""

    listed: Listed
    counts: Mapping[str, int]
    behind: Mapping[str, Behind]
    """What is stored of each listed ticket beside its line, by its id."""
    left: Mapping[str, timedelta]
    """The support time that each has left, where that is not simply the time until its deadline."""


class Counted:
    """How many tickets the views have that are the same for everybody: counted again when a ticket has changed since,
    and after COUNT_LASTS in any case. Threads may share it.

    To count them reads all active tickets, and each page of the queue shows them.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._counts: Mapping[str, int] = {}
        self._changed_at: datetime | None = None
        self._counted_at = -inf

    def of(self, session: Session, changed_at: datetime | None) -> Mapping[str, int]:
        """Return the counts, where a ticket was changed last at `changed_at`."""
        with self._lock:  # whoever comes while they are counted waits for that
            if self._changed_at != changed_at or self._clock() - self._counted_at >= COUNT_LASTS:
                self._counts = queue_views.counts(session, "", datetime.max, queue_views.SHARED)
                self._changed_at, self._counted_at = changed_at, self._clock()
            return self._counts


def queue_view(
    db: Database,
    name: str,
    person: str,
    tomorrow: datetime,
    *,
    after: str | None = None,
    limit: int = 50,
    counted: Counted | None = None,
) -> QueueView:
    """Return a view of the queue for a person, whose day ends at `tomorrow`. `counted` is what was counted lately.

    Raises Refused (`not_found` for a name that is no view, `malformed`), DatabaseDown.
    """
    if name not in queue_views.NAMES:
        raise Refused("not_found", f"there is no view {name[:40]!r}: {', '.join(queue_views.NAMES)}")
    place = _place(after)
    with db.questions() as session:
        if place is None:
            page = queue_views.first_page(session, name, person, tomorrow, limit)
        else:
            of = queue_views.conditions(person, tomorrow)
            page = queries.queue(session, statuses=(), where=of[name], after=place, limit=limit)
        left = left_of_lines(session, page, db.clock.now())
        own = queue_views.own_counts(session, person, tomorrow)
        shared = (counted or Counted()).of(session, own.changed_at)
    counts = {view: own.counts[view] if view in own.counts else shared[view] for view in queue_views.NAMES}
    return QueueView(Listed(tickets=page.lines, next=_cursor(page.end)), counts, page.behind, left)


def next_to_take(db: Database, tier: Tier | None, plans: tuple[Plan, ...], team: str | None = None) -> Line | None:
    """Return the first ticket of the queue (G10) that nobody holds and that waits on an agent. Raises DatabaseDown."""
    with db.session() as session:
        page = queries.queue(
            session, tier=tier, team=team, unassigned=True, plans=plans, statuses=(Status.NEW, Status.OPEN),
            waits_on=WITH_AN_AGENT, limit=1,
        )  # fmt: skip
    return page.lines[0] if page.lines else None


def tickets_of(db: Database, account: str, status: Status | None, after: str | None, limit: int) -> Listed:
    """Return an account's tickets, the newest first. Raises Refused (`malformed`), DatabaseDown."""
    place = _place(after)
    with db.session() as session:
        page = queries.tickets(
            session, account=account, statuses=[status] if status else (), after=place, limit=limit
        )  # fmt: skip
    return Listed(tickets=page.lines, next=_cursor(page.end))


def lines_by_id(db: Database, ids: Sequence[str]) -> dict[str, Line]:
    """Return the tickets of these ids, by id, those that there are. Raises DatabaseDown."""
    with db.session() as session:
        return {line.id: line for line in queries.by_id(session, ids)}


def search(db: Database, asked: Search) -> Listed:
    """Find tickets, the newest first. Raises Refused (`malformed`), DatabaseDown."""
    place = _place(asked.after)
    with db.session() as session:
        page = queries.tickets(
            session,
            words=asked.q,
            account=asked.account,
            requester=asked.requester,
            statuses=asked.status,
            tier=asked.tier,
            priority=asked.priority,
            plans=asked.plan,
            assignee=asked.assignee,
            team=asked.team,
            after=place,
            limit=asked.limit,
        )
    return Listed(tickets=page.lines, next=_cursor(page.end))


def all_accounts(db: Database, after: str, limit: int) -> Accounts:
    """Return every account that is known, or that a ticket names, by id. Raises DatabaseDown."""
    with db.session() as session:
        found = queries.accounts(session, after=after, limit=limit + 1)
    return Accounts(accounts=found[:limit], next=found[limit - 1].id if len(found) > limit else None)


def account(db: Database, account_id: str) -> KnownAccount:
    """Return an account as the CRM or an import last had it; otherwise as its newest ticket has it.

    Raises Refused (`not_found`), DatabaseDown.
    """
    with db.session() as session:
        if known := accounts.find_account(session, account_id):
            return KnownAccount(account=known, known_from="accounts")
        if known := queries.account_of_newest_ticket(session, account_id):
            return KnownAccount(account=known, known_from="ticket")
    raise Refused("not_found", f"nothing is known of account {account_id}")


def _cursor(place: Place | None) -> str | None:
    return base64.urlsafe_b64encode(place.model_dump_json().encode()).decode() if place else None


def _place(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    try:
        return Place.model_validate_json(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (ValidationError, binascii.Error, ValueError):
        message = "`after` is not what an earlier page gave as `next`"
        raise Refused("malformed", message, fields={"after": message}) from None

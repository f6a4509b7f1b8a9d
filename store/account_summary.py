"""What an account's page says of its tickets: counts, clocks, incidents, issues and who wrote.

Each query reads the tickets of one account by an index, and only as many as its limit says.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select, text, true
from sqlalchemy.orm import Session

from domain.core.enums import Category, Metric, Role, Side, SlaState, WaitsOn
from domain.core.erasure import ERASED
from store.queries import ACTIVE
from store.queue_views import has_flag
from store.tables.incidents import IncidentRow
from store.tables.journal import EventRow
from store.tables.tickets import AccountRow, ChurnAlertRow, TicketRow

_OPEN = TicketRow.status.in_(ACTIVE)
_AT_RISK = (SlaState.WARNED.value, SlaState.TARGET_MISSED.value)
_IN_ENGINEERING = (WaitsOn.ENGINEERING.value, WaitsOn.TRACKER.value)


class Load(NamedTuple):
    """The active tickets of an account, counted."""

    active: int = 0
    breached: int = 0
    at_risk: int = 0
    attention: int = 0
    in_engineering: int = 0
    cancellations: int = 0
    """F11: in which the customer wants to leave."""
    next_deadline: datetime | None = None


def _load() -> tuple[ColumnElement[Any], ...]:
    """Return the columns of a `Load`."""

    def number(which: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count().filter(which)

    return (
        func.count().label("active"),
        number(TicketRow.sla_state == SlaState.BREACHED.value).label("breached"),
        number(TicketRow.sla_state.in_(_AT_RISK)).label("at_risk"),
        number(has_flag("attention")).label("attention"),
        number(TicketRow.waits_on.in_(_IN_ENGINEERING)).label("in_engineering"),
        number(TicketRow.category == Category.CANCELLATION.value).label("cancellations"),
        func.min(TicketRow.sla_deadline).label("next_deadline"),
    )


def load_of(session: Session, account: str) -> Load:
    """Count the active tickets of an account."""
    return Load(*session.execute(select(*_load()).where(TicketRow.account == account, _OPEN)).one())


class AccountLoad(NamedTuple):
    """An account in a list, with its active tickets."""

    id: str
    plan: str
    health: str
    arr: Decimal | None
    csm: str | None
    load: Load


def accounts_of_csm(session: Session, csm: str, limit: int) -> list[AccountLoad]:
    """Return the accounts of a customer success manager, those in trouble first."""
    counted = select(*_load()).where(TicketRow.account == AccountRow.id, _OPEN).lateral("counted")
    reasons = ("cancellations", "breached", "attention", "at_risk", "active")
    worst = [counted.c[name].desc() for name in reasons]
    query = _listed(counted).where(AccountRow.csm == csm).order_by(*worst, AccountRow.id)
    return [_account_load(row) for row in session.execute(query.limit(limit))]


def accounts_shared(session: Session, csm: str, plans: Sequence[str], limit: int) -> list[AccountLoad]:
    """Return the accounts of a customer success manager, and those of some plans that have nobody of their own; those
    in trouble first, and of equals their own first."""
    counted = select(TicketRow.account, *_load()).where(_OPEN).group_by(TicketRow.account).subquery("counted")
    counts = [func.coalesce(one, 0).label(one.name) for one in list(counted.c)[1:-1]]
    reasons = ("cancellations", "breached", "attention", "at_risk", "active")
    worst = [func.coalesce(counted.c[name], 0).desc() for name in reasons]
    columns = (AccountRow.id, AccountRow.plan, AccountRow.health, AccountRow.arr, AccountRow.csm)
    shared = and_(AccountRow.csm.is_(None), AccountRow.plan.in_(plans))
    query = (
        select(*columns, *counts, counted.c.next_deadline)
        .select_from(AccountRow)
        .outerjoin(counted, counted.c.account == AccountRow.id)
        .where(or_(AccountRow.csm == csm, shared))
        .order_by(*worst, AccountRow.csm.asc().nulls_last(), AccountRow.id)
    )
    return [_account_load(row) for row in session.execute(query.limit(limit))]


def known_accounts(session: Session, *, after: str, limit: int) -> list[AccountLoad]:
    """Return the accounts that the CRM or an import brought, by id, from the one that follows `after`."""
    counted = select(*_load()).where(TicketRow.account == AccountRow.id, _OPEN).lateral("counted")
    query = _listed(counted).where(AccountRow.id > after).order_by(AccountRow.id)
    return [_account_load(row) for row in session.execute(query.limit(limit))]


def _listed(counted: Any) -> Any:
    columns = (AccountRow.id, AccountRow.plan, AccountRow.health, AccountRow.arr, AccountRow.csm)
    return select(*columns, *counted.c).select_from(AccountRow).join(counted, true())


def _account_load(row: Any) -> AccountLoad:
    return AccountLoad(row.id, row.plan, row.health, row.arr, row.csm, Load(*row[5:]))


class ClockCount(NamedTuple):
    """The clocks of one metric and side, by what became of them."""

    metric: Metric
    side: Side
    kept: int
    """Met in time, or by evidence that arrived late (C12)."""
    missed: int
    waived: int
    running: int


_RECENT = """
    WITH recent AS (
        SELECT status, resolved_at, state FROM tickets WHERE account = :account AND opened_at >= :since
        ORDER BY opened_at DESC LIMIT :most
    )
"""
_CLOCKS = text(
    _RECENT
    + """
    SELECT metric, side,
        count(*) FILTER (WHERE met AND breach IN ('none', 'withdrawn')),
        count(*) FILTER (WHERE breach = 'stands'),
        count(*) FILTER (WHERE breach = 'waived'),
        count(*) FILTER (WHERE NOT met AND breach IN ('none', 'withdrawn') AND status IN ('new', 'open', 'pending'))
    FROM (
        SELECT status, clock ->> 'metric' AS metric, clock ->> 'side' AS side, clock ->> 'met_at' IS NOT NULL AS met,
            coalesce(clock -> 'breach' ->> 'standing', 'none') AS breach
        FROM recent, jsonb_array_elements(state -> 'clocks') AS clock
    ) AS clocks
    GROUP BY metric, side
"""
)
_FACTS = text(
    _RECENT
    + """
    SELECT count(*), count(resolved_at), coalesce(sum((state ->> 'reopenings')::int), 0),
        coalesce(sum((state ->> 'bounces')::int), 0), count(state ->> 'csat'), avg((state ->> 'csat')::numeric)
    FROM recent
"""
)


def clocks_of(session: Session, account: str, *, since: datetime, most: int) -> list[ClockCount]:
    """Count what became of the clocks of an account's tickets that were opened since then, of the newest `most`."""
    rows = session.execute(_CLOCKS, {"account": account, "since": since, "most": most})
    return [ClockCount(Metric(row[0]), Side(row[1]), *row[2:]) for row in rows]


class Facts(NamedTuple):
    """What became of an account's tickets."""

    opened: int
    resolved: int
    reopened: int
    """How often one was reopened."""
    handed_back: int
    """How often one was handed back a tier (G8)."""
    ratings: int
    satisfaction: Decimal | None
    """The mean of the ratings, from 1 to 5."""


def facts_of(session: Session, account: str, *, since: datetime, most: int) -> Facts:
    """Count what became of an account's tickets that were opened since then, of the newest `most`."""
    return Facts(*session.execute(_FACTS, {"account": account, "since": since, "most": most}).one())


class Touched(NamedTuple):
    """An incident of which tickets of an account are part."""

    number: int
    area: str
    priority: str | None
    status: str
    opened_at: datetime
    tickets: int


def incidents_of(session: Session, account: str, limit: int) -> list[Touched]:
    """Return the incidents that touched an account, the newest first. Drills touched nobody."""
    columns = (IncidentRow.number, IncidentRow.area, IncidentRow.priority, IncidentRow.status, IncidentRow.opened_at)
    query = select(*columns, func.count()).join(TicketRow, TicketRow.incident_number == IncidentRow.number)
    query = query.where(TicketRow.account == account, TicketRow.incident_number.is_not(None), ~IncidentRow.drill)
    query = query.group_by(*columns).order_by(IncidentRow.number.desc())
    return [Touched(*row) for row in session.execute(query.limit(limit))]


class OpenIssue(NamedTuple):
    """An issue that is open in engineering, and for which an account waits."""

    key: str
    url: str
    kind: str
    """`bug` or `request`."""
    category: str
    status: str
    fix_versions: list[str]
    tickets: int
    active: int
    """Of the tickets, how many are not resolved."""
    since: datetime
    """When the first of the tickets was opened."""
    ticket: str
    """The newest of them."""


_ISSUES = text("""
    WITH recent AS (
        SELECT id, status, opened_at, jira_key, state -> 'jira' AS issue FROM tickets
        WHERE account = :account AND jira_key IS NOT NULL ORDER BY opened_at DESC LIMIT :most
    )
    SELECT jira_key, coalesce(newest.issue ->> 'url', ''), coalesce(newest.issue ->> 'kind', ''),
        newest.issue ->> 'category', coalesce(newest.issue ->> 'status', ''),
        coalesce(newest.issue -> 'fix_versions', '[]'), tickets, active, since, newest.id
    FROM (
        SELECT jira_key, count(*) AS tickets, min(opened_at) AS since,
            count(*) FILTER (WHERE status IN ('new', 'open', 'pending')) AS active
        FROM recent GROUP BY jira_key
    ) AS counted
    JOIN LATERAL (
        SELECT id, issue FROM recent WHERE recent.jira_key = counted.jira_key ORDER BY opened_at DESC LIMIT 1
    ) AS newest ON true
    WHERE newest.issue ->> 'category' IN ('new', 'indeterminate')
    ORDER BY active DESC, since, jira_key LIMIT :limit
""")


def open_issues_of(session: Session, account: str, *, most: int, limit: int) -> list[OpenIssue]:
    """Return the issues that are open in engineering, of the newest `most` tickets with an issue of an account."""
    rows = session.execute(_ISSUES, {"account": account, "most": most, "limit": limit})
    return [OpenIssue(*row) for row in rows]


class Contact(NamedTuple):
    """A person of a customer, by the id under which they wrote."""

    id: str
    tickets: int
    last_wrote: datetime


def contacts_of(session: Session, account: str, *, most: int, limit: int) -> list[Contact]:
    """Return who wrote as the customer in the newest `most` tickets of an account, the latest first."""
    newest = select(TicketRow.id).where(TicketRow.account == account).order_by(TicketRow.opened_at.desc()).limit(most)
    last = func.max(EventRow.at)
    wrote = and_(EventRow.actor_role == Role.CUSTOMER.value, EventRow.actor_id != ERASED, ~EventRow.superseded)
    recent = newest.subquery()
    query = select(EventRow.actor_id, func.count(EventRow.ticket_id.distinct()), last)
    query = query.join(recent, recent.c.id == EventRow.ticket_id).where(wrote)
    query = query.group_by(EventRow.actor_id).order_by(last.desc(), EventRow.actor_id)
    return [Contact(*row) for row in session.execute(query.limit(limit))]


class ChurnAlert(NamedTuple):
    """F1: an alert that the account may be lost."""

    since: datetime
    tickets: int
    named: list[str]
    """The tickets that caused it, the first ones."""


REASONS = 10
"""Tickets of an alert that are named."""


def churn_alerts_of(session: Session, account: str, limit: int) -> Sequence[ChurnAlert]:
    """Return the churn alerts of an account, the newest first."""
    start = ChurnAlertRow.window_start
    query = select(start, ChurnAlertRow.tickets).where(ChurnAlertRow.account == account)
    rows = session.execute(query.order_by(start.desc()).limit(limit))
    return [ChurnAlert(since, len(tickets), tickets[:REASONS]) for since, tickets in rows]


def known_since(session: Session, account: str) -> datetime | None:
    """Return when the CRM or an import last changed what is known of an account; None if neither brought it."""
    return session.scalars(select(AccountRow.updated_at).where(AccountRow.id == account)).one_or_none()

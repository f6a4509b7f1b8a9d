"""Questions about many tickets: the queue, and what lists and summaries show."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

from pydantic import Field
from sqlalchemy import ColumnElement, Select, func, select, text, tuple_, union
from sqlalchemy.orm import Session

from domain.core.enums import Priority, SlaState, Status, Tier, WaitsOn
from domain.core.values import Frozen, Instant
from domain.ticket.state import Account
from store.tables.integrations import JiraLinkRow, OutboxRow
from store.tables.journal import EventRow
from store.tables.tickets import AccountRow, RefusalRow, TicketRow


class Line(Frozen):
    """One ticket in a list. Ids only: no personal data."""

    id: str
    account: str
    plan: str
    status: Status
    tier: Tier
    priority: Priority
    category: str
    assignee: str | None
    team: str | None
    """G10: whose it is to take."""
    account_unknown: bool
    """Nobody has told of the account: its plan is assumed."""
    sla_state: SlaState
    sla_deadline: datetime | None
    waits_on: WaitsOn
    waits_since: datetime | None
    opened_at: datetime
    jira_key: str | None
    incident_number: int | None


_LINE = tuple(getattr(TicketRow, name) for name in Line.model_fields)
ACTIVE = ("new", "open", "pending")


class Place(Frozen):
    """Where a line stands in the order of a list, so that the next page begins behind it.

    It comes back from outside, and says of no line what a line cannot be.
    """

    urgency: Annotated[int, Field(ge=0, le=9)] = 0
    sla_deadline: Instant | None = None
    lane: Annotated[int, Field(ge=0, le=9)] = 0
    opened_at: Instant
    id: Annotated[str, Field(pattern=r"^[0-9a-z-]{1,40}$")]


class Page(NamedTuple):
    """Part of a list."""

    lines: list[Line]
    end: Place | None
    """Where the next page begins; None if this is the last."""


def queue(
    session: Session,
    *,
    tier: Tier | None = None,
    assignee: str | None = None,
    team: str | None = None,
    unassigned: bool = False,
    plans: Collection[str] = (),
    statuses: Collection[str] = ACTIVE,
    waits_on: Collection[str] = (),
    after: Place | None = None,
    limit: int = 50,
) -> Page:
    """G10: what matters next: tickets of open incidents, breached ones, then by effective deadline and plan path.

    `plans` picks a lane. Where nothing is said of `tier`, `assignee`, `team`, `plans` or `waits_on`, all are in it.
    """
    query = _filtered(tier, assignee, team, plans, statuses)
    if unassigned:
        query = query.where(TicketRow.assignee.is_(None))
    if waits_on:
        query = query.where(TicketRow.waits_on.in_([str(one) for one in waits_on]))
    if after:
        query = query.where(_behind(after))
    # A deadline that does not run (NULL) sorts last.
    order = (TicketRow.urgency, TicketRow.sla_deadline, TicketRow.lane, TicketRow.opened_at, TicketRow.id)
    return _page(session, query.order_by(*order), limit)


def _behind(place: Place) -> ColumnElement[bool]:
    """What follows a line in the order of the queue, where a deadline that does not run is the last."""
    rest = tuple_(TicketRow.lane, TicketRow.opened_at, TicketRow.id) > tuple_(place.lane, place.opened_at, place.id)
    same = TicketRow.urgency == place.urgency
    if place.sla_deadline is None:
        later = same & TicketRow.sla_deadline.is_(None) & rest
    else:
        behind_it = (TicketRow.sla_deadline == place.sla_deadline) & rest
        no_deadline, later_one = TicketRow.sla_deadline.is_(None), TicketRow.sla_deadline > place.sla_deadline
        later = same & (no_deadline | later_one | behind_it)
    return (TicketRow.urgency > place.urgency) | later


def tickets(
    session: Session,
    *,
    tier: Tier | None = None,
    assignee: str | None = None,
    team: str | None = None,
    plans: Collection[str] = (),
    statuses: Collection[str] = (),
    account: str | None = None,
    after: Place | None = None,
    limit: int = 200,
) -> Page:
    """Tickets in the order in which they were opened, the newest first."""
    query = _filtered(tier, assignee, team, plans, statuses)
    if account:
        query = query.where(TicketRow.account == account)
    if after:
        same = (TicketRow.opened_at == after.opened_at) & (TicketRow.id > after.id)
        query = query.where((TicketRow.opened_at < after.opened_at) | same)
    return _page(session, query.order_by(TicketRow.opened_at.desc(), TicketRow.id), limit)


def _filtered(
    tier: Tier | None, assignee: str | None, team: str | None, plans: Collection[str], statuses: Collection[str]
) -> Select[*tuple[Any, ...]]:
    query = select(*_LINE, TicketRow.urgency, TicketRow.lane)
    if tier:
        query = query.where(TicketRow.tier == tier.value)
    if assignee:
        query = query.where(TicketRow.assignee == assignee)
    if team:
        query = query.where(TicketRow.team == team)
    if plans:
        query = query.where(TicketRow.plan.in_([str(plan) for plan in plans]))
    if statuses:
        query = query.where(TicketRow.status.in_([str(status) for status in statuses]))
    return query


def _page(session: Session, query: Select[*tuple[Any, ...]], limit: int) -> Page:
    rows = [row._asdict() for row in session.execute(query.limit(limit + 1))]  # one more says whether there are more
    end = Place.model_validate(rows[limit - 1]) if len(rows) > limit else None
    return Page([Line.model_validate(row) for row in rows[:limit]], end)


class AccountLine(Frozen):
    """One account in a list, with its open tickets."""

    id: str
    plan: str | None = None
    """None: its plan is known of its tickets only."""
    active_tickets: int


def accounts(session: Session, *, after: str = "", limit: int = 50) -> list[AccountLine]:
    """Accounts that are known, or that a ticket names, by id, from the one that follows `after`."""
    named = union(select(AccountRow.id), select(TicketRow.account)).subquery()
    active = (
        select(func.count())
        .select_from(TicketRow)
        .where(TicketRow.account == named.c.id, TicketRow.status.in_(ACTIVE))
        .scalar_subquery()
    )
    query = select(named.c.id, AccountRow.plan, active.label("active_tickets"))
    query = query.outerjoin(AccountRow, AccountRow.id == named.c.id).where(named.c.id > after)
    rows = session.execute(query.order_by(named.c.id).limit(limit))
    return [AccountLine.model_validate(row._asdict()) for row in rows]


def account_of_newest_ticket(session: Session, account_id: str) -> Account | None:
    """An account as the newest ticket that names it has it."""
    query = select(TicketRow.state["account"]).where(TicketRow.account == account_id)
    state = session.scalars(query.order_by(TicketRow.opened_at.desc()).limit(1)).first()
    return Account.model_validate(state) if state else None


def by_status(session: Session) -> dict[str, int]:
    """How many tickets there are in each status; every status is named."""
    found = _counts(session, select(TicketRow.status, func.count()).group_by(TicketRow.status))
    return {status.value: found.get(status.value, 0) for status in Status}


def events_count(session: Session) -> dict[str, int]:
    """How many live events there are, by type."""
    live = select(EventRow.type, func.count()).where(~EventRow.superseded)
    return _counts(session, live.group_by(EventRow.type))


def breaches(session: Session, side: str = "contract") -> int:
    """How many due instants passed unmet; withdrawn and waived ones too, since they stay on record."""
    lapsed = select(func.count()).where(
        EventRow.type == "lapsed", EventRow.body["side"].astext == side, ~EventRow.superseded
    )
    return session.scalar(lapsed) or 0


class Corrections(Frozen):
    """How often a rule of the policy's classification had its say, and how often a person said otherwise."""

    rule: str
    used: int
    corrected: int


def corrections(session: Session, *, since: datetime | None = None) -> list[Corrections]:
    """Every rule that a ticket was classified by since then, the most often corrected first."""
    known = {"since": since or datetime.min.replace(tzinfo=UTC)}
    used = {row[0]: row[1] for row in session.execute(_RULES_USED, known)}
    wrong = {row[0]: row[1] for row in session.execute(_RULES_OVERRULED, known)}
    found = [Corrections(rule=rule, used=used.get(rule, 0), corrected=wrong.get(rule, 0)) for rule in used | wrong]
    return sorted(found, key=lambda one: (-one.corrected, -one.used, one.rule))


_RULES_USED = text("""
    SELECT reason ->> 'rule', count(DISTINCT ticket_id)
    FROM ticket_events, jsonb_array_elements(body -> 'reasons') AS reason
    WHERE type = 'opened' AND NOT superseded AND at >= :since AND reason ->> 'rule' <> ''
    GROUP BY 1
""")
_RULES_OVERRULED = text("""
    SELECT rule, count(DISTINCT ticket_id)
    FROM ticket_events, jsonb_array_elements_text(body -> 'overruled') AS rule
    WHERE type IN ('amended', 'prioritised') AND NOT superseded AND at >= :since
    GROUP BY 1
""")


def notices(session: Session) -> dict[str, int]:
    """How many notices there are, by the state that they are in."""
    return _counts(session, select(OutboxRow.state, func.count()).group_by(OutboxRow.state))


def jira_issues(session: Session) -> int:
    """How many Jira issues tickets are linked to."""
    linked = select(func.count(JiraLinkRow.jira_key.distinct())).where(JiraLinkRow.phase == "linked")
    return session.scalar(linked) or 0


def refusals_count(session: Session) -> dict[str, int]:
    """How many commands were refused, by the reason."""
    return _counts(session, select(RefusalRow.code, func.count()).group_by(RefusalRow.code))


def refusals(session: Session, *, ticket_id: str | None = None, limit: int = 100) -> Sequence[RefusalRow]:
    """What was refused, the newest first."""
    query = select(RefusalRow)
    if ticket_id:
        query = query.where(RefusalRow.ticket_id == ticket_id)
    return session.scalars(query.order_by(RefusalRow.id.desc()).limit(limit)).all()


def _counts(session: Session, query: Select[str, int]) -> dict[str, int]:
    return {row[0]: row[1] for row in session.execute(query)}

"""Questions about many tickets: the queue, and what lists and summaries show."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from domain.base import Frozen
from domain.words import Priority, SlaState, Status, Tier, WaitsOn
from store.models import EventRow, JiraLinkRow, OutboxRow, RefusalRow, TicketRow


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
    sla_state: SlaState
    sla_deadline: datetime | None
    waits_on: WaitsOn
    waits_since: datetime | None
    opened_at: datetime
    jira_key: str | None
    incident_number: int | None


_LINE = tuple(getattr(TicketRow, name) for name in Line.model_fields)
ACTIVE = ("new", "open", "pending")


def queue(
    session: Session,
    *,
    tier: Tier | None = None,
    assignee: str | None = None,
    unassigned: bool = False,
    plans: Collection[str] = (),
    pending: bool = True,
    limit: int = 50,
) -> list[Line]:
    """G10: what matters next: tickets of open incidents, breached ones, then by effective deadline and plan path.

    `plans` picks a lane. `pending` says whether tickets that wait on the customer are in it.
    """
    query = select(*_LINE).where(TicketRow.status.in_(ACTIVE if pending else ACTIVE[:2]))
    if tier:
        query = query.where(TicketRow.tier == tier.value)
    if assignee:
        query = query.where(TicketRow.assignee == assignee)
    if unassigned:
        query = query.where(TicketRow.assignee.is_(None))
    if plans:
        query = query.where(TicketRow.plan.in_([str(plan) for plan in plans]))
    # A deadline that does not run (NULL) sorts last.
    order = (TicketRow.urgency, TicketRow.sla_deadline, TicketRow.lane, TicketRow.opened_at, TicketRow.id)
    return _lines(session, query.order_by(*order).limit(limit))


def tickets(
    session: Session, *, status: Status | None = None, account: str | None = None, limit: int = 200
) -> list[Line]:
    """Tickets in the order in which they were opened, the newest first."""
    query = select(*_LINE)
    if status:
        query = query.where(TicketRow.status == status.value)
    if account:
        query = query.where(TicketRow.account == account)
    return _lines(session, query.order_by(TicketRow.opened_at.desc(), TicketRow.id).limit(limit))


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


def _lines(session: Session, query: Select[*tuple[Any, ...]]) -> list[Line]:
    return [Line.model_validate(row._asdict()) for row in session.execute(query)]


def _counts(session: Session, query: Select[str, int]) -> dict[str, int]:
    return {row[0]: row[1] for row in session.execute(query)}

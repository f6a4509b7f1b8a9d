"""How much of what is in the database, for tests."""

from collections.abc import Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from domain.core.enums import Status
from store.tables.integrations import IssueLinkRow, OutboxRow
from store.tables.journal import EventRow
from store.tables.tickets import RefusalRow, TicketRow


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
    linked = select(func.count(IssueLinkRow.jira_key.distinct())).where(IssueLinkRow.phase == "linked")
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

"""How much there is of everything that ops watch, in numbers without names: for the metrics."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from domain.aggregate.command import STAFF
from domain.core.enums import Metric, Plan, SlaState, Status, Tier, WaitsOn
from domain.core.values import Frozen
from store import inbox, reconciliation
from store.reconciliation import Compared
from store.tables.incidents import IncidentRow
from store.tables.integrations import InboxRow, OutboxRow, TokenRow, WebhookRow
from store.tables.journal import EventRow
from store.tables.tickets import TicketRow

OPEN = (Status.NEW, Status.OPEN, Status.PENDING)
DAY = timedelta(days=1)
SOON = timedelta(days=14)
"""So long before a token expires it is counted."""


class Backlog(Frozen):
    """What waits to be sent or acted on."""

    waiting: int
    overdue: float
    """Seconds for which the oldest that could go out now has waited. It grows where nobody is at work."""


class Gauges(Frozen):
    """The whole picture at one instant. Every value that a state can have is there, also where there is no ticket."""

    tickets: dict[tuple[Status, Tier], int]
    """Tickets that are not closed."""
    sla: dict[SlaState, int]
    """Open ones, by how their clocks stand."""
    waits_on: dict[WaitsOn, int]
    """Open ones, by what they wait on."""
    breaches: dict[tuple[Plan, Metric], int]
    """Contract breaches recorded in the last 24 hours."""
    backlogs: dict[str, Backlog]
    unacknowledged: int
    """Open tickets with a contract breach that stands, for which none of us has done anything since it was recorded."""
    late_effects: int
    """Tickets and incidents of which an effect on Jira, the pager or the chat has been pending for 10 minutes."""
    expiring_tokens: int
    """Tokens that are in use and expire within `SOON`."""
    compared: Compared | None
    """What the latest comparison of the journal with Temporal found; None: there was none."""


def read_gauges(session: Session, now: datetime) -> Gauges:
    """Count everything; a handful of queries, each by an index or over open tickets only."""
    not_closed = TicketRow.status.in_([*OPEN, Status.RESOLVED])
    tickets = dict.fromkeys(((status, tier) for status in (*OPEN, Status.RESOLVED) for tier in Tier), 0)
    for status, tier, number in _counted(session, [TicketRow.status, TicketRow.tier], not_closed):
        tickets[Status(status), Tier(tier)] = number
    sla, waits_on = dict.fromkeys(SlaState, 0), dict.fromkeys(WaitsOn, 0)
    for state, number in _counted(session, [TicketRow.sla_state], TicketRow.status.in_(OPEN)):
        sla[SlaState(state)] = number
    for what, number in _counted(session, [TicketRow.waits_on], TicketRow.status.in_(OPEN)):
        waits_on[WaitsOn(what)] = number
    side, metric = EventRow.body["side"].as_string(), EventRow.body["metric"].as_string()
    breached = (EventRow.type == "lapsed", EventRow.at > now - DAY, side == "contract", ~EventRow.superseded)
    breaches = dict.fromkeys(((plan, one) for plan in Plan for one in Metric), 0)
    by_plan = select(TicketRow.plan, metric, func.count()).join(TicketRow, TicketRow.id == EventRow.ticket_id)
    for plan, one, number in session.execute(by_plan.where(*breached).group_by(TicketRow.plan, metric)):
        breaches[Plan(plan), Metric(one)] = number
    return Gauges(
        tickets=tickets,
        sla=sla,
        waits_on=waits_on,
        breaches=breaches,
        backlogs={
            "notices": _backlog(session, now, OutboxRow, OutboxRow.state.in_(("pending", "sending"))),
            "deliveries": _backlog(session, now, InboxRow, inbox.WAITS, InboxRow.received),
            "webhooks": _backlog(session, now, WebhookRow, WebhookRow.state == "pending"),
        },
        unacknowledged=_unacknowledged(session),
        late_effects=_late_effects(session),
        expiring_tokens=session.scalar(
            select(func.count()).where(
                TokenRow.revoked_at.is_(None), TokenRow.expires_at > now, TokenRow.expires_at <= now + SOON
            )
        )
        or 0,
        compared=reconciliation.latest_comparison(session),
    )


def _unacknowledged(session: Session) -> int:
    """Count the breached tickets that nobody has touched since; of few tickets, each by its own events."""
    lapsed, later = aliased(EventRow), aliased(EventRow)
    breach = exists().where(
        lapsed.ticket_id == TicketRow.id,
        lapsed.type == "lapsed",
        lapsed.body["side"].as_string() == "contract",
        ~lapsed.superseded,
        ~exists().where(
            later.ticket_id == lapsed.ticket_id,
            later.seq > lapsed.seq,
            later.actor_role.in_(sorted(role.value for role in STAFF)),
            ~later.superseded,
        ),
    )
    open_and_breached = (TicketRow.status.in_(OPEN), TicketRow.sla_state == SlaState.BREACHED)
    return session.scalar(select(func.count()).select_from(TicketRow).where(*open_and_breached, breach)) or 0


def _late_effects(session: Session) -> int:
    """Count by the events' mark that ops were alerted; what was refused for good waits for a person, and counts too."""
    waits = text("jsonb_path_exists(state, '$.undone[*] ? (@.failed == true || @.alerted == true)'::jsonpath)")
    tickets = select(func.count()).select_from(TicketRow).where(TicketRow.status != Status.CLOSED, waits)
    incidents = select(func.count()).select_from(IncidentRow).where(waits)
    return (session.scalar(tickets) or 0) + (session.scalar(incidents) or 0)


def _counted(session: Session, by: Sequence[InstrumentedAttribute[str]], which: ColumnElement[bool]) -> Sequence[Any]:
    return session.execute(select(*by, func.count()).where(which).group_by(*by)).all()


def _backlog(session: Session, now: datetime, row: Any, waits: ColumnElement[bool], came: Any = None) -> Backlog:
    """Return what waits in one table. Quiet hours and tries to come are no delay."""
    came = row.created_at if came is None else came
    since = func.greatest(came, row.not_before)
    waiting, oldest = session.execute(select(func.count(), func.min(since)).where(waits)).one()
    return Backlog(waiting=waiting, overdue=max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)

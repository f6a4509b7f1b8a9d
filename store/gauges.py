"""How much there is of everything that ops watch, in numbers without names: for the metrics."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from domain.core.enums import Metric, Plan, SlaState, Status, Tier, WaitsOn
from domain.core.values import Frozen
from store import inbox
from store.tables.integrations import InboxRow, OutboxRow, WebhookRow
from store.tables.journal import EventRow
from store.tables.tickets import TicketRow

OPEN = (Status.NEW, Status.OPEN, Status.PENDING)
DAY = timedelta(days=1)


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
    )


def _counted(session: Session, by: Sequence[InstrumentedAttribute[str]], which: ColumnElement[bool]) -> Sequence[Any]:
    return session.execute(select(*by, func.count()).where(which).group_by(*by)).all()


def _backlog(session: Session, now: datetime, row: Any, waits: ColumnElement[bool], came: Any = None) -> Backlog:
    """Return what waits in one table. Quiet hours and tries to come are no delay."""
    came = row.created_at if came is None else came
    since = func.greatest(came, row.not_before)
    waiting, oldest = session.execute(select(func.count(), func.min(since)).where(waits)).one()
    return Backlog(waiting=waiting, overdue=max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)

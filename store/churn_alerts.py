"""F1: churn alerts, kept up to date as critical tickets of an account arrive. The rule: `domain.ticket.rules.churn`."""

import hashlib

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.aggregate.effect import Notice
from domain.ticket.events import Event
from domain.ticket.rules import churn
from domain.ticket.rules.churn import Alert, ChurnRule, Hit
from domain.ticket.state import Ticket
from store import outbox
from store.database import lock
from store.tables.tickets import ChurnAlertRow, TicketRow

MOST = 500
"""Tickets in an alert. By then nobody needs the list."""


def watch(session: Session, before: Ticket | None, after: Ticket, event: Event, rule: ChurnRule) -> None:
    """Raise the account's alert, or bring it up to date, if the ticket has just come to count as critical.

    `after` is stored already, `event` the last one that led to it.
    """
    hit = churn.hit(after, rule)
    if hit is None or hit == churn.hit(before, rule) or not churn.watched(after, rule):
        return
    account = after.account.id
    # Two tickets that arrive at once must not each miss the other.
    lock(session, "churn", account)
    running = session.scalars(
        select(ChurnAlertRow.window_start)
        .where(ChurnAlertRow.account == account, ChurnAlertRow.window_start > event.at - rule.within)
        .order_by(ChurnAlertRow.window_start.desc())
        .limit(1)
    ).one_or_none()
    since = churn.window(event.at, rule, running)
    found = session.execute(
        select(TicketRow.id, TicketRow.opened_at, TicketRow.incident_number)
        .where(
            TicketRow.account == account,
            TicketRow.churn_counts,
            TicketRow.priority.in_([priority.value for priority in rule.priorities]),
            TicketRow.opened_at >= since,
        )
        .order_by(TicketRow.opened_at)
        .limit(MOST)
    )
    hits = [Hit(ticket=row.id, opened_at=row.opened_at, incident=row.incident_number) for row in found]
    if alert := churn.alert(hits, rule, running):
        _store(session, after, event, alert, rule)


def _store(session: Session, ticket: Ticket, event: Event, alert: Alert, rule: ChurnRule) -> None:
    row = {"tickets": list(alert.tickets), "updated_at": event.at}
    place = {"account": ticket.account.id, "window_start": alert.window_start}
    insertion = insert(ChurnAlertRow).values(**place, **row)
    session.execute(insertion.on_conflict_do_update(index_elements=list(place), set_=row))
    names = "/".join(rule.priorities)
    for audience in ticket.terms.notices.get("churn", ()):
        notice = Notice(
            key=f"churn:{_opaque(ticket.account.id)}:{alert.window_start:%Y%m%dT%H%M%S}:{audience}",
            name="churn",
            ticket=ticket.id,
            audience=audience,
            recipient=ticket.account.csm if audience == "csm" else None,
            title=f"Account at risk: {len(alert.tickets)} {names} tickets since {alert.window_start:%Y-%m-%d}",
            at=event.detected,
        )
        outbox.put_or_renew(session, notice)


def _opaque(account: str) -> str:
    """An account's id as a key may hold it: whatever a CRM calls it, a key is plain ASCII."""
    return hashlib.sha256(account.encode()).hexdigest()[:16]

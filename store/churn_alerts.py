"""F1: churn alerts, kept up to date as critical tickets of an account arrive. The rule: `domain.ticket.rules.churn`."""

import hashlib
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.aggregate.effect import Notice
from domain.core.enums import Category
from domain.ticket.events import Event
from domain.ticket.rules import churn
from domain.ticket.rules.cancellation import CancellationAsked
from domain.ticket.rules.churn import Alert, ChurnRule, Hit
from domain.ticket.state import Ticket
from store import outbox
from store.database import lock
from store.tables.journal import EventRow
from store.tables.tickets import ChurnAlertRow, TicketRow

MOST = 500
"""Tickets in an alert. By then nobody needs the list."""
NAMED = 10
"""Tickets that its notice names."""


def watch(session: Session, before: Ticket | None, after: Ticket, event: Event, rule: ChurnRule) -> None:
    """Raise the account's alert, or bring it up to date, if the ticket has just come to count; annotate the
    alert that names it, if it was lowered or is no cancellation any more.

    `after` is stored already, `event` the last one that led to it.
    """
    hit = churn.hit(after, rule)
    if hit == churn.hit(before, rule) or not churn.watched(after, rule):
        return
    lowered = not churn.counts(after.priority, after.category, rule)
    if hit is None and not lowered:
        return  # it is not known yet what it counts as
    account = after.account.id
    # Two tickets that arrive at once must not each miss the other.
    lock(session, "churn", account)
    running = session.scalars(
        select(ChurnAlertRow)
        .where(ChurnAlertRow.account == account, ChurnAlertRow.window_start > event.at - rule.within)
        .order_by(ChurnAlertRow.window_start.desc())
        .limit(1)
    ).one_or_none()
    if lowered and (running is None or after.id not in running.tickets):
        return
    named, start = (running.tickets, running.window_start) if running else ((), None)
    since = churn.window(event.at, rule, start)
    found = session.execute(
        select(TicketRow.id, TicketRow.opened_at, TicketRow.incident_number, TicketRow.category)
        .where(
            TicketRow.account == account,
            TicketRow.churn_counts,
            _counting(rule),
            TicketRow.opened_at >= since,
        )
        .order_by(TicketRow.opened_at)
        .limit(MOST)
    )
    hits = [
        Hit(
            ticket=row.id,
            opened_at=row.opened_at,
            incident=row.incident_number,
            cancellation=rule.cancellations and row.category == Category.CANCELLATION,
        )
        for row in found
    ]
    alert = churn.alert(hits, rule, start)
    if alert is None and start is not None:  # all of them were lowered
        alert = Alert(window_start=start, tickets=())
    if alert:
        rest = [name for name in named if name not in alert.tickets]
        query = select(TicketRow.id, TicketRow.priority, TicketRow.category).where(TicketRow.id.in_(rest))
        now = {row.id: row for row in session.execute(query)}
        low = [now[name] for name in rest if name in now]
        low = [row for row in low if not churn.counts(row.priority, row.category, rule)]
        cancelled = _were_cancellations(session, [row.id for row in low])
        became = {row.id: "no cancellation" if row.id in cancelled else f"lowered to {row.priority}" for row in low}
        _store(session, after, event, alert, rule, {name: f"{name} ({what})" for name, what in became.items()})


def _were_cancellations(session: Session, tickets: Sequence[str]) -> set[str]:
    """Return which of these tickets were cancellations once (F11)."""
    asked = EventRow.type == CancellationAsked.model_fields["type"].default
    found = select(EventRow.ticket_id).where(EventRow.ticket_id.in_(tickets), asked, ~EventRow.superseded)
    return set(session.scalars(found)) if tickets else set()


def _counting(rule: ChurnRule) -> ColumnElement[bool]:
    """Return the condition that a ticket counts, as `churn.counts` has it."""
    critical = TicketRow.priority.in_([priority.value for priority in rule.priorities])
    return or_(critical, TicketRow.category == Category.CANCELLATION.value) if rule.cancellations else critical


def _store(
    session: Session, ticket: Ticket, event: Event, alert: Alert, rule: ChurnRule, lowered: Mapping[str, str]
) -> None:
    """Store the alert and its notices. `lowered`: tickets that do not count any more, each with what became of it."""
    row = {"tickets": [*alert.tickets, *lowered], "updated_at": event.at}
    place = {"account": ticket.account.id, "window_start": alert.window_start}
    insertion = insert(ChurnAlertRow).values(**place, **row, raised_at=event.at)
    session.execute(insertion.on_conflict_do_update(index_elements=list(place), set_=row))
    for audience in ticket.terms.notices.get("churn", ()):
        notice = Notice(
            key=f"churn:{_opaque(ticket.account.id)}:{alert.window_start:%Y%m%dT%H%M%S}:{audience}",
            name="churn",
            ticket=ticket.id,
            audience=audience,
            recipient=churn.csm_of(ticket) if audience == "csm" else None,
            title=_title(ticket, alert, rule, list(lowered.values())),
            at=event.detected,
        )
        if not outbox.put_or_renew(session, notice) and ticket.id in lowered:
            # It was sent: whoever acts on it hears that it holds no more.
            again = {"key": f"{notice.key}:{ticket.id}:{event.seq}", "title": f"Corrected. {notice.title}"}
            outbox.put_or_renew(session, notice.model_copy(update=again))


def _title(ticket: Ticket, alert: Alert, rule: ChurnRule, lowered: Sequence[str]) -> str:
    """Say who is at risk, how much revenue that is, and by which tickets."""
    account, names = ticket.account, [*alert.tickets, *lowered]
    arr = "unknown" if account.arr is None else f"{account.arr:,.2f}".removesuffix(".00")
    count = ", ".join(
        f"{number} {word}{'' if number == 1 else 's'}"
        for number, word in (
            (alert.cancellations, "cancellation"),
            (len(alert.tickets) - alert.cancellations, f"{'/'.join(rule.priorities)} ticket"),
        )
        if number or (word != "cancellation" and not alert.tickets)
    )
    listed = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    return (
        f"Account at risk: {account.id}, ARR {arr}, health {account.health.value}: "
        f"{count} since {alert.window_start:%Y-%m-%d}: {listed}"
    )


def _opaque(account: str) -> str:
    """Return an account's id as a key may hold it: whatever a CRM calls it, a key is plain ASCII."""
    return hashlib.sha256(account.encode()).hexdigest()[:16]

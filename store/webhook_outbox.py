"""The webhook outbox: events of tickets that are to be sent to subscribers, in the order of each ticket.

A row is written together with its event, for every destination that the relay's settings name. What is said is read
from the journal when it is sent. A destination that is down holds up nobody but itself; an event that cannot be sent
holds up those of its ticket that come after it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.orm import Session, aliased

from domain.core.values import Frozen
from domain.ticket.events import Event
from domain.ticket.state import Ticket
from store.database import PLAIN
from store.leased_queue import LeasedQueue
from store.tables.integrations import HelpdeskLinkRow, SubscriptionRow, WebhookRow

QUEUE = LeasedQueue(
    WebhookRow, unsettled=WebhookRow.state == "pending", done=lambda at: {"state": "sent", "sent_at": at}
)


class Destination(Frozen):
    """A subscriber, and which events it gets."""

    name: str
    source: str | None = None
    """Only tickets that came from there, or that follow up on those."""
    events: tuple[str, ...] | None = None
    """Only these types of events; None is all."""


def register(session: Session, destinations: Sequence[Destination]) -> None:
    """Make these the only subscribers from now on. What is unsent to others stays, and is sent if they come back."""
    names = [one.name for one in destinations]
    known = {row.name: row for row in session.scalars(select(SubscriptionRow).with_for_update())}
    for name, row in known.items():
        row.active = name in names
    for one in destinations:
        row = known.get(one.name) or SubscriptionRow(name=one.name)
        row.source, row.events, row.active = one.source, None if one.events is None else list(one.events), True
        session.add(row)
    session.flush()


# -- Written with the journal --------------------------------------------------------------------------------


def put(session: Session, ticket: Ticket, events: Sequence[Event], epoch: int) -> None:
    """Write down which of these events every destination is to get."""
    active = session.scalars(select(SubscriptionRow).where(SubscriptionRow.active)).all()
    rows = [
        {"destination": one.name, "ticket_id": ticket.id, "epoch": epoch, "seq": event.seq}
        for one in active
        if one.source is None or one.source == ticket.source or _follows(session, one.source, ticket)
        for event in events
        if one.events is None or event.body.type in one.events
    ]
    if rows:
        session.execute(insert(WebhookRow), rows)


def _follows(session: Session, system: str, ticket: Ticket) -> bool:
    """Return whether a ticket goes on where one of a helpdesk was closed (C10)."""
    mine = (HelpdeskLinkRow.system == system, HelpdeskLinkRow.ticket_id == ticket.id)
    return ticket.parent is not None and bool(session.scalar(select(exists().where(*mine))))


def orphan(session: Session, ticket_id: str, clash: int) -> None:
    """Cancel the webhooks, not sent yet, of events that a workflow reset has superseded."""
    dead = (WebhookRow.ticket_id == ticket_id, WebhookRow.seq >= clash, WebhookRow.state == "pending")
    session.execute(delete(WebhookRow).where(*dead), execution_options=PLAIN)


# -- Sending -------------------------------------------------------------------------------------------------


def claim(session: Session, destination: str, now: datetime, lease: timedelta) -> WebhookRow | None:
    """Claim the next event that a destination is to get; of each ticket only the first."""
    earlier = aliased(WebhookRow)
    before = exists().where(
        earlier.destination == WebhookRow.destination,
        earlier.ticket_id == WebhookRow.ticket_id,
        earlier.id < WebhookRow.id,
        earlier.state == "pending",
    )
    rows = QUEUE.claim(session, now, lease, 1, WebhookRow.destination == destination, ~before)
    return rows[0] if rows else None

"""What goes out to other systems about a ticket: an event, read from the journal at the moment it is sent.

Where it goes is a `Sink`; which events go there, in which order and how often it is tried, is the feed's business
(`store.webhook_outbox`, `workers.webhook_relay`).
"""

from typing import NamedTuple, Protocol

from sqlalchemy.orm import Session

from domain.ticket.aggregate import TICKET
from domain.ticket.events import Event
from domain.ticket.state import Ticket
from store.database import Database
from store.journal import load, timeline
from store.tables.integrations import WebhookRow
from store.webhook_outbox import Destination


class Hopeless(Exception):
    """No further try can help. One line, without content."""


class Sink(Protocol):
    """One destination."""

    destination: Destination

    def send(self, row: WebhookRow) -> None:
        """Send one event to the subscriber. Blocking. Raises Failure (`integrations.calls`), Hopeless, DatabaseDown.

        `row.attempts` above one says that an earlier try may have sent it already.
        """


class News(NamedTuple):
    """What there is to send."""

    event: Event
    then: Ticket
    """The ticket as the event left it."""
    now: Ticket


def read(db: Database, row: WebhookRow) -> News | None:
    """Return the event of a row, with its texts; None if a workflow reset has rewritten it since."""
    with db.session() as session:
        return _read(session, row)


def _read(session: Session, row: WebhookRow) -> News | None:
    now = load(session, row.ticket_id)
    ticket: Ticket | None = None
    for entry in timeline(session, row.ticket_id):
        ticket = TICKET.evolve(ticket, entry.event)
        if entry.event.seq == row.seq:
            if now is None or entry.epoch != row.epoch:
                return None
            return News(event=entry.event, then=ticket, now=now)
    return None

"""What comes after a ticket is closed: the same core, over the journal.

The workflow has completed by then. A waiver, a rating, late evidence or a fix that ships is decided here, under the
row's lock, so that there is one writer at a time. A customer's message is refused as `closed`: it opens a linked
ticket (C10), which is for the service to do.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from domain.aggregate.aggregate import Recording
from domain.core.actor import Actor
from domain.core.refusal import Refused
from domain.ticket.aggregate import TICKET
from domain.ticket.commands import Command, Retry
from domain.ticket.rules.churn import ChurnRule
from domain.ticket.state import Ticket
from store.database import Database
from store.journal import CLOSED, append, load
from store.journal.tickets import events_of_command


class NotClosed(Exception):
    """The ticket is not closed, as far as the journal knows: its workflow decides, or is about to write the end."""


def command_closed(
    database: Database, ticket_id: str, command: Command, now: datetime, *, churn: ChurnRule | None = None
) -> Recording[Ticket]:
    """Carry out a command on a closed ticket. A command id that was carried out before gets its first events again.

    Raises Refused (`not_found` for no such ticket), NotClosed, DatabaseDown.
    """
    with database.begin() as session:
        ticket = load(session, ticket_id, lock=True)
        if ticket is None:
            raise Refused("not_found", f"there is no ticket {ticket_id}")
        if not ticket.closed:
            raise NotClosed(f"ticket {ticket_id} is {ticket.status}")
        if answer := _answered_before(session, ticket, command, now):
            return answer
        if isinstance(command, Retry):
            raise Refused("closed", "the ticket is closed: nobody is left to try it again")
        recording = TICKET.decide(ticket, command, now)
        if recording.events:
            append(session, ticket_id, CLOSED, recording.events, churn=churn)
        return recording


def _answered_before(session: Session, ticket: Ticket, command: Command, now: datetime) -> Recording[Ticket] | None:
    events = events_of_command(session, ticket.id, command.id) if command.id is not None else []
    if not events:
        return None
    recording = Recording(TICKET, ticket, ticket.as_of, now, Actor(id=command.by, role=command.role))
    recording.events = events
    return recording

"""Whole lives of tickets, as the journal has them: their live events from the first on, ticket after ticket.

For whoever goes through many tickets from beginning to end. The events come without their texts, which stay where they
can be erased.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import Session

from domain.core.enums import Plan
from domain.core.values import Frozen
from domain.ticket.events import Event
from store.database import Database
from store.journal.tickets import TICKETS
from store.tables.journal import EventRow
from store.tables.tickets import TicketRow

PAGE = 50
"""Tickets whose events are in memory at once."""


class Chosen(Frozen):
    """Which tickets: opened within a time, of an account, on a plan. What is not said may be anything."""

    since: datetime | None = None
    until: datetime | None = None
    """They opened before this instant."""
    account: str | None = None
    plan: Plan | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what the rows of these tickets fulfil."""
        found: list[ColumnElement[bool]] = []
        if self.since is not None:
            found.append(TicketRow.opened_at >= self.since)
        if self.until is not None:
            found.append(TicketRow.opened_at < self.until)
        if self.account is not None:
            found.append(TicketRow.account == self.account)
        if self.plan is not None:
            found.append(TicketRow.plan == self.plan.value)
        return found


class Life(NamedTuple):
    """One ticket from its opening on."""

    ticket: str
    events: list[Event]


def count(db: Database, chosen: Chosen) -> int:
    """Return how many tickets there are."""
    with db.session() as session:
        return session.scalar(select(func.count()).select_from(TicketRow).where(*chosen.conditions())) or 0


def read(db: Database, chosen: Chosen, most: int | None = None) -> Iterator[Life]:
    """Yield the tickets in the order in which they opened, a page of them in memory at a time; `most` at the most."""
    place: tuple[datetime, str] | None = None
    left = most
    while left is None or left > 0:
        with db.session() as session:
            page = _page(session, chosen, place, PAGE if left is None else min(PAGE, left))
            lives = _lives(session, [ticket for _, ticket in page])
        yield from lives
        if len(page) < PAGE:
            return
        place = page[-1]
        left = None if left is None else left - len(page)


def of(db: Database, tickets: list[str]) -> list[Life]:
    """Return the lives of these few tickets; those that the journal does not have are left out."""
    with db.session() as session:
        return _lives(session, tickets)


def _page(
    session: Session, chosen: Chosen, place: tuple[datetime, str] | None, limit: int
) -> list[tuple[datetime, str]]:
    query = select(TicketRow.opened_at, TicketRow.id).where(*chosen.conditions())
    if place is not None:
        query = query.where(tuple_(TicketRow.opened_at, TicketRow.id) > tuple_(*place))
    rows = session.execute(query.order_by(TicketRow.opened_at, TicketRow.id).limit(limit))
    return [(row.opened_at, row.id) for row in rows]


def _lives(session: Session, tickets: list[str]) -> list[Life]:
    """Return the live events of these tickets, in the order of the tickets."""
    found: dict[str, list[Event]] = {ticket: [] for ticket in tickets}
    query = select(EventRow).where(EventRow.ticket_id.in_(tickets), ~EventRow.superseded)
    for row in session.scalars(query.order_by(EventRow.ticket_id, EventRow.seq)):
        found[row.ticket_id].append(TICKETS.event(session, row))
    return [Life(ticket, events) for ticket, events in found.items() if events]

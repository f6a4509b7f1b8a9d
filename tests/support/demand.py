"""Tickets that wait for an issue of engineering."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from store import journal
from store.database import Database
from store.tables.tickets import TicketRow
from tests.support.ticket_life import MONDAY, RUN, life, resolved


def waits(database: Database, number: str, account: str, key: str, *, ended: str = "", **more: Any) -> str:
    """A ticket of an account whose issue is open in engineering; `ended`: how it was resolved."""
    one = life(number, account=account, at=MONDAY + timedelta(minutes=int(number)))
    one = resolved(one) if ended else one
    issue = {"key": key, "kind": "request", "category": "indeterminate", "status": "Open", "url": "https://j/1"} | more
    with database.begin() as session:
        journal.append(session, one.ticket.id, RUN, one.events)
        row = session.get_one(TicketRow, one.ticket.id)
        state = row.state | {"jira": issue} | ({"resolution": ended} if ended else {})
        session.execute(update(TicketRow).where(TicketRow.id == row.id).values(jira_key=key, state=state))
    return one.ticket.id

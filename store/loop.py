"""Tickets that engineering is done with and whose customers are to hear of it, issue by issue (F10)."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from store import queries, queue_views
from store.queries import ACTIVE, Line
from store.tables.journal import EventRow
from store.tables.tickets import TicketRow

_WITH_ISSUE = and_(TicketRow.status.in_(ACTIVE), TicketRow.jira_key.is_not(None))
_TO_NOTIFY = and_(_WITH_ISSUE, queue_views.has_flag("close_the_loop"))
_DONE = and_(_WITH_ISSUE, queue_views.has_one_of("close_the_loop", "customer_told"))
_WRITTEN = ("responded", "wait_started")
"""Events that the customer sees."""


class OfIssue(NamedTuple):
    """An issue that engineering is done with."""

    key: str
    tickets: int


class Progress(NamedTuple):
    """Whether the customer of a ticket knows that engineering is done."""

    seq: int
    """The number of its newest event."""
    customer_knows: bool
    """Somebody has written to the customer since engineering was done."""


def issues(session: Session, limit: int) -> Sequence[OfIssue]:
    """Return the issues of whose end some customers do not know, those first for which most tickets wait."""
    query = select(TicketRow.jira_key, func.count()).where(_TO_NOTIFY).group_by(TicketRow.jira_key)
    rows = session.execute(query.order_by(func.count().desc(), TicketRow.jira_key).limit(limit))
    return [OfIssue(key or "", tickets) for key, tickets in rows]


def tickets(session: Session, key: str, limit: int) -> Sequence[Line]:
    """Return the tickets of an issue that engineering is done with, in the order of the queue (G10)."""
    return queries.queue(session, statuses=(), where=and_(_DONE, TicketRow.jira_key == key), limit=limit).lines


def progress_of(session: Session, ids: Collection[str]) -> Mapping[str, Progress]:
    """Return whether the customers of tickets know that engineering is done, by the tickets' ids."""

    def newest(*types: str) -> ColumnElement[int]:
        return func.coalesce(func.max(EventRow.seq).filter(EventRow.type.in_(types)), 0)

    written_since = newest(*_WRITTEN) > newest("answered")
    query = select(EventRow.ticket_id, func.max(EventRow.seq), written_since)
    live = (EventRow.ticket_id.in_(ids), EventRow.superseded.is_(False))
    rows = session.execute(query.where(*live).group_by(EventRow.ticket_id))
    return {ticket: Progress(seq, knows) for ticket, seq, knows in rows}

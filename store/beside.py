"""What stands beside a ticket: who else waits for its issue, and how many tickets its account has."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.queries import ACTIVE
from store.tables.tickets import AccountRow, TicketRow


class Waiting(NamedTuple):
    """Who waits for an issue, beside one ticket."""

    tickets: int
    accounts: int
    """One with several tickets counts once."""
    arr: Decimal
    """The yearly revenue of these accounts, as far as it is known."""
    unknown: int
    """How many of the accounts have no known revenue."""


class Other(NamedTuple):
    """Another ticket, in a line."""

    id: str
    account: str
    plan: str
    priority: str
    status: str


class End(NamedTuple):
    """How a ticket ended."""

    resolution: str
    """Empty: it has not ended yet."""
    article: str
    """The article of the knowledge base that its resolution names; empty for none."""


def ends(session: Session, ids: Collection[str]) -> Mapping[str, End]:
    """Return how tickets ended, by id."""
    said = [func.coalesce(TicketRow.state[name].astext, "") for name in ("resolution", "kb_article")]
    rows = session.execute(select(TicketRow.id, *said).where(TicketRow.id.in_(ids)))
    return {row[0]: End(*row[1:]) for row in rows}


def waiting_for(session: Session, key: str, *, besides: str) -> Waiting:
    """Return how many open tickets wait for an issue, one left out."""
    mine = (TicketRow.jira_key == key, TicketRow.status.in_(ACTIVE), TicketRow.id != besides)
    tickets = session.scalar(select(func.count()).where(*mine)) or 0
    accounts = select(TicketRow.account).where(*mine).distinct().subquery()
    known = select(func.count(), func.coalesce(func.sum(AccountRow.arr), 0), func.count(AccountRow.arr))
    count, arr, told = session.execute(
        known.select_from(accounts).outerjoin(AccountRow, AccountRow.id == accounts.c.account)
    ).one()
    return Waiting(tickets, count, arr or Decimal(0), count - told)


def others_of_issue(session: Session, key: str, *, besides: str, limit: int) -> Sequence[Other]:
    """Return open tickets that wait for an issue, the most urgent first, one left out."""
    columns = (TicketRow.id, TicketRow.account, TicketRow.plan, TicketRow.priority, TicketRow.status)
    query = select(*columns).where(TicketRow.jira_key == key, TicketRow.status.in_(ACTIVE), TicketRow.id != besides)
    rows = session.execute(query.order_by(TicketRow.priority, TicketRow.opened_at).limit(limit))
    return [Other(*row) for row in rows]


def active_of_account(session: Session, account: str, *, besides: str) -> int:
    """Return how many active tickets an account has, one left out."""
    mine = (TicketRow.account == account, TicketRow.status.in_(ACTIVE), TicketRow.id != besides)
    return session.scalar(select(func.count()).where(*mine)) or 0

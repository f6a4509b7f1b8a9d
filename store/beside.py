"""What stands beside a ticket: others of its account, who else waits for its issue, tickets with the same words.

Each page of a ticket asks for it, so the statements are made once.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from store.queries import ACTIVE, LINE, Line, with_words
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


class Alike(NamedTuple):
    """A ticket with the same words."""

    line: Line
    end: End


def of_account(session: Session, account: str, *, besides: str, limit: int) -> list[Line]:
    """Return active tickets of an account, the newest first, one left out."""
    rows = session.execute(_OF_ACCOUNT, {"account": account, "besides": besides, "most": limit})
    return [Line.model_validate(row._asdict()) for row in rows]


_NEWEST_FIRST = (TicketRow.opened_at.desc(), TicketRow.id)
_OF_ACCOUNT = (
    select(*LINE)
    .where(
        TicketRow.account == bindparam("account"), TicketRow.status.in_(ACTIVE), TicketRow.id != bindparam("besides")
    )
    .order_by(*_NEWEST_FIRST)
    .limit(bindparam("most"))
)


def with_same_words(session: Session, words: str, *, besides: str, limit: int) -> list[Alike]:
    """Return the newest tickets in one of whose texts all of the words stand, and how each ended, one left out."""
    rows = session.execute(_WITH_WORDS, {"words": words, "besides": besides, "most": limit}).mappings()
    return [Alike(Line.model_validate(dict(row)), End(row["resolution"], row["kb_article"])) for row in rows]


_WITH_WORDS = (
    select(*LINE, *(func.coalesce(TicketRow.state[one].astext, "").label(one) for one in ("resolution", "kb_article")))
    .where(TicketRow.id.in_(with_words(bindparam("words"))), TicketRow.id != bindparam("besides"))
    .order_by(*_NEWEST_FIRST)
    .limit(bindparam("most"))
)


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

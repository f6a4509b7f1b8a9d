"""What stands beside a ticket: others of its account, who else waits for its issue, tickets with the same words.

Each page of a ticket asks for it, so the statements are made once.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Select, Text, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from store.queries import ACTIVE, LINE, Line, with_words
from store.questions import Asked, Question
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
    rows = _OF_ACCOUNT.ask(session, account=account, besides=besides, most=limit)
    return [Line.model_validate(row._asdict()) for row in rows]


_NEWEST_FIRST = (TicketRow.opened_at.desc(), TicketRow.id)
_OF_ACCOUNT = Question(
    select(*LINE)
    .where(
        TicketRow.account == bindparam("account"), TicketRow.status.in_(ACTIVE), TicketRow.id != bindparam("besides")
    )
    .order_by(*_NEWEST_FIRST)
    .limit(bindparam("most"))
)


def with_same_words(session: Session, words: str, *, limit: int) -> list[tuple[str, End]]:
    """Return the newest tickets in one of whose texts all of the words stand, by their ids, and how each ended."""
    return [(id_, End(*end)) for id_, *end in _WITH_WORDS.ask(session, words=words, most=limit)]


_RESOLUTION, _ARTICLE = (func.coalesce(TicketRow.state[one].astext, "") for one in ("resolution", "kb_article"))
_FOUND = (
    select(TicketRow.id)
    .where(TicketRow.id.in_(with_words(bindparam("words"))))
    .order_by(*_NEWEST_FIRST)
    .limit(bindparam("most"))
    .subquery()
)
_WITH_WORDS = Question(
    select(TicketRow.id, _RESOLUTION, _ARTICLE).join(_FOUND, _FOUND.c.id == TicketRow.id).order_by(*_NEWEST_FIRST)
)
"""The newest are chosen before their states are read: hundreds may have the words."""


def alike(session: Session, ids: Sequence[str]) -> list[Alike]:
    """Return tickets by their ids, in the order of these, and how each ended. What is not there is left out."""
    rows = _BY_ID.ask(session, ids=list(ids)) if ids else ()
    found = {row.id: Alike(Line.model_validate(row._asdict()), End(row.resolution, row.article)) for row in rows}
    return [found[one] for one in ids if one in found]


_BY_ID = Question(
    select(*LINE, _RESOLUTION.label("resolution"), _ARTICLE.label("article")).where(
        TicketRow.id == any_(bindparam("ids", type_=ARRAY(Text)))
    )
)


def waiting_for(session: Session, key: str, *, besides: str) -> Waiting:
    """Return how many open tickets wait for an issue, one left out."""
    [(tickets, count, arr, told)] = _WAITING_FOR.ask(session, key=key, besides=besides)
    return Waiting(int(tickets), count, arr or Decimal(0), count - told)


_WAITING = (TicketRow.jira_key == bindparam("key"), TicketRow.status.in_(ACTIVE), TicketRow.id != bindparam("besides"))


def _waiting_for() -> Select[*tuple[Any, ...]]:
    accounts = select(TicketRow.account, func.count().label("tickets")).where(*_WAITING)
    each = accounts.group_by(TicketRow.account).subquery()
    tickets, arr = func.coalesce(func.sum(each.c.tickets), 0), func.coalesce(func.sum(AccountRow.arr), 0)
    known = select(tickets, func.count(), arr, func.count(AccountRow.arr))
    return known.select_from(each).outerjoin(AccountRow, AccountRow.id == each.c.account)


_WAITING_FOR = Question(_waiting_for())


def others_of_issue(session: Session, key: str, *, besides: str, limit: int) -> Sequence[Other]:
    """Return open tickets that wait for an issue, the most urgent first, one left out."""
    rows = _OTHERS_OF_ISSUE.ask(session, key=key, besides=besides, most=limit)
    return [Other(*row) for row in rows]


_OTHERS_OF_ISSUE = Question(
    select(*(getattr(TicketRow, name) for name in Other._fields))
    .where(*_WAITING)
    .order_by(TicketRow.priority, TicketRow.opened_at)
    .limit(bindparam("most"))
)


def active_of_account(session: Session, account: str, *, besides: str) -> int:
    """Return how many active tickets an account has, one left out."""
    [(count,)] = _ACTIVE_OF_ACCOUNT.ask(session, account=account, besides=besides)
    return int(count)


_ACTIVE_OF_ACCOUNT = Question(
    select(func.count()).where(
        TicketRow.account == bindparam("account"), TicketRow.status.in_(ACTIVE), TicketRow.id != bindparam("besides")
    )
)


def asked_beside(account: str, key: str | None, *, besides: str, ids: Sequence[str], limit: int) -> Asked:
    """Return what the functions of this module ask of a ticket, but for its words, to be asked together with other
    questions: of its account, its issue, and the tickets `ids` with the same words. `limit`: of each list."""
    asked: Asked = {
        _OF_ACCOUNT: {"account": account, "besides": besides, "most": limit + 1},
        _ACTIVE_OF_ACCOUNT: {"account": account, "besides": besides},
    }
    if ids:
        asked[_BY_ID] = {"ids": list(ids)}
    if key:
        asked[_WAITING_FOR] = {"key": key, "besides": besides}
        asked[_OTHERS_OF_ISSUE] = {"key": key, "besides": besides, "most": limit}
    return asked

"""Accounts: the customers, by id, as the CRM or an import last said. No name, no address."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Boolean, Row, bindparam, exists, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.core.enums import Plan, Status
from domain.ticket.state import Account
from store.questions import Asked, Question
from store.tables.integrations import InboxRow
from store.tables.tickets import AccountRow, TicketRow

AT_ONCE = 500
"""Rows of one statement."""


class Saved(NamedTuple):
    """What an import changed."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0


class Whereabouts(NamedTuple):
    """Accounts of one plan that say the same of where they are."""

    plan: Plan
    zone: str | None
    region: str | None
    accounts: int
    first: str
    """The id of one of them."""


def save_accounts(session: Session, accounts: Iterable[Account]) -> Saved:
    """Store what is said of accounts, each once: fields that are not set (`model_fields_set`) stay as they were. What
    is as it was is left alone, so a repeat changes nothing."""
    saved = Saved()
    for fields, some in _batches(accounts):
        statement = insert(AccountRow).values([_row(account) for account in some])
        new = statement.excluded
        differs = or_(*(getattr(AccountRow, name).is_distinct_from(new[name]) for name in fields))
        changes = {name: new[name] for name in fields} | {"updated_at": func.now()}
        statement = statement.on_conflict_do_update(index_elements=["id"], set_=changes, where=differs)
        inserted: Sequence[bool] = session.scalars(
            statement.returning(literal_column("(accounts.xmax = 0)", Boolean))
        ).all()
        fresh = sum(bool(one) for one in inserted)
        saved = Saved(
            saved.new + fresh, saved.changed + len(inserted) - fresh, saved.unchanged + len(some) - len(inserted)
        )
    return saved


def find_account(session: Session, account_id: str) -> Account | None:
    """Return the account, or None if it is not known."""
    rows = _BY_ID.ask(session, id=account_id)
    return _account(rows[0]) if rows else None


def asked_by_find_account(account_id: str) -> Asked:
    """Return what `find_account` asks, to be asked together with other questions."""
    return {_BY_ID: {"id": account_id}}


_BY_ID = Question(select(*AccountRow.__table__.columns).where(AccountRow.id == bindparam("id")))
"""Made once: every page of a ticket asks it."""


def find_accounts(session: Session, ids: Collection[str]) -> dict[str, Account]:
    """Return those of these accounts that are known, by id."""
    rows = session.scalars(select(AccountRow).where(AccountRow.id.in_(ids)))
    return {row.id: _account(row) for row in rows}


def accounts(session: Session, *, plan: Plan | None = None, after: str = "", limit: int = 50) -> list[Account]:
    """Return accounts in the order of their ids; `after` is the last one of the page before."""
    query = select(AccountRow).where(AccountRow.id > after)
    if plan:
        query = query.where(AccountRow.plan == plan.value)
    return [_account(row) for row in session.scalars(query.order_by(AccountRow.id).limit(limit))]


def whereabouts(session: Session) -> list[Whereabouts]:
    """Return what accounts say of where they are, and how many say the same; the most first."""
    count, first = func.count(), func.min(AccountRow.id)
    query = select(AccountRow.plan, AccountRow.zone, AccountRow.region, count, first)
    query = query.group_by(AccountRow.plan, AccountRow.zone, AccountRow.region).order_by(count.desc(), first)
    return [Whereabouts(Plan(row[0]), row[1], row[2], row[3], row[4]) for row in session.execute(query)]


def without_csm(session: Session, plans: Collection[Plan]) -> Sequence[tuple[str, int, str]]:
    """Return for each of these plans that has any: how many accounts name no CSM, and the id of the first."""
    query = select(AccountRow.plan, func.count(), func.min(AccountRow.id))
    query = query.where(AccountRow.csm.is_(None), AccountRow.plan.in_([plan.value for plan in plans]))
    return [
        (row[0], row[1], row[2]) for row in session.execute(query.group_by(AccountRow.plan).order_by(AccountRow.plan))
    ]


def unknown(session: Session, limit: int = 1000) -> dict[str, int]:
    """Return the unknown accounts of open tickets, and how many tickets each has; the most first."""
    count = func.count()
    query = select(TicketRow.account, count).where(*_WAITING).group_by(TicketRow.account)
    return {row[0]: row[1] for row in session.execute(query.order_by(count.desc(), TicketRow.account).limit(limit))}


def matched(session: Session, digest: str, limit: int = 1000) -> Sequence[str]:
    """Return the open tickets whose account was unknown, and is known now; the oldest first. Without those that
    were told of it, which is noted in the inbox under `told`, and have not been journalled since."""
    noted = exists().where(InboxRow.source == digest, InboxRow.delivery_id == TicketRow.id)
    query = select(TicketRow.id).join(AccountRow, AccountRow.id == TicketRow.account).where(*_WAITING, ~noted)
    return session.scalars(query.order_by(TicketRow.opened_at, TicketRow.id).limit(limit)).all()


_WAITING = (TicketRow.account_unknown, TicketRow.status != Status.CLOSED.value)


def _row(account: Account) -> dict[str, Any]:
    # Amounts as they are: a number of JSON would be rounded.
    return {**account.model_dump(mode="json"), "arr": account.arr, "fee": account.fee}


def _account(row: AccountRow | Row[Any]) -> Account:
    return Account.model_validate({name: getattr(row, name) for name in Account.model_fields})


def _batches(accounts: Iterable[Account]) -> Iterator[tuple[Sequence[str], Sequence[Account]]]:
    """Group accounts of which the same fields are said. They come in the order of their ids, so that two imports at
    once wait for each other, and do not lock each other out."""
    ordered = sorted(accounts, key=lambda account: account.id)
    for fields, alike in groupby(ordered, key=lambda account: account.model_fields_set - {"id"}):
        several = list(alike)
        for start in range(0, len(several), AT_ONCE):
            yield sorted(fields), several[start : start + AT_ONCE]

"""Accounts: the customers, by id, as the CRM or an import last said."""

from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.ticket import Account
from store.models import AccountRow


def save_account(session: Session, account: Account, *, fee: Decimal | None = None) -> None:
    """Store the account as it is now. `fee` is a month's; None is unknown."""
    row = {**account.model_dump(mode="json"), "arr": account.arr, "fee": fee, "updated_at": func.now()}
    changes = {name: value for name, value in row.items() if name != "id"}
    session.execute(insert(AccountRow).values(row).on_conflict_do_update(index_elements=["id"], set_=changes))


def find_account(session: Session, account_id: str) -> Account | None:
    """The account, or None if nobody has told of it."""
    row = session.scalars(select(AccountRow).where(AccountRow.id == account_id)).one_or_none()
    if row is None:
        return None
    return Account.model_validate({name: getattr(row, name) for name in Account.model_fields})

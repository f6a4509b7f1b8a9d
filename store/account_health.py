"""What a CRM says of the health of accounts and of how they use the product: the latest word for each."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.core.enums import Health
from store.database import PLAIN
from store.tables.tickets import AccountHealthRow, AccountRow


def find(session: Session, account: str) -> AccountHealthRow | None:
    """Return what was said last of an account; None if nothing was."""
    return session.get(AccountHealthRow, account)


def keep(
    session: Session, account: str, health: Health, usage: Mapping[str, Any], reason: str, by: str, at: datetime
) -> bool:
    """Store what was said at an instant, unless something later is known. Returns whether it is the latest word.

    The account itself has the same health then, for its tickets and its churn alerts (F1), where it is known.
    """
    row = {
        "account": account, "health": health.value, "usage": dict(usage), "reason": reason,
        "said_by": by, "said_at": at,
    }  # fmt: skip
    new = insert(AccountHealthRow).values(row)
    kept = new.on_conflict_do_update(
        index_elements=["account"],
        set_={name: new.excluded[name] for name in row if name != "account"},
        where=AccountHealthRow.said_at <= new.excluded.said_at,
    ).returning(AccountHealthRow.account)
    if session.scalars(kept, execution_options=PLAIN).one_or_none() is None:
        return False
    differs = (AccountRow.id == account, AccountRow.health != health.value)
    changed = update(AccountRow).where(*differs).values(health=health.value, updated_at=func.now())
    session.execute(changed, execution_options=PLAIN)
    return True


def erase(session: Session, account: str) -> int:
    """Delete what was said of an account. Returns how much that was."""
    gone = delete(AccountHealthRow).where(AccountHealthRow.account == account).returning(AccountHealthRow.account)
    return len(session.scalars(gone, execution_options=PLAIN).all())


def count(session: Session, account: str) -> int:
    """Return whether something was said of an account: 1, or 0."""
    return session.scalar(select(func.count()).where(AccountHealthRow.account == account)) or 0

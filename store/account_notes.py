"""Notes about accounts: written, changed, removed, and erased with their account."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from store.database import PLAIN
from store.tables.tickets import TicketRow
from store.tables.web import AccountNoteRow

MOST = 200
"""Notes about one account."""


def of_account(session: Session, account: str, limit: int) -> Sequence[AccountNoteRow]:
    """Return the notes about an account, the newest first."""
    newest = (AccountNoteRow.written_at.desc(), AccountNoteRow.id.desc())
    query = select(AccountNoteRow).where(AccountNoteRow.account == account).order_by(*newest)
    return session.scalars(query.limit(limit)).all()


def count(session: Session, account: str) -> int:
    """Return how many notes there are about an account."""
    return session.scalar(select(func.count()).where(AccountNoteRow.account == account)) or 0


def keep(session: Session, account: str, key: str, text: str, by: str, at: datetime) -> None:
    """Store a new note; one of the same key is there already, and stays as it is."""
    row = {"account": account, "key": key, "text": text, "written_by": by, "written_at": at}
    session.execute(insert(AccountNoteRow).values(row).on_conflict_do_nothing(index_elements=["key"]))


def find(session: Session, account: str, note: int) -> AccountNoteRow | None:
    """Return a note about an account, locked until the transaction ends; None if there is none (any more)."""
    query = select(AccountNoteRow).where(AccountNoteRow.id == note, AccountNoteRow.account == account)
    return session.scalars(query.with_for_update()).one_or_none()


def change(session: Session, note: AccountNoteRow, text: str, by: str, at: datetime) -> None:
    """Store other words of a note that `find` has locked."""
    changed = {"text": text, "changed_by": by, "changed_at": at, "revision": note.revision + 1}
    session.execute(update(AccountNoteRow).where(AccountNoteRow.id == note.id).values(changed), execution_options=PLAIN)


def remove(session: Session, note: AccountNoteRow) -> None:
    """Delete a note that `find` has locked."""
    session.execute(delete(AccountNoteRow).where(AccountNoteRow.id == note.id), execution_options=PLAIN)


def erase(session: Session, account: str) -> int:
    """Delete all notes about an account. Returns how many there were."""
    gone = delete(AccountNoteRow).where(AccountNoteRow.account == account).returning(AccountNoteRow.id)
    return len(session.scalars(gone, execution_options=PLAIN).all())


def accounts_with_notes(session: Session, tickets: Collection[str]) -> Sequence[str]:
    """Return the accounts of these tickets about which there are notes."""
    of_tickets = select(TicketRow.account).where(TicketRow.id.in_(tickets))
    query = select(AccountNoteRow.account).where(AccountNoteRow.account.in_(of_tickets)).distinct()
    return session.scalars(query.order_by(AccountNoteRow.account)).all()

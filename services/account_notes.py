"""Notes about accounts, which support and customer success share.

Agents, customer success managers and leads write them. The writer of a note, or a lead, changes or removes it. A note
is no event of a ticket: what is removed is gone. Erasing the account erases its notes.
"""

import logging
from datetime import datetime

from domain.aggregate.command import LEADS
from domain.core.enums import Role
from domain.core.refusal import Refused
from domain.core.text import clean, has_text
from services.reading.lists import account as find_account
from services.security.auth import Caller
from store import account_notes
from store.database import Database, lock
from store.tables.web import AccountNoteRow

log = logging.getLogger("tierline.accounts")

WRITERS = LEADS | {Role.AGENT, Role.CSM}
LONGEST = 2_000
"""Characters of one note."""


def may_change(caller: Caller, note: AccountNoteRow) -> bool:
    """Return whether somebody may change or remove a note: its writer, or a lead."""
    return caller.role in LEADS or (caller.role in WRITERS and caller.actor == note.written_by)


def add(db: Database, caller: Caller, account: str, key: str, text: str, now: datetime) -> None:
    """Write a note about an account. The same `key` again is the same note.

    Raises Refused (`not_allowed`, `not_found`, `missing_fields`, `too_large`), DatabaseDown.
    """
    _check_writer(caller)
    find_account(db, account)
    text = _checked(text)
    with db.begin() as session:
        lock(session, "account notes", account)
        if account_notes.count(session, account) >= account_notes.MOST:
            raise Refused("too_large", f"an account has {account_notes.MOST} notes at most: remove what is out of date")
        account_notes.keep(session, account, key, text, caller.actor, now)


def change(db: Database, caller: Caller, account: str, note: int, revision: int, text: str, now: datetime) -> None:
    """Change the words of a note, of which the caller has seen this revision.

    Raises Refused (`not_allowed`, `not_found`, `missing_fields`, `too_large`, `moved_on`), DatabaseDown.
    """
    _check_writer(caller)
    text = _checked(text)
    with db.begin() as session:
        row = account_notes.find(session, account, note)
        _check_change(caller, row, revision)
        assert row is not None
        account_notes.change(session, row, text, caller.actor, now)


def remove(db: Database, caller: Caller, account: str, note: int, revision: int) -> None:
    """Remove a note, of which the caller has seen this revision. One that is gone already stays gone.

    Raises Refused (`not_allowed`, `moved_on`), DatabaseDown.
    """
    _check_writer(caller)
    with db.begin() as session:
        row = account_notes.find(session, account, note)
        if row is None:
            return
        _check_change(caller, row, revision)
        account_notes.remove(session, row)
    log.info("%s removed note %d, which %s had written", caller.actor, note, row.written_by)


def _check_writer(caller: Caller) -> None:
    if caller.role not in WRITERS:
        raise Refused("not_allowed", f"the role {caller.role} reads notes: {', '.join(sorted(WRITERS))} write them")


def _check_change(caller: Caller, row: AccountNoteRow | None, revision: int) -> None:
    if row is None:
        raise Refused("not_found", "somebody has removed this note")
    if not may_change(caller, row):
        raise Refused("not_allowed", f"{row.written_by} wrote this note: they or a lead change it")
    if row.revision != revision:
        raise Refused("moved_on", f"{row.changed_by or row.written_by} has changed this note meanwhile: read it first")


def _checked(text: str) -> str:
    text = clean(text).strip()
    if not has_text(text):
        raise Refused("missing_fields", "write something", missing=["text"])
    if len(text) > LONGEST:
        raise Refused("too_large", f"a note has {LONGEST} characters at most, and this one {len(text)}")
    return text

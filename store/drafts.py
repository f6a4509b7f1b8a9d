"""Drafts: what a person has typed into a form of a ticket, and has not sent."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, exists, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from store.questions import Asked, Question
from store.tables.tickets import TicketRow
from store.tables.web import DraftRow


class Whose(NamedTuple):
    """Whose draft, and of which form."""

    ticket: str
    actor: str
    command: str


def keep(
    session: Session, whose: Whose, fields: Mapping[str, str], form: str, at: datetime, *, last: bool = False
) -> bool:
    """Keep a draft in the place of the one before. Returns False where there is no such ticket.

    `form` is the form's own id: what arrives after that form was sent, or after its `last` draft, is no draft any more.
    """
    if not session.scalar(select(exists().where(TicketRow.id == whose.ticket))):
        return False
    row = insert(DraftRow).values(_row(whose, fields, at) | ({"sent": form} if last else {}))
    newer = {"fields": row.excluded.fields, "saved_at": row.excluded.saved_at} | ({"sent": form} if last else {})
    session.execute(
        row.on_conflict_do_update(index_elements=_KEY, set_=newer, where=DraftRow.sent.is_distinct_from(form))
    )
    return True


def note_sent(session: Session, whose: Whose, form: str, at: datetime) -> None:
    """Empty the draft of a form that was sent, and remember which form that was."""
    row = insert(DraftRow).values(_row(whose, {}, at) | {"sent": form})
    values = {"fields": {}, "saved_at": at, "sent": form}
    session.execute(row.on_conflict_do_update(index_elements=_KEY, set_=values))


class Draft(NamedTuple):
    """What a person has typed into the form of a command."""

    command: str
    fields: dict[str, str]
    saved_at: datetime


def of_person(session: Session, ticket: str, actor: str) -> list[Draft]:
    """Return a person's drafts on a ticket."""
    return [Draft(*row) for row in _OF_PERSON.ask(session, ticket=ticket, actor=actor)]


def asked_by_of_person(ticket: str, actor: str) -> Asked:
    """Return what `of_person` asks, to be asked together with other questions."""
    return {_OF_PERSON: {"ticket": ticket, "actor": actor}}


_OF_PERSON = Question(
    select(*(getattr(DraftRow, name) for name in Draft._fields)).where(
        DraftRow.ticket_id == bindparam("ticket"), DraftRow.actor == bindparam("actor"), DraftRow.fields != text("'{}'")
    )
)
"""Made once: every page of a ticket asks it."""


_KEY = ["ticket_id", "actor", "command"]


def _row(whose: Whose, fields: Mapping[str, str], at: datetime) -> dict[str, object]:
    return dict(zip(_KEY, whose, strict=True)) | {"fields": dict(fields), "saved_at": at}

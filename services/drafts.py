"""Drafts: what a person has typed into a form of a ticket is kept until it is sent, for them alone."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from domain.core.refusal import Refused
from domain.core.size import json_bytes
from domain.core.text import clean, has_text
from store import drafts as rows
from store.database import Database
from store.drafts import Whose
from store.questions import Asked

COMMANDS = frozenset({"respond", "wait", "note", "resolve", "escalate"})
"""The commands whose forms are long enough that losing one hurts."""
MOST_BYTES = 64 * 1024
"""Of one draft."""


class Draft(NamedTuple):
    """What somebody has typed, and when it was kept."""

    fields: Mapping[str, str]
    saved_at: datetime


def keep_draft(db: Database, whose: Whose, fields: Mapping[str, str], form: str, *, last: bool = False) -> datetime:
    """Keep what was typed, in the place of what was kept before. `form` is the id of the form that it stands in.

    Returns when. `last`: a new form takes the place of this one, so a draft of this form that was on its way comes too
    late. What comes too late, or after the form was sent, is dropped. Raises Refused (`unknown_command`, `too_large`,
    `not_found`), DatabaseDown.
    """
    if whose.command not in COMMANDS:
        raise Refused("unknown_command", f"no draft is kept of {whose.command[:40]!r}")
    said = {name: clean(text) for name, text in fields.items() if has_text(text)}
    if json_bytes(said) > MOST_BYTES:
        raise Refused("too_large", f"a draft may have {MOST_BYTES // 1024} KiB")
    at = db.clock.now()
    with db.begin() as session:
        if not rows.keep(session, whose, said, form, at, last=last):
            raise Refused("not_found", f"there is no ticket {whose.ticket}")
    return at


def end_draft(db: Database, whose: Whose, form: str) -> None:
    """Drop a draft, since its form was sent or given up. Raises DatabaseDown."""
    if whose.command in COMMANDS:
        with db.begin() as session:
            rows.note_sent(session, whose, form, db.clock.now())


def asked_by_drafts_of(ticket: str, actor: str) -> Asked:
    """Return what `drafts_of` asks, to be asked together with other questions."""
    return rows.asked_by_of_person(ticket, actor)


def drafts_of(db: Database, ticket: str, actor: str) -> dict[str, Draft]:
    """Return a person's drafts on a ticket, by command. Raises DatabaseDown."""
    with db.session() as session:
        found = rows.of_person(session, ticket, actor)
    return {row.command: Draft(row.fields, row.saved_at) for row in found}

"""Refusals, on record: a command that the front door refuses leaves no event and no history."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from domain.refusal import Refused
from domain.ticket import Actor
from store.models import RefusalRow


def refuse(
    session: Session, refused: Refused, *, at: datetime, ticket_id: str | None, command: str, actor: Actor, channel: str
) -> None:
    """Record that `command` was refused. Names only: neither what it said nor the message, which may quote it.

    `channel` is the way in: cli, api, page, webhook, signal. `ticket_id` and `command` may be anything that somebody
    typed, so they are cut.
    """
    turn_away(
        session,
        at=at,
        ticket_id=ticket_id,
        command=command,
        actor_id=actor.id,
        role=actor.role.value,
        code=refused.code,
        missing=refused.missing,
        channel=channel,
    )


def turn_away(
    session: Session,
    *,
    at: datetime,
    ticket_id: str | None,
    command: str,
    actor_id: str,
    role: str,
    code: str,
    missing: Sequence[str],
    channel: str,
) -> None:
    """Record that a request was turned away, by somebody who may be nobody: `role` is empty where none is known."""
    row = {
        "at": at,
        "ticket_id": _cut(ticket_id) if ticket_id else None,
        "command": _cut(command),
        "actor_id": _cut(actor_id),
        "role": role,
        "code": code,
        "missing": [_cut(name) for name in missing[:50]],
        "channel": channel,
    }
    session.execute(insert(RefusalRow), [row])


def _cut(text: str) -> str:
    """Bounded, and without NUL, which PostgreSQL does not take."""
    return text.replace("\x00", "")[:100]

"""Refusals, on record: a command that a service refuses leaves no event and no history.

Each refusal of somebody we know is a row. Those who show no good token or signature are counted by the minute instead:
however often a stranger knocks, that is a few rows.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from domain.core.actor import Actor
from domain.core.ids import spoken
from domain.core.refusal import Refused
from store.tables.integrations import TokenRow, TurnedAwayRow
from store.tables.tickets import RefusalRow

_INCIDENT = re.compile(r"(?:incident-)?\d{1,9}")


def refuse(
    session: Session, refused: Refused, *, at: datetime, ticket_id: str | None, command: str, actor: Actor, channel: str
) -> None:
    """Record that `command` was refused. Names only: neither what it said nor the message, which may quote it.

    `channel` is the way in: cli, api, page, webhook, signal. `ticket_id` and `command` may be anything that somebody
    typed: what is no id is left out, and the other cut.
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
    """Record that a request of somebody we know was turned away."""
    row = {
        "at": at,
        "ticket_id": _id(ticket_id) if ticket_id else None,
        "command": _cut(command),
        "actor_id": _cut(actor_id),
        "role": role,
        "code": code,
        "missing": [_cut(name) for name in missing[:50]],
        "channel": channel,
    }
    session.execute(insert(RefusalRow), [row])


class Stranger(NamedTuple):
    """What is counted together of those who have shown no good token or signature."""

    minute: datetime
    channel: str
    source: str
    token: str
    """The id of the token that was shown, which may be one that nobody has."""
    code: str


def count_strangers(session: Session, times: Mapping[Stranger, int], now: datetime) -> None:
    """Add to how often strangers were turned away. The ids of tokens that we never gave out are left out."""
    tokens = {one.token for one in times if one.token}
    ours = set(session.scalars(select(TokenRow.id).where(TokenRow.id.in_(tokens)))) if tokens else set()
    counts: dict[Stranger, int] = {}
    for one, number in times.items():
        known = one if one.token in ours else one._replace(token="")
        counts[known] = counts.get(known, 0) + number
    for one in sorted(counts):  # in one order, so that no two processes wait for each other
        row = upsert(TurnedAwayRow).values(**one._asdict(), times=counts[one], last_at=now)
        more = {"times": TurnedAwayRow.times + row.excluded.times, "last_at": row.excluded.last_at}
        session.execute(row.on_conflict_do_update(index_elements=list(one._fields), set_=more))


def _id(typed: str) -> str | None:
    """Return the id of a ticket or an incident in its one form. What somebody typed in its place may be a name."""
    if _INCIDENT.fullmatch(typed):
        return typed
    try:
        return spoken(typed)
    except ValueError:
        return None


def _cut(text: str) -> str:
    """Return text that is bounded, and without NUL, which PostgreSQL does not take."""
    return text.replace("\x00", "")[:100]

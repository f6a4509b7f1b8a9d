"""Presence: who has which ticket open, and who writes. A small table that forgets by itself."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import DateTime, Text, bindparam, func, select
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Session

from store.questions import Question
from store.tables.web import PresenceRow

MOST = 5_000
"""People on tickets that are read at once, the latest first."""


class Present(NamedTuple):
    """A person on a ticket."""

    ticket: str
    actor: str
    seen_at: datetime
    wrote_at: datetime | None


def note(session: Session, ticket: str, actor: str, at: datetime, *, writes: bool) -> None:
    """Note that a person has a ticket open at `at`, and perhaps writes. The commit of a transaction that did nothing
    else waits for no disk: this is a hint, and every page that is opened waits for it."""
    session.execute(_WRITES if writes else _LOOKS, {"ticket": ticket, "actor": actor, "at": at})


_TABLE = PresenceRow.metadata.tables[PresenceRow.__tablename__]


def _noting(*instants: str) -> Insert:
    """Return the statement that notes one person on one ticket. Made once."""
    at = bindparam("at", type_=DateTime(timezone=True))
    names = ["ticket_id", "actor", *instants]
    values: list[Any] = [bindparam("ticket", type_=Text), bindparam("actor", type_=Text), *(at for _ in instants)]
    without_waiting = func.set_config("synchronous_commit", "off", True).table_valued("setting")
    row = insert(_TABLE).from_select(names, select(*values).select_from(without_waiting))
    noted = {name: row.excluded[name] for name in instants}
    return row.on_conflict_do_update(index_elements=["ticket_id", "actor"], set_=noted)


_LOOKS, _WRITES = _noting("seen_at"), _noting("seen_at", "wrote_at")


def since(session: Session, at: datetime) -> Sequence[Present]:
    """Return who was on a ticket since then."""
    return [Present(*row) for row in _SINCE.ask(session, at=at)]


_SINCE = Question(
    select(PresenceRow.ticket_id, PresenceRow.actor, PresenceRow.seen_at, PresenceRow.wrote_at)
    .where(PresenceRow.seen_at > bindparam("at"))
    .order_by(PresenceRow.seen_at.desc())
    .limit(MOST)
)
"""Made once: pages of tickets ask it every two seconds."""

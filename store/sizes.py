"""How much each table takes, and how fast it grows: rows and bytes, and what came in the last days."""

from datetime import datetime, timedelta
from typing import Any, get_args

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from domain.core.values import Frozen
from domain.ticket.events import Body
from store.erasure import take_your_time
from store.tables.incidents import IncidentRow
from store.tables.integrations import InboxRow, OutboxRow, TurnedAwayRow, WebhookRow
from store.tables.journal import ErasureRow, EventRow
from store.tables.knowledge import HelpSessionRow
from store.tables.tickets import KbArticleRow, RefusalRow, TicketRow
from store.tables.web import DraftRow, PresenceRow, SessionRow

DAYS = 7
"""Over how many days growth is counted: a whole week, since Sundays are not Mondays."""
SMALL = 16_000_000
"""Bytes up to which the rows of a table are counted one by one; of a larger one, PostgreSQL's own estimate is taken."""

CAME: dict[str, InstrumentedAttribute[datetime]] = {
    "tickets": TicketRow.opened_at,
    "erasures": ErasureRow.at,
    "inbox": InboxRow.received,
    "outbox": OutboxRow.created_at,
    "feed": WebhookRow.created_at,
    "refusals": RefusalRow.at,
    "turned_away": TurnedAwayRow.minute,
    "kb_articles": KbArticleRow.created_at,
    "sessions": SessionRow.created_at,
    "drafts": DraftRow.saved_at,
    "presence": PresenceRow.seen_at,
    "help_sessions": HelpSessionRow.started_at,
}
"""Table -> when each of its rows came: by an index, or in a table that stays small."""
WITH = {
    "texts": "ticket_events",
    "kept_texts": "tickets",
    "jira_links": "tickets",
    "helpdesk_links": "tickets",
    "incident_tickets": "incidents",
    "incident_events": "incidents",
    "incident_texts": "incident_events",
    "help_searches": "help_sessions",
    "help_reads": "help_sessions",
}
"""Table -> the table with whose rows its own come, as many for each as there are now."""
EVENT_TYPES = tuple(kind.model_fields["type"].default for kind in get_args(get_args(Body)[0]))
PRUNED = (
    "inbox",
    "outbox",
    "feed",
    "refusals",
    "turned_away",
    "sessions",
    "sign_in_codes",
    "drafts",
    "presence",
    "help_sessions",
)
"""Tables whose rows go after some time (`store.pruning`): as many go as come, once that time has passed."""


class TableSize(Frozen):
    """One table."""

    table: str
    rows: int
    exact: bool
    """False: PostgreSQL's estimate."""
    bytes: int
    """With its indexes."""
    index_bytes: int
    rows_a_day: float | None
    """What came in the last days, for each of them; None where no instant says it."""
    pruned: bool
    """Rows go after their time: what comes does not stay."""

    @property
    def bytes_a_day(self) -> int | None:
        """Return what that takes, at the present size of a row with its share of the indexes."""
        if self.rows_a_day is None:
            return None
        return round(self.rows_a_day * self.bytes / self.rows) if self.rows else 0


class Sizes(Frozen):
    """The whole database, the largest table first."""

    database_bytes: int
    """With what PostgreSQL keeps for itself."""
    days: int
    tables: tuple[TableSize, ...]

    @property
    def bytes_a_day(self) -> int:
        """Return how much the database grows in a day: what comes and stays."""
        return sum(one.bytes_a_day or 0 for one in self.tables if not one.pruned)


def read_sizes(session: Session, now: datetime, *, days: int = DAYS, small: int = SMALL) -> Sizes:
    """Measure every table; the rows of those of at most `small` bytes are counted.

    It holds nobody up, and reads no large table: growth is counted by indexes, or in tables that are pruned. Raises
    DatabaseDown.
    """
    take_your_time(session)
    since = now - timedelta(days=days)
    measured = {row.name: row for row in session.execute(text(_MEASURE))}
    rows = {name: _rows(session, row, small) for name, row in measured.items()}
    came = {name: _count(session, column > since) / days for name, column in CAME.items()}
    came["ticket_events"] = _count(session, EventRow.type.in_(EVENT_TYPES), EventRow.at > since) / days
    came["incidents"] = _count(session, IncidentRow.updated_at > since, IncidentRow.opened_at > since) / days
    for name, other in WITH.items():
        came[name] = came[other] * rows[name] / rows[other] if rows[other] else 0.0
    tables = [
        TableSize(
            table=name,
            rows=rows[name],
            exact=row.bytes <= small,
            bytes=row.bytes,
            index_bytes=row.index_bytes,
            rows_a_day=came.get(name),
            pruned=name in PRUNED,
        )
        for name, row in measured.items()
    ]
    total = session.scalar(text("SELECT pg_database_size(current_database())")) or 0
    return Sizes(database_bytes=total, days=days, tables=tuple(sorted(tables, key=lambda one: (-one.bytes, one.table))))


_MEASURE = """
    SELECT c.relname AS name, pg_total_relation_size(c.oid) AS bytes, pg_indexes_size(c.oid) AS index_bytes,
           greatest(c.reltuples, coalesce(s.n_live_tup, 0), 0)::bigint AS estimate
    FROM pg_class c LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
    WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
"""


def _rows(session: Session, measured: Any, small: int) -> int:
    if measured.bytes > small:
        return int(measured.estimate)
    name = str(measured.name).replace('"', '""')
    return session.scalar(text(f'SELECT count(*) FROM "{name}"')) or 0  # a name of the catalogue's


def _count(session: Session, *which: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).where(*which)) or 0

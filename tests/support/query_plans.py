"""Tables with many rows, and how the database would answer the statements that the product sends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import event, text

from store import journal
from store.database import Database
from tests.support.ticket_life import life

MANY = 4000

_COPIES = """
    INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, one || jsonb_build_object({changed}))).*
    FROM (SELECT to_jsonb({table}) AS one FROM {table} {which} LIMIT 1) AS found, generate_series(1, :many) AS n
"""
_OF_TICKETS = (
    "'id', 'c' || n, 'external_id', 'e' || n, 'jira_key', 'K-' || n, 'account', 'a' || n % 400, 'assignee', "
    "'p' || n % 400, 'status', CASE n % 50 WHEN 0 THEN 'open' ELSE 'closed' END, 'opened_at', "
    "(one ->> 'opened_at')::timestamptz - n * interval '1 minute'"
)


def fill(database: Database) -> None:
    """Make four thousand tickets, one of fifty open, with a text and a customer each."""
    one = life("mail-1", subject="Export fails")
    with database.begin() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))  # however busy the machine is
        journal.append(session, one.ticket.id, "run-1", one.events)
        for table, changed, which in (
            ("tickets", _OF_TICKETS, ""),
            ("ticket_events", "'ticket_id', 'c' || n, 'actor_id', 'u' || n, 'actor_role', 'customer'", "WHERE seq = 1"),
            ("texts", "'ticket_id', 'c' || n, 'text', 'word' || n", "WHERE name = 'subject'"),
        ):
            statement = _COPIES.format(table=table, changed=changed, which=which)
            session.execute(text(statement), {"many": MANY})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE tickets, texts, ticket_events"))


class Asked(NamedTuple):
    """A statement that was sent, and its plan."""

    statement: str
    plan: str


def plans(database: Database, ask: Callable[[], object]) -> list[Asked]:
    """Return the plans of the queries that `ask` sends about tickets or their events."""
    with _sent(database) as sent:
        ask()
    asking = [one for one in sent if "FROM tickets" in one[0] or "ticket_events" in one[0] or "JOIN tickets" in one[0]]
    assert asking
    with database.engine.connect() as connection:
        explained = []
        for statement, parameters in asking:
            rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
            explained.append(Asked(statement, "\n".join(row[0] for row in rows)))
    return explained


@contextmanager
def _sent(database: Database) -> Iterator[list[tuple[str, Any]]]:
    sent: list[tuple[str, Any]] = []

    def note(_c: Any, _u: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(database.engine, "before_cursor_execute", note)

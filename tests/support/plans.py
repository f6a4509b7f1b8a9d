"""How PostgreSQL answers what the product asks: the statements of a call, and the plan of each."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, text

from store import journal
from store.database import Database
from store.journal import INCIDENTS
from tests.support.incident_case import declared
from tests.support.ticket_life import life

MANY = 4000
LARGE = ("tickets", "ticket_events", "texts", "incidents", "incident_events")
"""Tables that grow without end: nobody reads one of them from its beginning to its end."""

_COPIES = """
    INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, one || jsonb_build_object({changed}))).*
    FROM (SELECT to_jsonb({table}) AS one FROM {table} {which} LIMIT 1) AS found, generate_series(1, :many) AS n
"""
_OF_TICKETS = (
    "'id', 'c' || n, 'external_id', 'e' || n, 'jira_key', 'K-' || n, 'account', 'a' || n % 400, 'assignee', "
    "'p' || n % 400, 'status', 'closed', 'opened_at', (one ->> 'opened_at')::timestamptz - n * interval '1 minute', "
    "'updated_at', (one ->> 'updated_at')::timestamptz - n * interval '1 minute'"
)
_OF_INCIDENTS = (
    "'number', 1000 + n, 'fingerprint', 'f' || n, 'updated_at', now() - n * interval '1 minute', 'closed_at', "
    "CASE WHEN n % 400 = 0 THEN NULL ELSE now() END, 'status', "
    "CASE n % 400 WHEN 0 THEN 'declared' WHEN 1 THEN 'resolved' ELSE 'reviewed' END"
)


def fill_with_closed_tickets(database: Database) -> str:
    """Write down an open ticket, four thousand closed ones with a text and a customer each, and as many incidents, most
    of them over. Returns the id of the open one."""
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
        outage = declared("P1")
        columns = "(number, area, fingerprint, opened_at) OVERRIDING SYSTEM VALUE"
        opened = f"INSERT INTO incidents {columns} VALUES (:n, 'API', '', now())"
        session.execute(text(opened), {"n": outage.incident.number})
        INCIDENTS.append(session, outage.incident.number, "run-1", outage.events)
        copies = _COPIES.format(table="incidents", changed=_OF_INCIDENTS, which="").replace(
            "SELECT", "OVERRIDING SYSTEM VALUE SELECT", 1
        )
        session.execute(text(copies), {"many": MANY})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"ANALYZE {', '.join(LARGE)}"))
    return one.ticket.id


class Sent:
    """The statements that were sent, each with its parameters."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.statements: list[tuple[str, Any]] = []

    def plans(self, of: str = "") -> list[str]:
        """The plan of each statement that reads, and in which `of` stands."""
        asking = [one for one in self.statements if one[0].lstrip().startswith("SELECT") and of in one[0]]
        with self._database.engine.connect() as connection:
            return [
                "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters))
                for statement, parameters in asking
            ]

    def read_whole(self) -> list[str]:
        """The plans in which a large table is read from its beginning to its end."""
        return [plan for plan in self.plans() if any(f"Seq Scan on {table}" in plan for table in LARGE)]


@contextmanager
def sent_to(database: Database) -> Iterator[Sent]:
    """What is sent to the database while the block lasts, from whichever thread."""
    sent = Sent(database)

    def note(_c: Any, _u: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.statements.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(database.engine, "before_cursor_execute", note)

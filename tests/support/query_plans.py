"""How PostgreSQL answers what the product asks, with many tickets in the store: the statements of a call, and the plan
of each."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, text

from domain.core.enums import Plan
from domain.ticket.state import Account
from store import accounts, journal
from store.database import Database
from store.journal import INCIDENTS
from tests.support.incident_case import declared
from tests.support.ticket_life import life

TICKETS = 100_000
ACCOUNTS = 2_000
INCIDENTS_MADE = 4_000
LARGE = ("tickets", "ticket_events", "texts", "incidents", "incident_events")
"""Tables that grow without end: nobody reads one of them from its beginning to its end."""

_MINUTES = "now() - n * interval '10 minutes'"
_COPIES = {
    "tickets": (
        "",
        f"'id', 'c' || n, 'external_id', 'e' || n, 'jira_key', 'K-' || n, 'account', 'a' || n % {ACCOUNTS}, "
        "'assignee', 'p' || n % 400, 'status', CASE n % 50 WHEN 0 THEN 'open' ELSE 'closed' END, "
        f"'opened_at', {_MINUTES}, 'updated_at', {_MINUTES}, "
        "'state', (one).state || jsonb_build_object('jira', jsonb_build_object('key', 'K-' || n, 'kind', 'request')), "
        f"'closed_at', CASE n % 50 WHEN 0 THEN NULL ELSE {_MINUTES} END",
    ),
    "ticket_events": (
        "WHERE seq = 1",
        "'ticket_id', 'c' || n, 'actor_id', 'u' || n, 'actor_role', 'customer', "
        f"'at', {_MINUTES}, 'body', CASE n % 100 WHEN 0 THEN jsonb_build_object('template', 't' || n % 7) "
        "ELSE jsonb '{}' END",
    ),
    "texts": ("WHERE name = 'subject'", "'ticket_id', 'c' || n, 'text', 'word' || n"),
    "incidents": (
        "",
        "'number', 1000 + n, 'fingerprint', 'f' || n, 'updated_at', now() - n * interval '1 minute', 'closed_at', "
        "CASE WHEN n % 400 = 0 THEN NULL ELSE now() END, 'status', "
        "CASE n % 400 WHEN 0 THEN 'declared' WHEN 1 THEN 'resolved' ELSE 'reviewed' END",
    ),
}
"""Of which row the copies of a table are made, and what is different in copy number `n`."""


def fill(database: Database, tickets: int = TICKETS) -> str:
    """Write down an open ticket, and so many others with an event, a text and a customer each, one of fifty of them
    open; and incidents, most of them over. Returns the id of the first one."""
    first, outage = life("mail-1", subject="Export fails"), declared("P1")
    known = [Account(id=f"a{number}", plan=Plan.PREMIUM, csm=f"csm-{number % 20}") for number in range(ACCOUNTS)]
    with database.begin() as session:
        accounts.save_accounts(session, known)
        journal.append(session, first.ticket.id, "run-1", first.events)
        columns = "(number, area, fingerprint, opened_at) OVERRIDING SYSTEM VALUE"
        declaring = f"INSERT INTO incidents {columns} VALUES (:n, 'API', '', now())"
        session.execute(text(declaring), {"n": outage.incident.number})
        INCIDENTS.append(session, outage.incident.number, "run-1", outage.events)
    with without_indexes(database), database.begin() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))  # however busy the machine is
        session.execute(text("SET LOCAL session_replication_role = replica"))  # foreign keys hold by construction
        for table, (which, changed) in _COPIES.items():
            many = INCIDENTS_MADE if table == "incidents" else tickets
            one_row = f"(SELECT {table} AS one FROM {table} {which} LIMIT 1) AS found"
            copied = f"LATERAL jsonb_populate_record(one, jsonb_build_object({changed})) AS copy"
            copying = f"SELECT copy.* FROM {one_row}, generate_series(1, :many) AS n, {copied}"
            session.execute(text(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE {copying}"), {"many": many})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))
    return first.ticket.id


@contextmanager
def without_indexes(database: Database) -> Iterator[None]:
    """Take the indexes of the large tables of tickets away that guard nothing, and make them again at the end: so many
    rows are written much faster."""
    listed = text(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('tickets', 'ticket_events', 'texts') "
        "AND indexdef NOT LIKE 'CREATE UNIQUE%'"
    )
    with database.begin() as session:
        indexes = session.execute(listed).all()
        for one in indexes:
            session.execute(text(f"DROP INDEX {one.indexname}"))
    yield
    with database.begin() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        for one in indexes:
            session.execute(text(one.indexdef))


class Sent:
    """The statements that were sent, each with its parameters."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.statements: list[tuple[str, Any]] = []

    def plans(self, of: str = "") -> list[str]:
        """The plan of each statement that reads, and in which `of` stands; under the settings that were sent before."""
        found = []
        with self._database.engine.connect() as connection:
            for statement, parameters in self.statements:
                if statement.startswith("SELECT set_config"):
                    connection.exec_driver_sql(statement, parameters)
                elif statement.lstrip().startswith(("SELECT", "WITH")) and of in statement:
                    rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
                    found.append("\n".join(row[0] for row in rows))
        return found

    def read_whole(self) -> list[str]:
        """The plans in which a large table is read from its beginning to its end."""
        plans = self.plans()
        assert plans, "nothing was asked"
        return [plan for plan in plans if any(f"Seq Scan on {table}" in plan for table in LARGE)]


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

"""A4: tickets are found by their words, by what names them, by whose they are; an index bears each question."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.dialects import postgresql

from domain.core.enums import Plan, Role, Status
from domain.core.refusal import Refused
from domain.ticket import commands as c
from services.reading.lists import Listed, Search, search
from store import journal, queries
from store.database import Database
from tests.support.databases import fresh_database
from tests.support.ticket_life import closed, life


@pytest.fixture
def three(database: Database) -> dict[str, str]:
    """The ids of three tickets, in a database that is the test's alone."""
    return with_three(database)


@pytest.fixture(scope="module")
def shared(postgres_url: str) -> Iterator[Database]:
    """A database for the tests of this file that only read."""
    with fresh_database(postgres_url) as url:
        found = Database(url)
        yield found
        found.dispose()


@pytest.fixture(scope="module")
def known(shared: Database) -> dict[str, str]:
    """The ids of three tickets, in that database."""
    return with_three(shared)


def with_three(database: Database) -> dict[str, str]:
    """The ids of a ticket with an open question, of one that has ended, and of one of another account."""
    lives = {
        "export": life("mail-1", subject="Export fails"),
        "login": closed(life("mail-2", subject="Cannot log in")),
        "other": life("mail-3", subject="Exporting takes long", account="bolt"),
    }
    lives["export"].do("note", text="It says KeyError: 'currency', since Monday.")
    lives["export"].tell(c.Reply(by="u-17", role=Role.CUSTOMER, text="Any news of the Zahlungsübersicht?"))
    with database.begin() as session:
        for one in lives.values():
            journal.append(session, one.ticket.id, "run-1", one.events)
    return {name: one.ticket.id for name, one in lives.items()}


def found(database: Database, three: dict[str, str], **asked: object) -> set[str]:
    names = {id: name for name, id in three.items()}
    return {names[line.id] for line in search(database, Search.model_validate(asked)).tickets}


@pytest.mark.parametrize(
    ("asked", "which"),
    [
        ({}, {"export", "login", "other"}),
        ({"q": "export fails"}, {"export"}),
        ({"q": "exp"}, {"export", "other"}),
        ({"q": "CURRENCY keyerror"}, {"export"}),
        ({"q": "zahlungsübersicht"}, {"export"}),
        ({"q": "fails nothing"}, set()),
        ({"q": "mail-2"}, {"login"}),
        ({"q": "'); DROP TABLE texts; --"}, set()),
        ({"q": "!!! ()"}, set()),
        ({"account": "bolt"}, {"other"}),
        ({"q": "exp", "account": "bolt"}, {"other"}),
        ({"requester": "u-17"}, {"export"}),
        ({"requester": "ada"}, set()),
        ({"status": [Status.CLOSED]}, {"login"}),
        ({"status": [Status.NEW, Status.OPEN]}, {"export", "other"}),
        ({"plan": [Plan.FREE]}, set()),
        ({"assignee": "nobody-has-this-name"}, set()),
    ],
)
def test_a4_a_ticket_is_found_by(
    shared: Database, known: dict[str, str], asked: dict[str, object], which: set[str]
) -> None:
    assert found(shared, known, **asked) == which


def test_a4_an_id_finds_its_ticket_however_it_is_written(shared: Database, known: dict[str, str]) -> None:
    plain = known["login"]
    for written in (plain, plain.upper(), plain.replace("-", "")):
        assert found(shared, known, q=written) == {"login"}


def test_a4_a_list_says_what_each_ticket_is_about(database: Database, three: dict[str, str]) -> None:
    listed = search(database, Search(q="export"))
    assert {line.subject for line in listed.tickets} == {"Export fails", "Exporting takes long"}
    with database.begin() as session:
        session.execute(text("DELETE FROM texts"))  # as erasing a person does
    assert {line.subject for line in search(database, Search()).tickets} == {""}
    assert search(database, Search(q="export")).tickets == []


def test_a4_pages_follow_each_other(database: Database, three: dict[str, str]) -> None:
    first = search(database, Search(limit=2))
    second = search(database, Search(limit=2, after=first.next))
    assert {line.id for page in (first, second) for line in page.tickets} == set(three.values())
    assert isinstance(second, Listed)
    assert second.next is None
    with pytest.raises(Refused):
        search(database, Search(after="nonsense"))


def test_a4_the_question_that_is_asked_is_the_one_of_the_index(database: Database, three: dict[str, str]) -> None:
    """The statement that the product sends, explained: not one like it."""
    statement = queries._with_words("export")
    compiled = statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[no-untyped-call]
    with database.session() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(row[0] for row in session.execute(text(f"EXPLAIN {compiled}".replace(":*", r"\:*"))))
    assert "ix_texts_words" in plan


MANY = 5000
"""Tickets of fifty accounts and fifty agents, opened a minute apart."""


@pytest.fixture(scope="module")
def many(postgres_url: str) -> Iterator[Database]:
    """A database of so many tickets that a search without an index would read them all. The tests only read it."""
    with fresh_database(postgres_url) as url:
        found = Database(url)
        fill(found, with_three(found)["export"])
        yield found
        found.dispose()


def fill(database: Database, ticket: str) -> None:
    """Copy a ticket so many times, each time with other facts."""
    with database.begin() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))  # however busy the machine is
        session.execute(
            text("""
                INSERT INTO tickets
                SELECT (jsonb_populate_record(t, jsonb_build_object(
                    'id', 'many-' || n, 'external_id', 'many-' || n, 'account', 'account-' || n % 50,
                    'assignee', 'agent-' || n % 50, 'opened_at', t.opened_at + n * interval '1 minute',
                    'status', (ARRAY['new', 'open', 'pending', 'closed'])[1 + n % 4],
                    'priority', (ARRAY['P1', 'P2', 'P3'])[1 + n % 3], 'team', (ARRAY['core', 'mobile'])[1 + n % 2],
                    'plan', (ARRAY['standard', 'premium'])[1 + n % 2]
                ))).* FROM tickets AS t, generate_series(1, :many) AS n WHERE t.id = :id
            """),
            {"id": ticket, "many": MANY},
        )
        session.execute(
            text("""
                INSERT INTO ticket_events
                SELECT (jsonb_populate_record(e, jsonb_build_object(
                    'ticket_id', 'many-' || n, 'actor_id', 'person-' || n % 500, 'actor_role', 'customer'
                ))).* FROM ticket_events AS e, generate_series(1, :many) AS n
                WHERE e.ticket_id = :id AND e.seq = 1
            """),
            {"id": ticket, "many": MANY},
        )
        session.execute(text("ANALYZE tickets"))
        session.execute(text("ANALYZE ticket_events"))


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ({"account": "account-7"}, "ix_tickets_account"),
        ({"assignee": "agent-7"}, "ix_tickets_assignee"),
        ({"requester": "person-7"}, "ix_ticket_events_customer"),
        ({"status": [Status.NEW, Status.OPEN]}, "ix_tickets_opened"),
        ({"priority": "P2"}, "ix_tickets_opened"),
        ({"plan": [Plan.PREMIUM]}, "ix_tickets_opened"),
        ({"team": "core"}, "ix_tickets_opened"),
        ({}, "ix_tickets_opened"),
    ],
    ids=str,
)
def test_a4_no_search_reads_all_tickets(many: Database, asked: dict[str, object], index: str) -> None:
    """What few tickets have is found by its index; what many have, from the newest on, until a page is full."""
    sent: list[tuple[str, Any]] = []
    with many.session() as session:
        engine = session.get_bind()

    def keep(_connection: object, _cursor: object, statement: str, said: Any, *_: object) -> None:
        if "FROM tickets" in statement:
            sent.append((statement, said))

    event.listen(engine, "before_cursor_execute", keep)
    try:
        assert search(many, Search.model_validate(asked)).tickets
    finally:
        event.remove(engine, "before_cursor_execute", keep)
    [(statement, said)] = sent
    with many.session() as session:
        rows = session.connection().exec_driver_sql(f"EXPLAIN {statement}", said)
        plan = "\n".join(row[0] for row in rows)
    assert index in plan
    assert "Seq Scan on tickets" not in plan

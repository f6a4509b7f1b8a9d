"""A4: tickets are found by their words, by what names them, by whose they are; an index bears each question."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
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
    statement = queries.with_words("export")
    compiled = statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[no-untyped-call]
    with database.session() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(row[0] for row in session.execute(text(f"EXPLAIN {compiled}".replace(":*", r"\:*"))))
    assert "ix_texts_words" in plan

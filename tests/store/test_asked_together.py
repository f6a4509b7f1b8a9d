"""Questions that are written as SQL once, and asked together as one statement: they are answered as if asked alone."""

from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, event, select

from domain.core.enums import Plan
from domain.ticket.state import Account
from store import accounts, drafts, journal, queries
from store.database import Database
from store.drafts import Whose
from store.questions import Question, asked_together
from store.tables.tickets import AccountRow
from tests.support.ticket_life import MONDAY, life

ACME = Account(id="acme", plan=Plan.PREMIUM, arr=Decimal("48000.10"), csm="carol")
KNOWN = Question(select(AccountRow.id, AccountRow.arr, AccountRow.updated_at).where(AccountRow.id == bindparam("id")))


def kept(database: Database) -> str:
    """An account, a ticket of it, and a draft. Returns the ticket's id."""
    one = life("mail-1", subject="100 % of exports fail").do("take").do("respond", text="We look at it.")
    ticket = one.ticket.id
    with database.begin() as session:
        accounts.save_accounts(session, [ACME])
        journal.append(session, ticket, "run-1", one.events)
        drafts.keep(session, Whose(ticket, "ada", "note"), {"text": 'Said "no".'}, "form", MONDAY)
    return ticket


def statements_sent(database: Database) -> list[str]:
    """The statements from now on."""
    sent: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    return sent


def test_answers_are_equal_to_those_of_questions_asked_alone_instants_and_decimals_too(database: Database) -> None:
    ticket = kept(database)
    asked = journal.TICKETS.asked_by_load(ticket) | journal.TICKETS.asked_by_timeline(ticket)
    asked |= (
        drafts.asked_by_of_person(ticket, "ada") | queries.asked_by_refused_late(ticket, 5) | {KNOWN: {"id": "acme"}}
    )

    def answers(session: Any) -> list[Any]:
        rows = [[tuple(row) for row in one.ask(session, **given)] for one, given in asked.items()]
        texts = journal.texts(session, ticket)
        timeline = journal.timeline(session, ticket, known=texts, known_upto=10)
        return [rows, timeline, texts, drafts.of_person(session, ticket, "ada")]

    with database.questions() as session:
        alone = answers(session)
        sent = statements_sent(database)
        with asked_together(session, asked):
            assert len(sent) == 1
            together = answers(session)
            assert [row.arr for row in KNOWN.ask(session, id="acme")] == [Decimal("48000.10")]
        assert len(sent) == 1
    assert together == alone
    assert alone[2]["1.subject"] == "100 % of exports fail"
    assert [len(rows) for rows in alone[0]] == [1, 3, 4, 1, 0, 1]


def test_with_other_parameters_or_after_the_block_a_question_is_asked_anew(database: Database) -> None:
    kept(database)
    with database.questions() as session:
        sent = statements_sent(database)
        with asked_together(session, {KNOWN: {"id": "acme"}}):
            assert KNOWN.ask(session, id="globex") == []
            assert len(sent) == 2
        assert [row.id for row in KNOWN.ask(session, id="acme")] == ["acme"]
        assert len(sent) == 3


def test_constants_stand_in_the_statement_and_parameters_do_not(database: Database) -> None:
    kept(database)
    odd, premium = AccountRow.id != "50 %(id)s", AccountRow.plan.in_(["premium"])
    named = Question(select(AccountRow.id).where(odd, premium, AccountRow.id == bindparam("id")))
    with database.questions() as session:
        assert [row.id for row in named.ask(session, id="acme")] == ["acme"]
        assert named.ask(session, id="' OR true --") == []
        with asked_together(session, {named: {"id": "acme"}}):
            assert [row.id for row in named.ask(session, id="acme")] == ["acme"]

"""A4: what stands beside a ticket on its page is found by indexes: no page view reads all tickets or texts."""

from services.reading.beside import beside
from store.database import Database
from tests.support.query_plans import fill, plans
from tests.support.ticket_life import life


def test_a4_an_index_bears_each_question_about_what_stands_beside_a_ticket(database: Database) -> None:
    fill(database)
    ticket = life("mail-1", subject="Export fails").ticket.model_copy(update={"product_area": "reports"})
    asked = plans(database, lambda: beside(database, ticket, {"1.subject": "Export fails"}))
    for one in asked:
        assert "Seq Scan" not in one.plan, one.statement
    assert any("ix_texts_words" in one.plan for one in asked)

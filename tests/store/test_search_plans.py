"""A4: no question about tickets reads them all: the plan of each statement that the product sends says so."""

from typing import Any

import pytest

from domain.core.enums import Status
from services.reading.lists import Search, search
from store.database import Database
from tests.support.plans import sent_to

QUESTIONS: list[tuple[dict[str, Any], str]] = [
    ({}, "ix_tickets_opened"),
    ({"q": "word77"}, "ix_texts_words"),
    ({"q": "e77"}, "ix_tickets_external_id"),
    ({"q": "K-77"}, "ix_tickets_jira_key"),
    ({"account": "a7"}, "ix_tickets_account"),
    ({"assignee": "p7"}, "ix_tickets_assignee"),
    ({"requester": "u77"}, "ix_ticket_events_customer"),
    ({"status": [Status.OPEN]}, "ix_tickets_status"),
]


def test_a4_an_index_bears_each_question(many: Database, subtests: pytest.Subtests) -> None:
    for asked, index in QUESTIONS:
        with subtests.test(asked=asked):
            with sent_to(many) as sent:
                search(many, Search.model_validate(asked))
            (plan,) = sent.plans(of="FROM tickets")
            assert index in plan
            assert "Seq Scan" not in plan

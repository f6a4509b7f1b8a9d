"""A9: what a notice says to its receiver: its kind, what it is about, how urgent that is, and where to find it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.core.enums import Role
from domain.incident.commands import Acknowledge
from domain.ticket.derived import sla_deadline
from integrations.chat.client import WebhookSink
from integrations.standins.run import Control, chat_config, running
from store import erasure, journal
from store.database import Database
from tests.support.nouns import NOUNS
from tests.support.ticket_life import MONDAY, closed, life
from workers.bootstrap import notice_link
from workers.relay import Relay
from workers.settings import Settings

PAGES = Settings.model_validate(
    {
        "TIERLINE_TICKET_URL": "https://support.example.com/desk/tickets/{ticket}",
        "TIERLINE_INCIDENT_URL": "https://support.example.com/incidents/{incident}",
    }
)


@pytest.fixture
def chat() -> Iterator[Control]:
    with running() as standins:
        yield standins.chat


def sent(database: Database, chat: Control, settings: Settings = PAGES) -> list[dict[str, Any]]:
    """Send all that there is. Returns what the receiver got."""
    relay = Relay(database, WebhookSink(chat_config(chat.url)), link=notice_link(settings))
    while relay.send_one():
        pass
    return [one["data"] for one in chat.see("messages")["messages"]]


def breached(database: Database) -> Any:
    """A P1 that nobody answers, with somebody's address in its subject."""
    one = life(priority="P1", subject="Export of jane.doe@example.com fails").do("take", timedelta(minutes=1))
    one.wait_until(MONDAY + timedelta(hours=6))
    with database.begin() as session:
        journal.append(session, one.ticket.id, "run-1", one.events)
    return one.ticket


def test_a_notice_of_a_ticket_says_what_is_late_of_what_priority_and_where_it_is(
    database: Database, chat: Control
) -> None:
    ticket = breached(database)

    told = next(one for one in sent(database, chat) if (one["kind"], one["audience"]) == ("contract_breach", "lead"))

    assert (told["ticket"], told["incident"], told["priority"]) == (ticket.id, None, "P1")
    assert told["link"] == f"https://support.example.com/desk/tickets/{ticket.id}"
    with database.session() as session:
        then = None
        for entry in journal.timeline(session, ticket.id):
            then = journal.TICKETS.aggregate.evolve(then, entry.event)
            if told["id"].startswith(f"ticket-{ticket.id}:contract_breach:{entry.event.seq}:"):
                break
    assert then is not None
    due = sla_deadline(then)
    assert due is not None
    assert datetime.fromisoformat(told["deadline"]) == due


def test_a_subject_goes_out_without_personal_data(database: Database, chat: Control) -> None:
    breached(database)
    subjects = {one["subject"] for one in sent(database, chat)}
    (subject,) = subjects
    assert subject.startswith("Export of ")
    assert subject.endswith(" fails")
    assert "jane" not in subject
    assert "example.com" not in subject


def test_a_subject_that_was_erased_goes_out_no_more(database: Database, chat: Control) -> None:
    ticket = breached(database)
    with database.begin() as session:
        erasure.erase(session, ticket.id, at=datetime.now(UTC), actor="ada", reason="asked", scope="customer")
    assert {one["subject"] for one in sent(database, chat)} == {""}


def test_a_notice_of_an_incident_says_which_and_when_the_next_update_is_due(database: Database, chat: Control) -> None:
    one = NOUNS[1].open(database, "API").give(Acknowledge(by="ron", role=Role.ENGINEER))
    one.wait_until(MONDAY + timedelta(minutes=16)).record(database)

    told = next(data for data in sent(database, chat) if data["kind"] == "incident_update_due")

    assert (told["ticket"], told["incident"], told["priority"], told["subject"]) == (None, one.key, "P0", "")
    assert datetime.fromisoformat(told["deadline"]) == one.state.update_due
    assert told["link"] == f"https://support.example.com/incidents/{one.key}"


def test_without_an_address_there_is_no_link(database: Database, chat: Control) -> None:
    breached(database)
    assert {one["link"] for one in sent(database, chat, Settings.model_validate({}))} == {""}


def test_a_customer_gets_no_link_to_our_own_pages(database: Database, chat: Control) -> None:
    one = closed(life())
    with database.begin() as session:
        journal.append(session, one.ticket.id, "run-1", one.events)
    told = next(data for data in sent(database, chat) if data["kind"] == "survey")
    assert (told["audience"], told["link"]) == ("customer", "")

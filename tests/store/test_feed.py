"""The feed: who is told of what, in the order of each ticket, and nothing of a past that is no more."""

from collections.abc import Sequence

from sqlalchemy import select

from store import helpdesk_links, journal
from store import webhook_outbox as feed
from store.database import Database
from store.tables.integrations import WebhookRow
from store.webhook_outbox import Destination
from tests.support.durations import MINUTE
from tests.support.ticket_life import MONDAY, RUN, Life, life, opened


def register(database: Database, *destinations: Destination) -> None:
    with database.begin() as session:
        feed.register(session, destinations)


def record(database: Database, one: Life, run: str = RUN) -> None:
    with database.begin() as session:
        journal.append(session, one.ticket.id, run, one.events)


def claim(database: Database, name: str = "a", at=MONDAY) -> WebhookRow | None:
    with database.begin() as session:
        return feed.claim(session, name, at, MINUTE)


def sent(database: Database, row: WebhookRow) -> None:
    with database.begin() as session:
        feed.QUEUE.done(session, row.id, MONDAY)


def rows(database: Database) -> Sequence[WebhookRow]:
    with database.session() as session:
        return session.scalars(select(WebhookRow).order_by(WebhookRow.id)).all()


def test_a_destination_is_told_of_the_events_that_it_asks_for_from_its_registration_on(database: Database) -> None:
    record(database, life("before"))
    register(database, Destination(name="a"), Destination(name="b", events=("taken",)))
    one = life("1").do("take").do("note", text="x")
    record(database, one)
    assert [(row.destination, row.seq) for row in rows(database)] == [("a", 1), ("a", 2), ("a", 3), ("b", 2)]


def test_only_tickets_of_its_source_and_their_follow_ups_go_to_a_helpdesk(database: Database) -> None:
    register(database, Destination(name="zendesk", source="zendesk"), Destination(name="own", source="api"))
    one = life("1")  # its source is the API
    record(database, one)
    assert [row.destination for row in rows(database)] == ["own"]


def test_who_is_registered_no_more_is_told_nothing_new_and_keeps_what_waits(database: Database) -> None:
    register(database, Destination(name="a"))
    record(database, life("1"))
    register(database, Destination(name="b"))
    record(database, life("2"))
    assert [row.destination for row in rows(database)] == ["a", "b"]
    register(database, Destination(name="a"), Destination(name="b"))
    assert claim(database, "a") is not None


def test_of_each_ticket_only_the_first_is_taken_and_the_next_when_it_is_sent(database: Database) -> None:
    register(database, Destination(name="a"))
    one, two = life("1").do("take"), life("2")
    record(database, one)
    record(database, two)
    first, second = claim(database), claim(database)
    assert first is not None
    assert second is not None
    assert [(first.ticket_id, first.seq), (second.ticket_id, second.seq)] == [(one.ticket.id, 1), (two.ticket.id, 1)]
    assert claim(database) is None  # the other event of the first waits for it
    sent(database, first)
    third = claim(database)
    assert third is not None
    assert (third.ticket_id, third.seq) == (one.ticket.id, 2)


def test_one_whose_sender_died_is_taken_again_after_its_lease_and_a_late_word_is_not_heard(database: Database) -> None:
    register(database, Destination(name="a"))
    record(database, life("1"))
    first = claim(database)
    assert claim(database, at=MONDAY + MINUTE / 2) is None
    again = claim(database, at=MONDAY + MINUTE)
    assert first is not None
    assert again is not None
    assert again.attempts == 2
    with database.begin() as session:
        feed.QUEUE.fail(session, first, "late")
    assert rows(database)[0].state == "pending"
    sent(database, again)
    assert rows(database)[0].state == "sent"


def test_what_is_given_up_no_longer_holds_up_the_rest(database: Database) -> None:
    register(database, Destination(name="a"))
    record(database, life("1").do("take"))
    first = claim(database)
    assert first is not None
    with database.begin() as session:
        feed.QUEUE.fail(session, first, "refused")
    second = claim(database)
    assert second is not None
    assert second.seq == 2


def test_a_reset_takes_back_what_was_not_told(database: Database) -> None:
    register(database, Destination(name="a"))
    start = Life(opened("1"))
    old = start.fork().do("take").do("note", MINUTE, text="old")
    record(database, old)
    first = claim(database)
    assert first is not None
    sent(database, first)
    new = start.fork().do("take", MINUTE, by="bob")
    with database.begin() as session:
        journal.append(session, new.ticket.id, "run-2", new.events[1:])
    assert [(row.epoch, row.seq, row.state) for row in rows(database)] == [(1, 1, "sent"), (2, 2, "pending")]


def test_a_helpdesk_link_never_goes_back_and_keeps_its_fields(database: Database) -> None:
    with database.begin() as session:
        helpdesk_links.note_read(session, "zendesk", "7", "a", 100)
        link = helpdesk_links.find(session, "zendesk", "7")
        assert link is not None
        helpdesk_links.note_fields(session, link, {"status": "open"})
        helpdesk_links.note_read(session, "zendesk", "7", "b", 200)
        helpdesk_links.note_read(session, "zendesk", "7", "a", 150)
    with database.session() as session:
        link = helpdesk_links.find(session, "zendesk", "7")
        assert link == helpdesk_links.of_ticket(session, "zendesk", "b")
        assert link is not None
        assert (link.ticket_id, link.last_read, link.fields) == ("b", 200, {"status": "open"})
        assert helpdesk_links.of_ticket(session, "zendesk", "a") is None

"""The feeder, and signed webhooks out: in order, signed, the same to the byte on every try, and only what may leave."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from sqlalchemy import select

from activities.support.ops_alerts import OpsAlerts
from integrations.standins.chat import ChatStandIn
from integrations.standins.common import Exchange
from integrations.standins.run import CHAT_SECRET, Control, served
from services.webhooks.sink import Subscriber, WebhookOut
from store import journal
from store import webhook_outbox as feed
from store.database import Database
from store.tables.integrations import WebhookRow
from tests.support import counts
from tests.support.durations import MINUTE
from tests.support.ticket_life import RUN, Life, life
from workers.sending import GIVE_UP_AFTER
from workers.webhook_relay import BUG_TOLD, WebhookRelay


class Receiver(Control):
    """Whoever is told, and each request as it came in."""

    def __init__(self, url: str, requests: list[Exchange]) -> None:
        super().__init__(url)
        self.requests = requests

    def told(self) -> list[tuple[str, int]]:
        return [(one["type"], one["data"]["seq"]) for one in self.see("messages")["messages"]]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    came: list[Exchange] = []
    with served(ChatStandIn(CHAT_SECRET, observer=came.append).app) as url:
        yield Receiver(url, came)


def out(database: Database, receiver: Receiver, **given: Any) -> WebhookOut:
    subscriber = Subscriber(**{"name": "crm", "url": f"{receiver.url}/hook", "secret": CHAT_SECRET} | given)
    sink = WebhookOut(database, subscriber)
    with database.begin() as session:
        feed.register(session, [sink.destination])
    return sink


def record(database: Database, one: Life) -> Life:
    with database.begin() as session:
        journal.append(session, one.ticket.id, RUN, one.events)
    return one


def drain(feeder: WebhookRelay) -> None:
    while feeder.send_one():
        pass


def later(by: timedelta) -> Any:
    return lambda: datetime.now(UTC) + by


def test_events_arrive_signed_in_order_with_ids_and_states_and_no_words(database: Database, receiver: Receiver) -> None:
    sink = out(database, receiver)
    one = record(database, life("1").do("take").do("respond", MINUTE, text="Dear Jane"))
    drain(WebhookRelay(database, sink))
    assert receiver.told() == [
        ("ticket.opened", 1),
        ("ticket.taken", 2),
        ("ticket.responded", 3),
        ("ticket.clock_met", 4),
    ]
    assert receiver.see("messages")["refused"] == 0
    opened, taken = (json.loads(one.body)["data"] for one in receiver.requests[:2])
    assert (opened["status"], taken["status"], taken["assignee"]) == ("new", "open", "ada")
    assert opened["ticket"] == one.ticket.id
    assert opened["event"]["category"] == "bug"
    assert not {"terms", "texts"} & {*opened, *opened["event"]}
    assert "Jane" not in str([exchange.body for exchange in receiver.requests])


def test_words_leave_only_where_a_subscriber_asks_for_them(database: Database, receiver: Receiver) -> None:
    sink = out(database, receiver, texts=True, events=("responded",))
    record(database, life("1").do("respond", text="We look into it."))
    drain(WebhookRelay(database, sink))
    (exchange,) = receiver.requests
    assert json.loads(exchange.body)["data"]["texts"] == {"text": "We look into it."}


@pytest.mark.parametrize("fault", ["commit_then_drop", "server_error", "down", "rate_limited", "unauthorized"])
def test_a_try_that_failed_is_repeated_under_the_same_id_with_the_same_body_before_the_next(
    database: Database, receiver: Receiver, fault: str
) -> None:
    sink = out(database, receiver)
    one = record(database, life("1").do("take"))
    receiver.fault(fault, times=1)
    drain(WebhookRelay(database, sink))
    assert [exchange.status for exchange in receiver.requests] in ([0], [500], [429], [401])
    record(database, one.do("note", text="x"))
    drain(WebhookRelay(database, sink, now=later(MINUTE)))
    assert receiver.told() == [("ticket.opened", 1), ("ticket.taken", 2), ("ticket.noted", 3)]
    first, again = receiver.requests[:2]
    assert first.headers["webhook-id"] == again.headers["webhook-id"] == f"{one.ticket.id}.1.1"
    assert first.body == again.body


def test_one_ticket_that_waits_holds_up_no_other(database: Database, receiver: Receiver) -> None:
    sink = out(database, receiver)
    record(database, life("1").do("take"))
    receiver.fault("server_error", times=1)
    feeder = WebhookRelay(database, sink)
    feeder.send_one()
    record(database, life("2"))
    drain(feeder)
    assert receiver.told() == [("ticket.opened", 1)]


def test_what_cannot_be_told_for_three_days_is_given_up_and_ops_hear_of_it_once(
    database: Database, receiver: Receiver
) -> None:
    sink = out(database, receiver)
    record(database, life("1"))
    receiver.fault("server_error")
    feeder = WebhookRelay(database, sink, OpsAlerts(["ops"]), now=later(9 * GIVE_UP_AFTER))
    assert feeder.send_one()
    with database.begin() as session:
        (row,) = session.scalars(select(WebhookRow)).all()
        assert row.state == "pending"  # after a long outage: the first try is not the last
        row.attempts, row.not_before = 500, None
    drain(feeder)
    with database.session() as session:
        (row,) = session.scalars(select(WebhookRow)).all()
        assert (row.state, row.last_error) == ("failed", "The subscriber crm answered 500")
        assert counts.notices(session) == {"pending": 1}
    receiver.clear()
    record(database, life("1").do("take"))
    drain(WebhookRelay(database, sink))
    assert receiver.told() == [("ticket.taken", 2)]


class Broken:
    """A sink in which code of ours fails at one ticket."""

    def __init__(self, sink: WebhookOut, bad: str) -> None:
        self.destination = sink.destination
        self.sink, self.bad = sink, bad

    def send(self, row: WebhookRow) -> None:
        if row.ticket_id == self.bad:
            raise KeyError(row.ticket_id)
        self.sink.send(row)


def test_a_bug_of_ours_holds_up_one_ticket_and_ops_hear_of_it_once_while_it_is_tried_on(
    database: Database, receiver: Receiver
) -> None:
    sink = out(database, receiver)
    bad = record(database, life("1").do("take"))
    record(database, life("2"))
    broken = Broken(sink, bad.ticket.id)
    drain(WebhookRelay(database, broken, OpsAlerts(["ops"])))
    assert receiver.told() == [("ticket.opened", 1)]  # of the other one
    hours = (timedelta(hours=number) for number in range(1, 2 * BUG_TOLD))
    for passed in hours:
        drain(WebhookRelay(database, broken, OpsAlerts(["ops"]), now=later(passed)))
        with database.session() as session:
            first = session.scalars(
                select(WebhookRow).where(WebhookRow.ticket_id == bad.ticket.id, WebhookRow.seq == 1)
            ).one()
            assert counts.notices(session) == ({"pending": 1} if first.attempts >= BUG_TOLD else {})
    assert (first.state, first.attempts, first.last_error) == ("pending", 2 * BUG_TOLD, "KeyError")
    drain(WebhookRelay(database, sink, now=later(timedelta(days=2))))  # corrected code
    assert receiver.told()[1:] == [("ticket.opened", 1), ("ticket.taken", 2)]


def test_a_past_that_was_rewritten_before_it_was_told_is_not_told(database: Database, receiver: Receiver) -> None:
    sink = out(database, receiver)
    start = life("1")
    record(database, start.fork().do("take"))
    with database.begin() as session:
        row = feed.claim(session, sink.destination.name, datetime.now(UTC), MINUTE)
        assert row is not None
        feed.QUEUE.done(session, row.id, datetime.now(UTC))
        stale = feed.claim(session, sink.destination.name, datetime.now(UTC), MINUTE)
        assert stale is not None
    new = start.do("take", MINUTE, by="bob")
    with database.begin() as session:
        journal.append(session, new.ticket.id, "run-2", new.events[1:])
    sink.send(stale)  # taken just before the reset
    assert receiver.requests == []
    drain(WebhookRelay(database, sink))
    assert [json.loads(one.body)["data"]["assignee"] for one in receiver.requests] == ["bob"]


@pytest.mark.parametrize(
    "change", [{"name": "Not a name"}, {"url": "ftp://x"}, {"url": "http://example.com/hook"}, {"url": ""}]
)
def test_a_subscriber_is_checked_when_the_relay_starts(change: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Subscriber.model_validate({"name": "crm", "url": "https://x.example", "secret": CHAT_SECRET} | change)


def test_a_secret_that_is_none_is_found_when_the_relay_starts_and_is_not_repeated(database: Database) -> None:
    with pytest.raises(ValueError, match="whsec_") as caught:
        WebhookOut(database, Subscriber(name="crm", url="https://x.example", secret=SecretStr("hunter2")))
    assert "hunter2" not in str(caught.value)

"""The relay: every notice reaches the receiver, and counts there once, whatever dies on the way."""

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from activities.support.ops_alerts import OpsAlerts
from domain.aggregate.effect import Notice
from integrations.chat.client import WebhookSink
from integrations.standins.run import Control, chat_config, running
from store import outbox
from store.database import Database
from store.tables.integrations import OutboxRow
from tests.support import counts
from tests.support.killed_relay import send_and_die
from tests.support.waiting import PATIENCE, wait_until
from workers.relay import LEASE, Relay

NOW = datetime.now(UTC)


@pytest.fixture
def chat() -> Iterator[Control]:
    with running() as standins:
        yield standins.chat


def fill(database: Database, *names: str, **given: Any) -> None:
    for name in names:
        notice = Notice(
            key=f"ticket-a:{name}:1:lead", name=name, ticket="a", audience="lead", title=name, at=NOW,
            **{"recipient": None, **given},
        )  # fmt: skip
        with database.begin() as session:
            outbox.put(session, [(1, notice)], 1)


def relay(database: Database, chat: Control, **given: Any) -> Relay:
    return Relay(database, WebhookSink(chat_config(chat.url)), idle=0.02, **given)


def received(chat: Control) -> dict[str, int]:
    """The notices that arrived, and how often each was delivered."""
    return {notice["data"]["title"]: notice["deliveries"] for notice in chat.see("messages")["messages"]}


def states(database: Database) -> dict[str, int]:
    with database.session() as session:
        return counts.notices(session)


def test_what_is_in_the_outbox_arrives_once_and_the_relay_ends_when_told(database: Database, chat: Control) -> None:
    fill(database, "warning", "survey")
    stop = threading.Event()
    thread = threading.Thread(target=relay(database, chat).run, args=(stop,))
    thread.start()
    try:
        wait_until(lambda: states(database) == {"sent": 2})
        fill(database, "t1_limit")  # what comes while it waits
        wait_until(lambda: states(database) == {"sent": 3})
    finally:
        stop.set()
        thread.join(PATIENCE)

    assert not thread.is_alive()
    assert received(chat) == {"warning": 1, "survey": 1, "t1_limit": 1}


def test_a_message_holds_ids_only_and_names_its_audience(database: Database, chat: Control) -> None:
    fill(database, "contract_breach")
    fill(database, "survey", recipient="acme")

    one = relay(database, chat)
    assert one.send_one()
    assert one.send_one()
    assert not one.send_one()

    first, second = (notice["data"] for notice in chat.see("messages")["messages"])
    assert (first["audience"], first["recipient"], first["ticket"]) == ("lead", "lead", "a")
    assert second["recipient"] == "acme"
    assert first["text"] == "contract_breach (ticket a)"


def test_killed_between_sending_and_saying_so_the_receiver_counts_one(
    database: Database, database_url: str, chat: Control
) -> None:
    fill(database, "warning")
    send_and_die(database_url, chat, lambda: received(chat) == {"warning": 1})
    assert states(database) == {"sending": 1}

    successor = relay(database, chat, now=lambda: datetime.now(UTC) + LEASE + timedelta(seconds=1))
    assert successor.send_one()

    assert received(chat) == {"warning": 2}  # delivered twice under one id, which the receiver counts as one
    assert states(database) == {"sent": 1}


def test_an_unreachable_receiver_is_tried_again_at_growing_intervals(database: Database) -> None:
    fill(database, "warning")
    clock = [NOW]
    one = relay(database, Control("http://127.0.0.1:9"), now=lambda: clock[-1])
    for _ in range(4):
        assert one.send_one()
        assert not one.send_one()
        with database.session() as session:
            row = session.get_one(OutboxRow, 1)
        assert row.not_before is not None
        clock.append(row.not_before)

    assert [(then - before).total_seconds() for before, then in pairwise(clock)] == [1, 2, 4, 8]
    assert (row.state, row.attempts) == ("pending", 4)


def test_a_notice_that_cannot_be_sent_holds_up_nobody_and_is_given_up_in_the_end(
    database: Database, chat: Control
) -> None:
    fill(database, "poison")
    with database.begin() as session:
        session.execute(text("UPDATE outbox SET audience = repeat('x', 99)"))
    fill(database, "warning")
    one = relay(database, chat)

    assert one.send_one()
    assert one.send_one()
    assert received(chat) == {"warning": 1}
    assert states(database) == {"pending": 1, "sent": 1}

    def at(days: int) -> Relay:
        return relay(database, chat, ops=OpsAlerts(["ops"]), now=lambda: datetime.now(UTC) + timedelta(days=days))

    assert at(9).send_one()  # after a long outage: the second try is not the last
    assert states(database) == {"pending": 1, "sent": 1}
    with database.begin() as session:
        session.execute(text("UPDATE outbox SET attempts = 500 WHERE state = 'pending'"))
    assert at(20).send_one()
    assert states(database) == {"failed": 1, "pending": 1, "sent": 1}
    assert at(20).send_one()
    assert any("poison to xxx" in title for title in received(chat))  # ops hear of it, once


def test_a_bug_of_ours_ends_no_relay(database: Database, chat: Control, caplog: pytest.LogCaptureFixture) -> None:
    fill(database, "warning")
    asked: list[str] = []

    def hold(name: str, now: datetime) -> datetime | None:
        asked.append(name)
        if len(asked) == 1:
            raise RuntimeError("a bug")
        return None

    stop = threading.Event()
    one = relay(database, chat, hold=hold, lease=timedelta(0))
    thread = threading.Thread(target=one.run, args=(stop,))
    thread.start()
    try:
        wait_until(lambda: states(database) == {"sent": 1})
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == ["notices wait"]


def test_quiet_hours_hold_what_can_wait(database: Database, chat: Control) -> None:
    """F5."""
    morning = datetime.now(UTC) + timedelta(hours=8)
    fill(database, "survey", "warning")

    def hold(name: str, now: datetime) -> datetime | None:
        return morning if name == "survey" and now < morning else None

    night = relay(database, chat, hold=hold)
    assert night.send_one()
    assert night.send_one()
    assert not night.send_one()
    assert received(chat) == {"warning": 1}

    day = relay(database, chat, hold=hold, now=lambda: morning)
    assert day.send_one()
    assert received(chat) == {"warning": 1, "survey": 1}


def test_an_outage_of_the_database_is_waited_out(
    database: Database,
    database_url: str,
    postgres_url: str,
    chat: Control,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("workers.sending.DOWN", 0.02)
    caplog.set_level(logging.INFO, "tierline.relay")
    server = create_engine(postgres_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    name = make_url(database_url).database
    stop = threading.Event()
    thread = threading.Thread(target=relay(database, chat).run, args=(stop,))
    thread.start()
    try:
        with server.connect() as operator:
            operator.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
            operator.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"))
            wait_until(lambda: "notices wait" in caplog.text)
            operator.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
        fill(database, "warning")
        wait_until(lambda: states(database) == {"sent": 1})
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert received(chat) == {"warning": 1}
    assert caplog.text.count("notices wait") == caplog.text.count("serves again") == 1

"""F5: notices that can wait are gathered into one message for each recipient and channel, each once."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from domain.aggregate.effect import Notice
from domain.policy.digest import DigestRow
from domain.policy.policy import Policy
from integrations.chat.client import WebhookSink
from integrations.chat.port import Message
from integrations.chat.rooms import chat_text
from integrations.mail.client import email_of
from integrations.standins.run import Control, chat_config, running
from store import outbox
from store.database import Database
from store.tables.integrations import OutboxRow
from tests.support import counts
from tests.support.killed_relay import send_and_die
from tests.support.policy import POLICY
from tests.support.waiting import PATIENCE
from workers.quiet_hours import digests, quiet_hours
from workers.relay import LEASE, LINES, Relay

EVE = datetime(2026, 1, 5, 13, tzinfo=UTC)
DUE = datetime(2026, 1, 5, 15, tzinfo=UTC)
"""16:00 in Berlin."""
NEXT = datetime(2026, 1, 6, 7, tzinfo=UTC)
ROW = {
    "notices": ["week_report", "incident_review_due"],
    "audiences": ["lead", "commander"],
    "times": ["08:00", "16:00"],
    "zone": "Europe/Berlin",
}


@pytest.fixture
def chat() -> Iterator[Control]:
    with running() as standins:
        yield standins.chat


def gathering() -> Policy:
    return POLICY.model_copy(update={"digest": DigestRow.model_validate(ROW)})


def write(
    database: Database, *titles: str, name: str = "week_report", to: str = "lead", who: str | None = None
) -> None:
    for title in titles:
        notice = Notice(
            key=f"{title}:{to}:{who}", name=name, ticket=title, audience=to, recipient=who, title=title, at=EVE
        )
        with database.begin() as session:
            outbox.put(session, [(1, notice)], 1)


def relay(database: Database, chat: Control, now: datetime) -> Relay:
    policy, sink = gathering(), WebhookSink(chat_config(chat.url))
    return Relay(
        database, sink, hold=quiet_hours(policy), digest=digests(policy), channels=policy.channels_of,
        link=lambda ticket, _incident: f"https://desk.example/{ticket}", now=lambda: now,
    )  # fmt: skip


def send_all(database: Database, chat: Control, now: datetime) -> None:
    one = relay(database, chat, now)
    while one.send_one():
        pass


def received(chat: Control) -> dict[str, int]:
    """The messages that arrived, by whom they are for, and title, and how often each was delivered."""
    return {
        f"{one['data']['recipient']}: {one['data']['title']}": one["deliveries"]
        for one in chat.see("messages")["messages"]
    }


def texts(chat: Control) -> list[str]:
    return [one["data"]["text"] for one in chat.see("messages")["messages"]]


def states(database: Database) -> dict[str, int]:
    with database.session() as session:
        return counts.notices(session)


def test_f5_what_waits_for_one_digest_goes_as_one_message_with_a_line_for_each(
    database: Database, chat: Control
) -> None:
    write(database, "a", "b")
    send_all(database, chat, EVE)
    assert (received(chat), states(database)) == ({}, {"pending": 2})

    send_all(database, chat, DUE)
    send_all(database, chat, NEXT)

    assert received(chat) == {"lead: Digest of 2 notices": 1}
    assert texts(chat) == ["- a (ticket a) https://desk.example/a\n- b (ticket b) https://desk.example/b"]
    assert states(database) == {"sent": 3}  # the two, and the digest
    (message,) = chat.see("messages")["messages"]
    assert message["data"]["id"] == "digest:lead:chat:20260105T1500Z"


def test_f5_what_does_not_wait_is_sent_at_once_and_each_recipient_has_a_digest_of_their_own(
    database: Database, chat: Control
) -> None:
    write(database, "urgent", name="warning")
    write(database, "a")
    write(database, "b", name="incident_review_due", to="commander", who="ada")
    write(database, "c", name="incident_review_due", to="commander", who="bo")
    send_all(database, chat, EVE)
    assert received(chat) == {"lead: urgent": 1}

    send_all(database, chat, DUE)

    digest = "Digest of 1 notice"
    assert received(chat) == {
        "lead: urgent": 1, f"lead: {digest}": 1, f"ada: {digest}": 1, f"bo: {digest}": 1,
    }  # fmt: skip
    assert [text for text in texts(chat) if text.startswith("- c")] == ["- c (ticket c) https://desk.example/c"]


def test_f5_relays_at_once_write_one_digest_with_each_notice_once(database: Database, chat: Control) -> None:
    titles = [f"n{number:02}" for number in range(20)]
    write(database, *titles)
    send_all(database, chat, EVE)
    together = threading.Barrier(4)

    def run() -> None:
        together.wait(PATIENCE)
        send_all(database, chat, DUE)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    assert received(chat) == {"lead: Digest of 20 notices": 1}
    assert texts(chat)[0].split("\n") == [f"- {one} (ticket {one}) https://desk.example/{one}" for one in titles]
    assert states(database) == {"sent": 21}


def test_f5_a_relay_that_took_one_of_them_meanwhile_does_not_send_it_by_itself(
    database: Database, chat: Control
) -> None:
    write(database, "a", "b")
    send_all(database, chat, EVE)
    with database.begin() as session:
        (taken,) = outbox.QUEUE.claim(session, DUE, LEASE, 1)
    send_all(database, chat, DUE)  # another relay takes the second, and writes the digest
    with database.begin() as session:
        assert outbox.gather(session, taken, DUE)

    assert received(chat) == {"lead: Digest of 2 notices": 1}
    assert states(database) == {"sent": 3}


def test_f5_killed_between_sending_and_saying_so_the_digest_goes_again_under_its_id(
    database: Database, database_url: str, chat: Control
) -> None:
    write(database, "a", "b")
    send_all(database, chat, EVE)
    assert relay(database, chat, DUE).send_one()  # it writes the digest, and dies before it sends it
    assert states(database) == {"gathered": 2, "pending": 1}
    send_and_die(database_url, chat, lambda: received(chat) == {"lead: Digest of 2 notices": 1})
    assert states(database) == {"gathered": 2, "sending": 1}

    send_all(database, chat, datetime.now(UTC) + LEASE + timedelta(seconds=1))

    assert received(chat) == {"lead: Digest of 2 notices": 2}  # delivered twice under one id
    assert states(database) == {"sent": 3}


def test_f5_what_comes_too_late_for_a_digest_goes_with_the_next(database: Database, chat: Control) -> None:
    write(database, "a")
    send_all(database, chat, DUE - timedelta(seconds=1))
    send_all(database, chat, DUE)
    write(database, "b")
    send_all(database, chat, DUE - timedelta(seconds=1))  # a relay that took it before the digest, and was slow
    send_all(database, chat, DUE)
    assert received(chat) == {"lead: Digest of 1 notice": 1}
    with database.session() as session:
        late = session.get_one(OutboxRow, 3)
    assert (late.state, late.not_before) == ("pending", NEXT)

    send_all(database, chat, NEXT)
    assert [text[:3] for text in texts(chat)] == ["- a", "- b"]
    assert states(database) == {"sent": 4}


def test_f5_a_notice_that_is_called_off_before_the_digest_is_not_in_it(database: Database, chat: Control) -> None:
    write(database, "a", "b")
    send_all(database, chat, EVE)
    with database.begin() as session:
        outbox.orphan(session, 1, ticket="a")
    send_all(database, chat, DUE)
    assert texts(chat) == ["- b (ticket b) https://desk.example/b"]
    assert states(database) == {"cancelled": 1, "sent": 2}


def test_f5_a_digest_that_is_given_up_takes_its_notices_with_it(database: Database) -> None:
    nobody = Control("http://127.0.0.1:9")
    write(database, "a")
    send_all(database, nobody, EVE)
    assert relay(database, nobody, DUE).send_one()
    with database.begin() as session:
        session.get_one(OutboxRow, 2).attempts = 600
    assert relay(database, nobody, DUE).send_one()
    assert states(database) == {"failed": 2}


def test_f5_a_long_digest_says_how_many_more_there_are(database: Database, chat: Control) -> None:
    write(database, *(f"n{number}" for number in range(LINES + 2)))
    send_all(database, chat, EVE)
    send_all(database, chat, DUE)
    lines = texts(chat)[0].split("\n")
    assert (len(lines), lines[-1]) == (LINES + 1, "and 2 more")


def test_f5_chat_and_e_mail_show_the_lines_of_a_digest() -> None:
    told = Message(
        id="digest:lead:chat:x", kind="digest", audience="lead", recipient="lead", title="Digest of 1 notice",
        text="- <!channel> https://desk.example/a", at=DUE,
    )  # fmt: skip
    assert "\n- &lt;!channel&gt; https://desk.example/a\n" in chat_text(told)
    assert "- <!channel> https://desk.example/a\n" in email_of(told, "t@example.com", "l@example.com").get_content()

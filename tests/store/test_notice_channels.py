"""F5: a notice goes through each of its channels once, and one that is late in one is not doubled in another."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from domain.aggregate.effect import Notice
from domain.policy.policy import Channel, NoticeRow
from domain.policy.policy import Notice as Row
from integrations.calls import Unreachable
from integrations.chat.channels import Channels
from integrations.chat.port import Message
from integrations.chat.rooms import ChatSink, chat_text
from store import outbox
from store.database import Database
from tests.support.policy import POLICY
from workers.bootstrap import notice_channels
from workers.relay import Relay
from workers.settings import Settings, SettingsError

NOW = datetime.now(UTC)


class Kept:
    """A carrier that keeps what it got, or fails."""

    def __init__(self, *, down: bool = False, knows: tuple[str, ...] = ("lead", "assignee")) -> None:
        self.ids: list[str] = []
        self.down, self.knows = down, knows

    def reaches(self, audience: str) -> bool:
        return audience in self.knows

    def finds(self, message: Message) -> bool:
        return message.audience in self.knows

    def send(self, message: Message) -> None:
        if self.down:
            raise Unreachable("down")
        self.ids.append(message.id)


def policy_with(*channels: Channel) -> Any:
    row = NoticeRow(to={"lead": channels}, quiet_hours="send")
    return POLICY.model_copy(update={"notices": POLICY.notices | {Row.WARNING: row}})


def write(database: Database, audience: str = "lead") -> None:
    notice = Notice(
        key=f"ticket-a:warning:1:{audience}", name="warning", ticket="a", audience=audience, title="x", at=NOW,
        recipient=None,
    )  # fmt: skip
    with database.begin() as session:
        outbox.put(session, [(1, notice)], 1)


class Now:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


def relay(database: Database, channels: Channels, *named: Channel, now: Now | None = None) -> Relay:
    return Relay(database, channels, channels=policy_with(*named).channels_of, now=now or Now())


def send_all(one: Relay) -> None:
    while one.send_one():
        pass


def test_f5_a_notice_goes_once_through_each_channel_that_is_named(database: Database) -> None:
    chat, email, webhook = Kept(), Kept(), Kept()
    write(database)
    one = relay(database, Channels(chat=chat, email=email, webhook=webhook), "chat", "email", "webhook")
    send_all(one)
    send_all(one)
    key = "ticket-a:warning:1:lead"
    assert (chat.ids, email.ids, webhook.ids) == ([key], [f"{key}:email"], [f"{key}:webhook"])


def test_f5_what_is_late_in_one_channel_is_not_doubled_in_another(database: Database) -> None:
    chat, email, now = Kept(), Kept(down=True), Now()
    write(database)
    one = relay(database, Channels(chat=chat, email=email, webhook=None), "chat", "email", now=now)
    for _ in range(5):
        send_all(one)
        now.at += timedelta(minutes=20)
    assert (len(chat.ids), email.ids) == (1, [])
    email.down = False
    now.at += timedelta(minutes=20)
    send_all(one)
    assert (len(chat.ids), len(email.ids)) == (1, 1)


def test_f5_a_relay_that_died_after_it_took_a_notice_leaves_one_for_each_channel(database: Database) -> None:
    chat, email, now = Kept(), Kept(), Now()
    write(database)
    with database.begin() as session:
        (row,) = outbox.QUEUE.claim(session, now(), timedelta(seconds=30), 1)
        outbox.split_by_channel(session, row, ("chat", "email"))
    now.at += timedelta(seconds=31)
    send_all(relay(database, Channels(chat=chat, email=email, webhook=None), "chat", "email", now=now))
    assert (len(chat.ids), len(email.ids)) == (1, 1)


def test_f5_whoever_has_no_address_is_reached_by_the_webhook_which_says_the_channel(database: Database) -> None:
    chat, webhook = Kept(knows=()), Kept()
    write(database)
    send_all(relay(database, Channels(chat=chat, email=None, webhook=webhook), "chat"))
    assert (chat.ids, len(webhook.ids)) == ([], 1)


def test_f5_a_channel_that_is_named_and_not_set_up_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="email to customer") as refused:
        notice_channels(Settings.model_validate({}), POLICY)
    assert "NOTICE_ADDRESSES for email" in str(refused.value)
    rooms = {"NOTICE_CHAT_ROOMS": '{"*": "https://hooks.example.com/services/s3cret"}'}
    with pytest.raises(SettingsError) as refused:
        notice_channels(Settings.model_validate(rooms), POLICY)
    assert "chat to" not in str(refused.value)
    mail = {"SMTP_HOST": "mail.example.com", "SMTP_FROM": "tierline@example.com"}
    mail |= {"NOTICE_ADDRESSES": '{"*": "all@example.com", "customer": "crm@example.com"}'}
    assert notice_channels(Settings.model_validate(rooms | mail), POLICY).way("email", "customer") == "email"
    everything = {"NOTICE_URL": "https://example.com/hook", "NOTICE_SECRET": "whsec_" + "c3Rh" * 8}
    assert notice_channels(Settings.model_validate(everything), POLICY).way("chat", "lead") == "webhook"


def test_f5_a_room_that_is_no_address_is_told_without_it() -> None:
    with pytest.raises(SettingsError, match=r"^NOTICE_CHAT_ROOMS: lead: an https address") as refused:
        notice_channels(Settings.model_validate({"NOTICE_CHAT_ROOMS": '{"lead": "http://s3cret.example"}'}), POLICY)
    assert "s3cret" not in str(refused.value)


def test_f5_nothing_in_a_chat_message_is_markup_and_each_try_has_the_same_mark() -> None:
    told = Message(
        id="k", kind="warning", audience="lead", recipient="ada", title="<!channel> & <@U1>", text="x",
        subject="<https://evil.example|click>", priority="P1", at=NOW, link="https://support.example.com/t",
    )  # fmt: skip
    text = chat_text(told)
    assert "<" not in text
    assert text.startswith("P1 &lt;!channel&gt; &amp; &lt;@U1&gt;")
    assert "For ada." in text
    assert chat_text(told.model_copy(update={"at": NOW + timedelta(days=1)})) == text


def test_f5_a_customer_gets_no_room_of_ours() -> None:
    sink = ChatSink({"*": SecretStr("https://hooks.example.com/x")})
    assert not sink.reaches("customer")
    assert sink.reaches("lead")


def test_f5_a_channel_is_named_once() -> None:
    with pytest.raises(ValueError, match="each channel once"):
        NoticeRow.model_validate({"to": {"lead": ["chat", "chat"]}, "quiet_hours": "send"})
    assert NoticeRow.model_validate({"to": {"lead": "email"}, "quiet_hours": "send"}).to == {"lead": ("email",)}

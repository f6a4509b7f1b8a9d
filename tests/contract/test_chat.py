"""The notice port and its signature: the real client against the stand-in, over real sockets."""

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from integrations.calls import Failure, RateLimited, Unauthorized, Unknown
from integrations.chat.client import WebhookSink
from integrations.chat.port import Message, WebhookConfig
from integrations.standard_webhooks import BadSignature, headers_for, verify
from integrations.standins.run import CHAT_SECRET, Control, Running, chat_config

SECRET = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
OTHER_SECRET = SecretStr("whsec_" + "b3RoZXI" * 6 + "bw==")
NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
BODY = b'{"type":"tierline.notice"}'

_numbers = count(1)


@pytest.fixture
def server(standins: Running) -> Control:
    return standins.chat


@pytest.fixture
def sink(server: Control) -> WebhookSink:
    return WebhookSink(chat_config(server.url))


@pytest.fixture
def message() -> Message:
    return Message(
        id=f"ticket-T{next(_numbers)}:notice:3",
        kind="t1_limit",
        audience="lead",
        recipient="lead-emea",
        title="T1 limit reached",
        text="Ticket 7K2M has been in Tier 1 for 15 minutes.",
        ticket="7K2M",
        at=NOW,
    )


def received(server: Control, message: Message) -> list[dict[str, Any]]:
    return [notice for notice in server.see("messages")["messages"] if notice["id"] == message.id]


class TestSending:
    def test_a_notice_arrives_signed_and_whole(self, sink: WebhookSink, server: Control, message: Message) -> None:
        sink.send(message)

        (notice,) = received(server, message)
        assert notice["type"] == "tierline.notice"
        assert notice["at"] == "2026-11-21T03:00:00Z"
        assert notice["data"] == {
            "id": message.id,
            "kind": "t1_limit",
            "channel": "webhook",
            "audience": "lead",
            "recipient": "lead-emea",
            "title": "T1 limit reached",
            "text": "Ticket 7K2M has been in Tier 1 for 15 minutes.",
            "ticket": "7K2M",
            "incident": None,
            "priority": None,
            "deadline": None,
            "subject": "",
            "link": "",
        }

    @pytest.mark.parametrize("fault", ["commit_then_drop", "commit_then_504"])
    def test_a_repeat_after_an_unknown_outcome_is_one_notice(
        self, sink: WebhookSink, server: Control, message: Message, fault: str
    ) -> None:
        server.fault(fault, times=1)

        with pytest.raises(Unknown):
            sink.send(message)
        sink.send(message)

        assert [notice["deliveries"] for notice in received(server, message)] == [2]

    @pytest.mark.parametrize(
        ("fault", "failure"),
        [
            ({"kind": "rate_limited", "seconds": 1}, RateLimited),
            ({"kind": "server_error"}, Unknown),
            ({"kind": "down"}, Unknown),
            ({"kind": "unauthorized"}, Unauthorized),
        ],
    )
    def test_each_answer_has_one_meaning(
        self,
        sink: WebhookSink,
        server: Control,
        message: Message,
        fault: dict[str, Any],
        failure: type[Failure],
    ) -> None:
        server.fault(**fault)

        with pytest.raises(failure):
            sink.send(message)

        assert received(server, message) == []

    def test_a_receiver_with_another_secret_refuses(self, server: Control, message: Message) -> None:
        config = chat_config(server.url).model_copy(update={"secret": OTHER_SECRET})

        with pytest.raises(Unauthorized):
            WebhookSink(config).send(message)

        assert received(server, message) == []

    def test_an_old_recording_played_back_is_refused(self, server: Control, message: Message) -> None:
        old = WebhookSink(chat_config(server.url), now=lambda: datetime.now(UTC) - timedelta(minutes=6))

        with pytest.raises(Unauthorized):
            old.send(message)

        assert received(server, message) == []

    def test_a_malformed_secret_is_found_at_start_and_not_shown(self, server: Control) -> None:
        config = WebhookConfig(url=server.url, secret=SecretStr("whsec_hunter2"))

        with pytest.raises(ValueError, match="24 to 64 bytes") as found:
            WebhookSink(config)

        assert "hunter2" not in f"{found.value}{config!r}"

    def test_the_body_holds_no_secret(self, sink: WebhookSink, server: Control, message: Message) -> None:
        sink.send(message)

        assert CHAT_SECRET.get_secret_value() not in json.dumps(server.see("messages"))


class TestSignature:
    def test_it_equals_the_published_example_of_standard_webhooks(self) -> None:
        at = datetime.fromtimestamp(1614265330, UTC)

        headers = headers_for(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')

        assert headers["webhook-timestamp"] == "1614265330"
        assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

    def test_a_genuine_delivery_tells_its_id(self) -> None:
        assert verify([SECRET], headers_for(SECRET, "m1", NOW, BODY), BODY, NOW) == "m1"

    @pytest.mark.parametrize(
        "change",
        [
            {"webhook-id": "m2"},
            {"webhook-timestamp": str(int(NOW.timestamp()) + 1)},
            {"webhook-signature": ""},
            {"webhook-signature": "v1,"},
            {"webhook-signature": "v1,AAAA v2,BBBB \u00e9"},
            {"webhook-id": ""},
            {"webhook-timestamp": "soon"},
            {"webhook-timestamp": "\u00b2"},
            {"webhook-timestamp": "9" * 300},
        ],
    )
    def test_a_changed_header_is_refused(self, change: dict[str, str]) -> None:
        headers = headers_for(SECRET, "m1", NOW, BODY) | change

        with pytest.raises(BadSignature):
            verify([SECRET], headers, BODY, NOW)

    @given(body=st.binary(max_size=50))
    def test_any_other_body_is_refused(self, body: bytes) -> None:
        headers = headers_for(SECRET, "m1", NOW, BODY)

        if body == BODY:
            assert verify([SECRET], headers, body, NOW) == "m1"
        else:
            with pytest.raises(BadSignature):
                verify([SECRET], headers, body, NOW)

    @pytest.mark.parametrize("late", [timedelta(minutes=5), timedelta(minutes=-5)])
    def test_the_window_is_closed_one_second_after_five_minutes(self, late: timedelta) -> None:
        headers = headers_for(SECRET, "m1", NOW, BODY)
        second = timedelta(seconds=1) if late > timedelta() else timedelta(seconds=-1)

        assert verify([SECRET], headers, BODY, NOW + late) == "m1"
        with pytest.raises(BadSignature, match="replay window"):
            verify([SECRET], headers, BODY, NOW + late + second)

    def test_a_secret_can_be_replaced_without_a_gap(self) -> None:
        by_old, by_new = (headers_for(secret, "m1", NOW, BODY) for secret in (SECRET, OTHER_SECRET))
        by_both = by_old | {"webhook-signature": f"{by_old['webhook-signature']} {by_new['webhook-signature']}"}

        assert verify([OTHER_SECRET, SECRET], by_old, BODY, NOW) == "m1"
        assert verify([OTHER_SECRET], by_both, BODY, NOW) == "m1"
        with pytest.raises(BadSignature):
            verify([], by_both, BODY, NOW)


def test_an_unsigned_delivery_is_counted_as_refused(server: Control) -> None:
    before = server.see("messages")["refused"]

    answer = requests.post(f"{server.url}/hook", data=BODY, timeout=60)

    assert answer.status_code == 401
    assert server.see("messages")["refused"] == before + 1

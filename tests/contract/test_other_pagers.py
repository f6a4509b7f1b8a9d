"""Pagers of another make, by signed webhook, and the incident room: the real clients against the stand-in."""

import json
import traceback
from itertools import count
from typing import Any

import pytest
from pydantic import SecretStr

from domain.documents.document import Link
from integrations.calls import Failure, RateLimited, Rejected, Unauthorized, Unknown
from integrations.chat.port import WebhookConfig
from integrations.chat.room import IncomingWebhook, RoomConfig, RoomMessage
from integrations.pager.in_room import RoomPager
from integrations.pager.port import Page, PageRef
from integrations.pager.signed import WebhookPager
from integrations.standins.run import Control, Running, room_config, second_config

_numbers = count(1)

ANSWERS = [
    ({"kind": "rate_limited", "seconds": 30}, RateLimited),
    ({"kind": "server_error"}, Unknown),
    ({"kind": "down"}, Unknown),
    ({"kind": "unauthorized"}, Unauthorized),
]


@pytest.fixture
def server(standins: Running) -> Control:
    return standins.chat


@pytest.fixture
def key() -> str:
    return f"incident-1{next(_numbers)}"


def a_page(key: str, **changes: object) -> Page:
    values: dict[str, object] = {"dedup_key": key, "summary": "P0: API down for all", "severity": "critical"}
    return Page.model_validate(values | changes)


class TestSignedWebhook:
    @pytest.fixture
    def pager(self, server: Control) -> WebhookPager:
        return WebhookPager(second_config(server.url))

    def told(self, server: Control, key: str) -> list[dict[str, Any]]:
        return [event for event in server.see("messages")["pages"] if event["data"]["dedup_key"] == key]

    def test_a_page_arrives_with_everything_it_says_and_ends(
        self, pager: WebhookPager, server: Control, key: str
    ) -> None:
        page = a_page(key, level=2, source="API", details={"tickets": "7K2M"},
                      links=(Link(text="Incident 12", url="https://tickets.example.com/incidents/12"),))  # fmt: skip
        pager.page(page)
        pager.acknowledge(page)
        pager.resolve(page)

        events = self.told(server, key)
        assert [event["type"] for event in events] == ["page.trigger", "page.acknowledge", "page.resolve"]
        assert events[0]["data"] == page.model_dump(mode="json")
        assert events[1]["data"] == events[2]["data"] == {"dedup_key": key, "level": 2}

    @pytest.mark.parametrize("fault", ["commit_then_drop", "commit_then_504"])
    def test_after_an_unknown_outcome_the_same_page_wakes_nobody_twice(
        self, pager: WebhookPager, server: Control, key: str, fault: str
    ) -> None:
        server.fault(fault, times=1)
        with pytest.raises(Unknown):
            pager.page(a_page(key))
        pager.page(a_page(key))

        assert [event["deliveries"] for event in self.told(server, key)] == [2]

    @pytest.mark.parametrize(("fault", "failure"), ANSWERS)
    def test_each_answer_has_one_meaning(
        self, pager: WebhookPager, server: Control, key: str, fault: dict[str, Any], failure: type[Failure]
    ) -> None:
        server.fault(**fault)
        with pytest.raises(failure):
            pager.page(a_page(key))
        assert self.told(server, key) == []

    def test_a_malformed_secret_is_found_at_start_and_not_shown(self, server: Control) -> None:
        config = WebhookConfig(url=server.url, secret=SecretStr("whsec_hunter2"))
        with pytest.raises(ValueError, match="24 to 64 bytes") as found:
            WebhookPager(config)
        assert "hunter2" not in f"{found.value}{config!r}"


class TestRoom:
    @pytest.fixture
    def room(self, server: Control) -> IncomingWebhook:
        return IncomingWebhook(room_config(server.url))

    def lines(self, server: Control, mark: str) -> list[str]:
        return [line["text"] for line in server.see("messages")["room"] if f"[{mark}" in line["text"]]

    def test_a_message_begins_with_its_mark(self, room: IncomingWebhook, server: Control, key: str) -> None:
        room.post(RoomMessage(mark=f"{key} #3", text="Acknowledged by u17."))

        assert self.lines(server, key) == [f"[{key} #3] Acknowledged by u17."]

    def test_a_repeat_is_seen_by_its_mark(self, room: IncomingWebhook, server: Control, key: str) -> None:
        server.fault("commit_then_drop", times=1)
        message = RoomMessage(mark=f"{key} #1", text="Declared.")
        with pytest.raises(Unknown):
            room.post(message)
        room.post(message)

        assert self.lines(server, key) == [f"[{key} #1] Declared."] * 2

    def test_nobodys_word_is_markup_and_none_calls_a_whole_company(
        self, room: IncomingWebhook, server: Control, key: str
    ) -> None:
        room.post(RoomMessage(mark=f"{key} #1", text="<!channel> <https://evil.example|bank> & \x1b[31mmore\x00"))

        assert self.lines(server, key) == [
            f"[{key} #1] &lt;!channel&gt; &lt;https://evil.example|bank&gt; &amp; [31mmore"
        ]

    def test_a_long_text_is_cut_to_fit_and_says_so(self, room: IncomingWebhook, server: Control, key: str) -> None:
        message = RoomMessage(mark=f"{key} #1", text="x" * 10_000)
        room.post(message)

        assert len(message.text) == 4000
        assert self.lines(server, key)[0].endswith("x [cut here: the rest stands in Tierline]")

    @pytest.mark.parametrize(("fault", "failure"), ANSWERS)
    def test_each_answer_has_one_meaning(
        self, room: IncomingWebhook, server: Control, key: str, fault: dict[str, Any], failure: type[Failure]
    ) -> None:
        server.fault(**fault)
        with pytest.raises(failure):
            room.post(RoomMessage(mark=f"{key} #1", text="x"))
        assert self.lines(server, key) == []

    def test_the_address_is_a_secret_and_never_shown(self, server: Control) -> None:
        config = RoomConfig(url=SecretStr(f"{server.url}/rooms/s3cret"))
        with pytest.raises(Rejected) as refused:
            IncomingWebhook(config).post(RoomMessage(mark="incident-1", text="x"))
        assert "s3cret" not in "".join(traceback.format_exception(refused.value)) + repr(config)

    def test_a_secret_address_travels_over_https_only(self) -> None:
        config = RoomConfig(url=SecretStr("http://chat.example.com/s3cret"))
        with pytest.raises(ValueError, match="https") as found:
            IncomingWebhook(config)
        assert "s3cret" not in "".join(traceback.format_exception(found.value))


def test_as_the_second_channel_the_room_calls_everybody_and_says_what_a_page_says(server: Control, key: str) -> None:
    pager = RoomPager(IncomingWebhook(room_config(server.url)))
    page = a_page(key, details={"tickets": "7K2M"}, links=(Link(text="Incident", url="https://x.example.com/1"),))
    pager.page(page)
    pager.acknowledge(PageRef(dedup_key=key))
    pager.resolve(PageRef(dedup_key=key))

    (line,) = [line["text"] for line in server.see("messages")["room"] if key in line["text"]]
    assert line == (f"<!channel> [{key} page] P0: API down for all\ntickets: 7K2M\nIncident: https://x.example.com/1")
    json.dumps(line)

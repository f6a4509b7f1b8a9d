"""The activities that wake people, with the stand-ins: one alert for each step, two channels, never in a drill."""

from itertools import count
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.pager import INSTEAD, PagerActivities
from activities.room import RoomActivities
from activities.support.reported import Hurried, Read, nothing
from integrations.chat.room import IncomingWebhook
from integrations.pager.client import PagerDutyClient
from integrations.pager.signed import WebhookPager
from integrations.standins.run import Running, pager_config, room_config, second_config
from store import journal
from store.database import Database
from tests.support.ticket_life import life
from workflows import ports

_numbers = count(70_001)

# The ladder of the default policy: the on-call twice, then the next level, then the manager.
LADDER = ((1, 1), (1, 2), (2, 1), (3, 1))


class Paging:
    """The activities, and what the world outside got of one incident."""

    def __init__(self, standins: Running, *, second: bool = True, reported: Read = nothing) -> None:
        self.number = next(_numbers)
        self.key = f"incident-{self.number}"
        self._standins = standins
        channel = WebhookPager(second_config(standins.chat.url)) if second else None
        pager = PagerDutyClient(pager_config(standins.pager.url))
        self._pager = PagerActivities(pager, channel, lambda key: f"https://tickets.example.com/{key}", reported)
        self._room = RoomActivities(IncomingWebhook(room_config(standins.chat.url)))

    def page(self, level: int = 1, round_: int = 1, **changes: Any) -> None:
        self._run(self._pager.page, self.request(level, round_, **changes))

    def page_elsewhere(self, level: int = 1, round_: int = 1, **changes: Any) -> None:
        self._run(self._pager.page_elsewhere, self.request(level, round_, **changes))

    def acknowledge(self, **changes: Any) -> None:
        self._run(self._pager.acknowledge_pages, self._all(**changes))

    def end(self, **changes: Any) -> None:
        self._run(self._pager.end_pages, self._all(**changes))

    def say(self, text: str, seq: int = 1, **changes: Any) -> None:
        self._run(self._room.post_to_room, ports.RoomRequest(number=self.number, seq=seq, text=text, **changes))

    def request(self, level: int, round_: int, **changes: Any) -> ports.PageRequest:
        known = {"audience": "on-call", "summary": f"P0 in API: {self.key}", "severity": "critical", "tickets": ("t1",)}
        place = {"dedup_key": self.key, "level": level, "round": round_}
        return ports.PageRequest.model_validate(place | known | changes)

    def _all(self, **changes: Any) -> ports.EndPagesRequest:
        pages = tuple(ports.Page(dedup_key=self.key, level=level, round=round_) for level, round_ in LADDER)
        return ports.EndPagesRequest(pages=pages, **changes)

    def _run(self, act: Any, request: Any) -> None:
        ActivityEnvironment().run(act, request)

    def alerts(self) -> list[tuple[str, str, str, int]]:
        """Of each alert at the pager: key, service, status, and of how many events it is made."""
        return [
            (alert["dedup_key"].removeprefix(self.key), alert["service"], alert["status"], alert["triggers"])
            for alert in self._standins.pager.see("alerts")["alerts"]
            if self._is_mine(alert["dedup_key"])
        ]

    def events(self) -> list[dict[str, Any]]:
        return [event for event in self._standins.pager.see("alerts")["events"] if self._is_mine(event["dedup_key"])]

    def elsewhere(self) -> list[tuple[str, str]]:
        """What the second channel was told: type, and key."""
        pages = self._standins.chat.see("messages")["pages"]
        mine = [(page["type"], page["data"]["dedup_key"]) for page in pages]
        return [(kind, key.removeprefix(self.key)) for kind, key in mine if self._is_mine(key)]

    def room(self) -> list[str]:
        lines = [line["text"] for line in self._standins.chat.see("messages")["room"]]
        return [line for line in lines if self.key in line]

    def _is_mine(self, key: str) -> bool:
        return key.partition(":")[0] == self.key


@pytest.fixture
def paging(standins: Running) -> Paging:
    return Paging(standins)


def test_a_page_carries_our_incident_id_and_leads_to_the_incident(paging: Paging, standins: Running) -> None:
    paging.page(tickets=[f"t{number}" for number in range(60)])

    assert paging.alerts() == [("", "on-call", "triggered", 1)]
    (event,) = paging.events()
    assert event["links"] == [{"text": paging.key, "href": f"https://tickets.example.com/{paging.key}"}]
    assert event["payload"]["custom_details"]["tickets"].endswith("t49 and 10 more")


def test_each_step_is_an_alert_of_its_own_and_no_repeat_of_a_step_is(paging: Paging) -> None:
    for level, round_ in LADDER:
        paging.page(level, round_)
        paging.page(level, round_)  # an activity is carried out at least once

    assert paging.alerts() == [
        ("", "on-call", "triggered", 2),
        (":1:2", "on-call", "triggered", 2),
        (":2:1", "next level", "triggered", 2),
        (":3:1", "manager", "triggered", 2),
    ]


def test_acknowledged_no_step_rings_on_and_at_the_end_every_step_ends(paging: Paging) -> None:
    for level, round_ in LADDER:
        paging.page(level, round_)

    paging.acknowledge()
    assert {status for _, _, status, _ in paging.alerts()} == {"acknowledged"}
    paging.end()
    paging.end()
    assert {status for _, _, status, _ in paging.alerts()} == {"resolved"}


def test_the_second_channel_is_told_that_it_is_the_second(paging: Paging, standins: Running) -> None:
    paging.page_elsewhere()
    paging.page_elsewhere()

    assert paging.elsewhere() == [("page.trigger", "")]
    (page,) = [page for page in standins.chat.see("messages")["pages"] if page["data"]["dedup_key"] == paging.key]
    assert page["data"]["summary"] == f"{INSTEAD}P0 in API: {paging.key}"
    assert page["deliveries"] == 2
    assert paging.alerts() == []  # the pager is not asked again for this step


def test_when_the_second_channel_fails_too_the_pager_is_asked_again(paging: Paging, standins: Running) -> None:
    standins.chat.fault("server_error", path="/page")
    standins.pager.fault("server_error", times=1)
    with pytest.raises(ApplicationError, match="The pager answered 500"):
        paging.page_elsewhere()

    paging.page_elsewhere()

    assert paging.alerts() == [("", "on-call", "triggered", 1)]
    assert paging.elsewhere() == []


def test_without_a_second_channel_the_pager_is_asked_again(standins: Running) -> None:
    paging = Paging(standins, second=False)
    paging.page_elsewhere()
    assert paging.alerts() == [("", "on-call", "triggered", 1)]


def test_pages_end_at_both_channels_whatever_one_of_them_says(paging: Paging, standins: Running) -> None:
    paging.page()
    paging.page_elsewhere(2)
    standins.pager.fault("server_error")
    with pytest.raises(ApplicationError):
        paging.end()
    assert ("page.resolve", ":2:1") in paging.elsewhere()

    standins.pager.clear()
    paging.end()
    assert paging.alerts() == [("", "on-call", "resolved", 1)]


@pytest.mark.parametrize(
    ("fault", "pause", "final"),
    [
        ({"kind": "rate_limited", "seconds": 30}, 30.0, False),
        ({"kind": "server_error"}, None, False),
        ({"kind": "down"}, None, False),
        ({"kind": "unauthorized"}, None, False),
    ],
)
def test_what_may_pass_is_tried_again_when_the_pager_asks_for_it(
    paging: Paging, standins: Running, fault: dict[str, Any], pause: float | None, final: bool
) -> None:
    standins.pager.fault(**fault)
    with pytest.raises(ApplicationError) as failed:
        paging.page()
    asked = failed.value.next_retry_delay
    assert (asked.total_seconds() if asked else None, failed.value.non_retryable) == (pause, final)


class TestDrill:
    """It is impossible for a drill to page: the pagers' own records show nothing at all."""

    def test_no_pager_hears_of_it(self, paging: Paging) -> None:
        for level, round_ in LADDER:
            paging.page(level, round_, drill=True)
            paging.page_elsewhere(level, round_, drill=True)
        paging.acknowledge(drill=True)
        paging.end(drill=True)

        assert paging.events() == []
        assert paging.elsewhere() == []

    def test_negative_control_without_the_word_everybody_is_woken(self, paging: Paging) -> None:
        paging.page()
        assert len(paging.events()) == 1

    def test_the_room_hears_that_it_is_one_and_nobody_is_called(self, paging: Paging) -> None:
        paging.say("Declared.", everyone=True, drill=True)
        assert paging.room() == [f"[DRILL {paging.key} #1] Declared."]


def test_the_room_is_called_together_where_it_is_asked_to(paging: Paging) -> None:
    paging.say("Nobody has acknowledged.", seq=4, everyone=True)
    assert paging.room() == [f"<!channel> [{paging.key} #4] Nobody has acknowledged."]


def test_without_a_room_nothing_is_said_and_nothing_fails() -> None:
    request = ports.RoomRequest(number=1, seq=1, text="x")
    assert ActivityEnvironment().run(RoomActivities(None).post_to_room, request) == ports.Nothing()


def test_b4_a_page_says_what_is_broken_for_whom_and_since_when(standins: Running, database_url: str) -> None:
    one = life(subject="Dashboard is down for all, mail ada@example.com", account="acme", arr=84000)
    db = Database(database_url)
    with db.begin() as session:
        journal.append(session, one.ticket.id, "run-1", one.events)
    paging = Paging(standins, reported=Hurried(db))

    paging.page(tickets=[one.ticket.id, "0000-0000-0000"])

    (event,) = paging.events()
    assert "Dashboard is down for all" in event["payload"]["summary"]
    details = event["payload"]["custom_details"]
    assert "Dashboard is down for all" in details["what"]
    assert details["words"] == "Since this morning."
    assert details["customers"] == "acme, premium, ARR 84000"
    assert details["since"] == f"{one.ticket.opened_at:%Y-%m-%d %H:%M} UTC"
    assert "ada@example.com" not in str(event)
    db.dispose()


def test_b4_a_page_waits_for_no_database(standins: Running) -> None:
    away = Database("postgresql+psycopg2://nobody@127.0.0.1:1/none")
    paging = Paging(standins, reported=Hurried(away))

    paging.page(tickets=["t1"])

    (event,) = paging.events()
    assert event["payload"]["custom_details"] == {"for": "on-call", "tickets": "t1"}
    away.dispose()

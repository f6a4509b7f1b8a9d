"""The pager port: the real client against the stand-in, over real sockets."""

import json
import traceback
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
import requests
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.documents.document import Link
from integrations.calls import Failure, RateLimited, Rejected, Unauthorized, Unknown, Unreachable
from integrations.pager.alerts import PagerDutyAlerts
from integrations.pager.client import PagerDutyClient
from integrations.pager.port import Page, PageRef
from integrations.standins.common import Exchange
from integrations.standins.pager import API_TOKEN
from integrations.standins.run import PAGER_SECRET, ROUTING_KEYS, Control, Running, pager_config, served
from tests.support.oracle import PAGERDUTY, Oracle, judged

_numbers = count(1)


@pytest.fixture
def server(standins: Running, pages: list[Exchange], pager_oracle: Oracle | None) -> Iterator[Control]:
    """The pager stand-in. When the test is over, all that was said is put before the vendor's document."""
    already = len(pages)
    yield standins.pager
    said = [exchange for exchange in pages[already:] if exchange.status != 401]  # a proxy's: PagerDuty has none
    judged(said, [(PAGERDUTY, pager_oracle and pager_oracle.problems)])


@pytest.fixture
def pager(server: Control) -> PagerDutyClient:
    return PagerDutyClient(pager_config(server.url))


@pytest.fixture
def key() -> str:
    return f"incident-{next(_numbers)}"


def a_page(key: str, **changes: object) -> Page:
    values: dict[str, object] = {"dedup_key": key, "summary": "P0: API down for all", "severity": "critical"}
    return Page.model_validate(values | changes)


def ref(key: str, level: int = 1) -> PageRef:
    return PageRef(dedup_key=key, level=level)


def alerts(server: Control, key: str) -> list[dict[str, Any]]:
    return [alert for alert in server.see("alerts")["alerts"] if alert["dedup_key"] == key]


def actions(server: Control, key: str) -> list[str]:
    events = server.see("alerts")["events"]
    return [event["event_action"] for event in events if event["dedup_key"] == key]


@pytest.mark.skipif(not PAGERDUTY.exists(), reason="PagerDuty's OpenAPI document does not lie beside the repository")
def test_the_vendors_document_judges_what_is_said(pager_oracle: Oracle) -> None:
    bad = Exchange(
        method="POST",
        path="/v2/enqueue",
        query="",
        headers={"content-type": "application/json"},
        body=b'{"event_action": "wake"}',
        status=0,
        answer_headers={},
        answer=b"",
    )
    assert pager_oracle.problems(bad)


def test_a_page_arrives_with_everything_it_says(pager: PagerDutyClient, server: Control, key: str) -> None:
    pager.page(
        a_page(
            key,
            source="API",
            details={"tickets": "7K2M, 9P3Q"},
            links=(Link(text="Incident 12", url="https://tickets.example.com/incidents/12"),),
        )
    )

    (alert,) = alerts(server, key)
    assert alert["summary"] == f"[{key}] P0: API down for all"
    assert (alert["severity"], alert["source"], alert["status"]) == ("critical", "API", "triggered")
    assert alert["details"] == {"tickets": "7K2M, 9P3Q"}
    assert alert["links"] == [{"text": "Incident 12", "href": "https://tickets.example.com/incidents/12"}]


def test_paging_again_joins_the_open_alert(pager: PagerDutyClient, server: Control, key: str) -> None:
    pager.page(a_page(key))
    pager.acknowledge(ref(key))
    pager.page(a_page(key))

    (alert,) = alerts(server, key)
    assert (alert["status"], alert["triggers"]) == ("acknowledged", 2)


def test_paging_after_it_was_resolved_opens_a_new_alert(pager: PagerDutyClient, server: Control, key: str) -> None:
    pager.page(a_page(key))
    pager.resolve(ref(key))
    pager.resolve(ref(key))
    pager.page(a_page(key))

    assert [alert["status"] for alert in alerts(server, key)] == ["resolved", "triggered"]


def test_each_level_is_a_service_of_its_own_and_beyond_the_last_it_is_the_last(
    pager: PagerDutyClient, server: Control, key: str
) -> None:
    for level in (1, 2, 3, 4):
        pager.page(a_page(f"{key}:{level}", level=level))
    pager.resolve(ref(f"{key}:2", 2))
    pager.resolve(ref(f"{key}:3", 2))  # at a level where it was never opened: it stays open

    reached = [(alert["service"], alert["status"]) for n in (1, 2, 3, 4) for alert in alerts(server, f"{key}:{n}")]
    assert reached == [
        ("on-call", "triggered"),
        ("next level", "resolved"),
        ("manager", "triggered"),
        ("manager", "triggered"),
    ]


def test_answering_what_is_not_open_is_accepted_and_does_nothing(
    pager: PagerDutyClient, server: Control, key: str
) -> None:
    pager.acknowledge(ref(key))
    pager.resolve(ref(key))

    assert actions(server, key) == ["acknowledge", "resolve"]
    assert alerts(server, key) == []


@pytest.mark.parametrize("fault", ["commit_then_drop", "commit_then_504"])
def test_after_an_unknown_outcome_the_same_page_wakes_nobody_twice(
    pager: PagerDutyClient, server: Control, key: str, fault: str
) -> None:
    server.fault(fault, times=1)

    with pytest.raises(Unknown):
        pager.page(a_page(key))
    pager.page(a_page(key))

    assert actions(server, key) == ["trigger", "trigger"]
    assert len(alerts(server, key)) == 1


def test_negative_control_without_the_key_the_repeat_pages_again(
    pager: PagerDutyClient, server: Control, key: str
) -> None:
    server.fault("commit_then_drop", times=1)

    with pytest.raises(Unknown):
        pager.page(a_page(key))
    pager.page(a_page(f"{key}-again"))

    assert len(alerts(server, key) + alerts(server, f"{key}-again")) == 2


@pytest.mark.parametrize(
    ("fault", "failure", "wait"),
    [
        ({"kind": "rate_limited", "seconds": 30}, RateLimited, 30.0),
        ({"kind": "server_error"}, Unknown, None),
        ({"kind": "down"}, Unknown, None),
        ({"kind": "unauthorized"}, Unauthorized, None),
    ],
)
def test_each_answer_has_one_meaning_for_every_call(
    pager: PagerDutyClient,
    server: Control,
    key: str,
    fault: dict[str, Any],
    failure: type[Failure],
    wait: float | None,
) -> None:
    server.fault(**fault)
    calls: list[Callable[[], None]] = [
        lambda: pager.page(a_page(key)),
        lambda: pager.acknowledge(ref(key)),
        lambda: pager.resolve(ref(key)),
    ]

    for call in calls:
        with pytest.raises(failure) as raised:
            call()
        assert raised.value.retry_after == wait
    assert actions(server, key) == []


def test_a_slow_pager_is_unknown_after_the_read_timeout(server: Control, key: str) -> None:
    server.fault("slow", seconds=60)
    config = pager_config(server.url).model_copy(update={"read_timeout": 1.0})

    with pytest.raises(Unknown, match="did not answer in time"):
        PagerDutyClient(config).page(a_page(key))

    assert len(alerts(server, key)) == 1


def test_where_nobody_listens_nothing_was_sent(key: str, unused_port: int) -> None:
    with pytest.raises(Unreachable):
        PagerDutyClient(pager_config(f"http://127.0.0.1:{unused_port}")).page(a_page(key))


def test_a_wrong_routing_key_is_refused_for_good_and_never_shown(server: Control, key: str) -> None:
    config = type(pager_config(server.url)).model_validate({"url": server.url, "routing_keys": ["wrong-key"]})

    with pytest.raises(Rejected) as refusal:
        PagerDutyClient(config).page(a_page(key))

    assert refusal.value.status == 400
    assert "wrong-key" not in "".join(traceback.format_exception(refusal.value)) + repr(config)
    assert not any(routing_key.get_secret_value() in str(server.see("alerts")) for routing_key in ROUTING_KEYS)


def test_a_long_summary_is_cut_to_one_line_and_never_refused(pager: PagerDutyClient, server: Control, key: str) -> None:
    pager.page(a_page(key, summary="down\n" * 2000, details={"log": "x" * 100_000}))

    (alert,) = alerts(server, key)
    assert len(alert["summary"]) == 1024
    assert "\n" not in alert["summary"]
    assert len(alert["details"]["log"]) == 5_000


@pytest.fixture
def told(server: Control) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What the stand-in tells the one who is told of what happens to alerts: the events, oldest first."""
    came: list[dict[str, Any]] = []

    async def take(request: Request) -> Response:
        came.append(json.loads(await request.body())["event"])
        return Response(status_code=202)

    with served(Starlette(routes=[Route("/", take, methods=["POST"])])) as url:
        server.subscribe(url, PAGER_SECRET.get_secret_value())
        yield lambda: list(came)
        server.subscribe("http://127.0.0.1:9", PAGER_SECRET.get_secret_value())


def on_the_page(server: Control, key: str, act: str, title: str = "") -> None:
    (alert,) = alerts(server, key)
    data = {"act": act, "title": title}
    requests.post(f"{server.url}/alerts/{alert['id']}", data=data, allow_redirects=False, timeout=10).raise_for_status()


def test_the_stand_in_names_an_incident_by_its_title_and_without_a_key_as_pagerduty_does(
    pager: PagerDutyClient, server: Control, key: str, told: Callable[[], list[dict[str, Any]]]
) -> None:
    pager.page(a_page(key))
    on_the_page(server, key, "acknowledge")
    on_the_page(server, key, "time_out")
    on_the_page(server, key, "retitle", "Somebody wrote something else")
    on_the_page(server, key, "auto_resolve")

    said = [(one["event_type"], one["agent"]["type"], one["data"]["title"]) for one in told()]
    title = f"[{key}] P0: API down for all"
    assert said == [
        ("incident.acknowledged", "user_reference", title),
        ("incident.unacknowledged", "service_reference", title),
        ("incident.resolved", "service_reference", "Somebody wrote something else"),
    ]
    assert [one["data"]["incident_key"] for one in told()] == [None, None, None]


def test_what_another_system_does_is_told_as_the_service_s_own_doing(
    pager: PagerDutyClient, server: Control, key: str, told: Callable[[], list[dict[str, Any]]]
) -> None:
    pager.page(a_page(key))
    pager.acknowledge(ref(key))
    pager.acknowledge(ref(key))

    assert [(one["event_type"], one["agent"]["type"]) for one in told()] == [
        ("incident.acknowledged", "service_reference")
    ]


def test_a_webhook_that_did_not_arrive_comes_later_as_it_was(
    pager: PagerDutyClient, server: Control, key: str, told: Callable[[], list[dict[str, Any]]]
) -> None:
    pager.page(a_page(key))
    server.fault("webhook_lost", times=1)
    on_the_page(server, key, "acknowledge")
    assert told() == []
    for _ in range(2):
        requests.post(f"{server.url}/standin/repeat", timeout=10).raise_for_status()

    mine = [one["id"] for one in told() if one["data"]["title"].startswith(f"[{key}]")]
    assert len(mine) == 2
    assert len(set(mine)) == 1


def test_the_alerts_of_an_incident_are_read_by_its_id(pager: PagerDutyClient, server: Control, key: str) -> None:
    pager.page(a_page(key))
    (alert,) = alerts(server, key)
    config = pager_config(server.url).model_copy(update={"api_url": server.url, "api_token": API_TOKEN})

    assert PagerDutyAlerts(config).keys(f"P{alert['id']:06}") == [key]
    with pytest.raises(Rejected):
        PagerDutyAlerts(config).keys("P/../no such")
    with pytest.raises(Unauthorized):
        PagerDutyAlerts(config.model_copy(update={"api_token": SecretStr("wrong")})).keys("P1")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 202),
        ({"payload": {"timestamp": "2026-11-29T09:00:00.000+0000"}}, 202),
        ({"payload": {"custom_details": {"log": "x" * 600_000}}}, 413),
        ({"payload": {"timestamp": "yesterday"}}, 400),
        ({"payload": {"custom_details": "a text"}}, 400),
        ({"payload": {"source": 7}}, 400),
        ({"payload": {"summary": ["P0"]}}, 400),
        ({"dedup_key": 7}, 400),
        ({"dedup_key": "k" * 256}, 400),
        ({"routing_key": ["not", "one"]}, 400),
        ({"links": [{"text": "no address"}]}, 400),
        ({"links": "https://example.com"}, 400),
        ({"images": [{"alt": "no picture"}]}, 400),
    ],
)
def test_the_stand_in_refuses_what_the_vendor_does_and_never_breaks(
    standins: Running, key: str, change: dict[str, Any], status: int
) -> None:
    event: dict[str, Any] = {
        "routing_key": ROUTING_KEYS[0].get_secret_value(), "event_action": "trigger", "dedup_key": key,
        "payload": {"summary": "P0", "severity": "critical", "source": "tierline"},
    }  # fmt: skip
    payload = event["payload"] | change.get("payload", {})
    answer = requests.post(f"{standins.pager.url}/v2/enqueue", json=event | change | {"payload": payload}, timeout=60)
    assert answer.status_code == status
    assert len(alerts(standins.pager, key)) == (status == 202)


def test_a_page_of_the_greatest_length_is_taken(pager: PagerDutyClient, server: Control, key: str) -> None:
    pager.page(a_page(key, details={f"detail {number}": "\u00fc" * 20_000 for number in range(50)}))
    assert len(alerts(server, key)) == 1

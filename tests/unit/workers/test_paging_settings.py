"""Who is paged, and where else: built from the settings, and told in one line where they are of no use."""

from typing import Any

import pytest
from pydantic import SecretStr

from integrations.pager.client import PagerDutyClient
from integrations.pager.in_room import RoomPager
from integrations.pager.port import PagerConfig
from integrations.pager.signed import WebhookPager
from workers.bootstrap import hooks, page_url, pager, room, second_pager
from workers.settings import SettingsError, load_settings, secrets_in

WHSEC = "whsec_" + "c3Rh" * 8
PAGERDUTY = {"PAGER_URL": "https://events.example.com", "PAGER_ROUTING_KEY": "one, two ,three"}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def given(monkeypatch: pytest.MonkeyPatch, **environment: str) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def test_pagerduty_is_the_default_and_has_a_key_for_each_level(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **PAGERDUTY)
    assert isinstance(pager(load_settings()), PagerDutyClient)
    keys = secrets_in(load_settings().pager_routing_key)
    config = PagerConfig(routing_keys=keys)
    assert [config.routing_key(level).get_secret_value() for level in (1, 2, 3, 4)] == ["one", "two", "three", "three"]


def test_any_other_pager_takes_signed_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, PAGER_KIND="webhook", PAGER_URL="https://pager.example.com/in", PAGER_SECRET=WHSEC)
    assert isinstance(pager(load_settings()), WebhookPager)


def test_a_webhook_pager_is_set_up_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, PAGER_KIND="webhook", PAGER_URL="https://pager.example.com/in", PAGER_ROUTING_KEY="x")
    with pytest.raises(SettingsError, match=r"^PAGER_URL is set without PAGER_SECRET:"):
        load_settings()


def test_the_second_channel_is_another_pager_or_the_room_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert second_pager(load_settings()) is None
    given(monkeypatch, ROOM_URL="https://chat.example.com/hooks/s3cret")
    assert isinstance(second_pager(load_settings()), RoomPager)
    given(monkeypatch, SECOND_URL="https://pager.example.com/in", SECOND_SECRET=WHSEC)
    assert isinstance(second_pager(load_settings()), WebhookPager)


def test_without_a_room_there_is_none() -> None:
    assert room(load_settings()) is None


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({}, "PAGER_URL is not set: set it with PAGER_ROUTING_KEY"),
        (PAGERDUTY | {"PAGER_URL": "http://events.example.com"}, "PAGER_URL: credentials travel over https only"),
        (PAGERDUTY | {"PAGER_ROUTING_KEY": ","}, "PAGER_ROUTING_KEY: holds no key"),
        (PAGERDUTY | {"PAGER_KIND": "webhook", "PAGER_SECRET": "s3cret"}, "PAGER_SECRET: a webhook secret is"),
    ],
)
def test_a_pager_of_no_use_is_told_by_its_variable(
    environment: dict[str, str], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, **environment)
    with pytest.raises(SettingsError) as refused:
        pager(load_settings())
    assert str(refused.value).startswith(line)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://chat.example.com/s3cret", "s3cret"])
def test_a_room_of_no_use_is_told_without_its_address(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, ROOM_URL=url)
    with pytest.raises(SettingsError, match=r"^ROOM_URL: an https address is needed") as refused:
        room(load_settings())
    assert "s3cret" not in str(refused.value) + repr(load_settings())


def test_what_a_page_is_about_is_found_by_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    url = page_url(load_settings())
    assert url("incident-7") == ""
    assert url("area-api") == ""  # there is no incident yet
    given(monkeypatch, TIERLINE_INCIDENT_URL="https://desk.example.com/incidents/{incident}")
    assert page_url(load_settings())("incident-7") == "https://desk.example.com/incidents/7"


def test_a_template_without_its_place_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, TIERLINE_INCIDENT_URL="https://desk.example.com/incidents")
    with pytest.raises(SettingsError, match=r"^TIERLINE_INCIDENT_URL: must hold \{incident\}"):
        load_settings()


def test_the_pager_is_listened_to_where_its_secret_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def names() -> list[str]:
        return [hook.name for hook in hooks(load_settings(), *(Any,) * 3)]  # type: ignore[arg-type]

    assert "pager" not in names()
    given(monkeypatch, PAGER_WEBHOOK_SECRETS="first,second")
    assert "pager" in names()
    given(monkeypatch, PAGER_KIND="webhook")
    with pytest.raises(SettingsError, match=r"^PAGER_WEBHOOK_SECRETS: a webhook secret is"):
        names()


def test_secrets_are_apart_by_commas() -> None:
    found = secrets_in(SecretStr(" a ,,b,"))
    assert [secret.get_secret_value() for secret in found] == ["a", "b"]
    assert secrets_in(None) == ()

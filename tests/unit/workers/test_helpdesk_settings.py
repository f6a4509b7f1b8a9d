"""Zendesk and webhooks from the environment: whole or not at all, and no secret in what is told."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from integrations.standins.run import CHAT_SECRET
from services.tickets import TicketService
from store.database import Database
from workers.bootstrap import sinks, ticket_hooks
from workers.settings import Settings, SettingsError, load_settings

SECRET = CHAT_SECRET.get_secret_value()
ZENDESK = {
    "ZENDESK_URL": "https://example.zendesk.com",
    "ZENDESK_EMAIL": "tierline@example.com",
    "ZENDESK_API_TOKEN": "very-secret",
    "ZENDESK_WEBHOOK_SECRETS": "one-secret, two-secret",
}
CRM = {"name": "crm", "url": "https://crm.example.com/hook", "secret": SECRET, "events": ["resolved"]}
DB, DESK = cast(Database, None), cast(TicketService, None)


def settings(**names: Any) -> Settings:
    return Settings.model_validate(names)


def _connect(found: Settings) -> None:
    sinks(found, DB)
    ticket_hooks(found, DB, DESK)


def told(**names: str) -> str:
    """The one line of what is wrong; no secret in it."""
    found = settings(**names)
    with pytest.raises(SettingsError) as caught:
        _connect(found)
    text = str(caught.value)
    assert "\n" not in text
    for secret in ("very-secret", "hunter2", SECRET):
        assert secret not in text
        assert secret not in repr(found)
    return text


def test_nothing_is_connected_unless_it_is_set() -> None:
    assert sinks(settings(), DB) == []
    assert ticket_hooks(settings(), DB, DESK) == []


def test_what_is_set_is_connected_both_ways() -> None:
    found = settings(**ZENDESK, WEBHOOK_SECRETS=SECRET, WEBHOOK_SUBSCRIBERS=json.dumps([CRM]))
    assert [hook.name for hook in ticket_hooks(found, DB, DESK)] == ["zendesk", "generic"]
    names = [(sink.destination.name, sink.destination.source, sink.destination.events) for sink in sinks(found, DB)]
    assert names == [("zendesk", "zendesk", None), ("webhook:crm", None, ("resolved",))]


@pytest.mark.parametrize("missing", ["ZENDESK_EMAIL", "ZENDESK_API_TOKEN", "ZENDESK_WEBHOOK_SECRETS"])
def test_zendesk_is_set_up_whole_or_not_at_all(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ZENDESK.items():
        if name != missing:
            monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"ZENDESK_URL is set without {missing}"):
        load_settings(attach=False)


def test_subscribers_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "subscribers.json"
    file.write_text(json.dumps([CRM, CRM | {"name": "bi", "texts": True}]))
    assert len(sinks(settings(WEBHOOK_SUBSCRIBERS=f"@{file}"), DB)) == 2


@pytest.mark.parametrize(
    ("names", "line"),
    [
        ({"WEBHOOK_SUBSCRIBERS": "{"}, "WEBHOOK_SUBSCRIBERS: is no JSON"),
        ({"WEBHOOK_SUBSCRIBERS": "@nowhere.json"}, "WEBHOOK_SUBSCRIBERS: its file cannot be read"),
        ({"WEBHOOK_SUBSCRIBERS": json.dumps([CRM | {"url": "http://crm.example.com"}])}, "https only"),
        ({"WEBHOOK_SUBSCRIBERS": json.dumps([CRM | {"secret": "hunter2"}])}, "crm: a webhook secret is whsec_"),
        ({"WEBHOOK_SUBSCRIBERS": json.dumps([CRM, CRM])}, "two have the same name"),
        ({"WEBHOOK_SECRETS": "hunter2"}, "WEBHOOK_SECRETS: a webhook secret is whsec_"),
        (ZENDESK | {"ZENDESK_FIELDS": '{"show": {"tier": "x"}}'}, "ZENDESK_FIELDS: show.tier"),
        (ZENDESK | {"ZENDESK_URL": "http://example.com"}, "https only"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(names: dict[str, str], line: str) -> None:
    assert line in told(**names)

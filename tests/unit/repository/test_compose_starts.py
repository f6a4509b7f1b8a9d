"""The first part of .env.example, filled in, is all that the processes of the compose file need to start."""

import base64
import re
from pathlib import Path

import pytest

from tests.support.compose_file import EXAMPLE, OURS, SERVICES, filled
from tests.support.root import ROOT
from workers import bootstrap
from workers.settings import load_settings

A_KEY = "whsec_" + base64.b64encode(b"32 bytes that are random enough.").decode()
VALUES = {
    "JIRA_URL": "https://example.atlassian.net",
    "JIRA_EMAIL": "robot@example.com",
    "PAGER_URL": "https://events.pagerduty.com",
    "NOTICE_URL": "https://hooks.example.com/tierline",
    "NOTICE_SECRET": A_KEY,
}
"""What a person writes where not just any word will do."""


def first_part() -> dict[str, str]:
    """The variables of the example's first part, filled in; what is commented out stays so."""
    part = EXAMPLE.split("\n# -- ")[1]
    assert part.startswith("Needed")
    return {name: VALUES.get(name, "a1b2c3") for name in re.findall(r"^([A-Z_]+)=$", part, re.MULTILINE)}


def in_the_container(monkeypatch: pytest.MonkeyPatch, service: str, given: dict[str, str]) -> None:
    """Set the environment that compose makes of the file for a service."""
    for name, value in SERVICES[service]["environment"].items():
        monkeypatch.setenv(name, filled(value, given))
    monkeypatch.setenv("TIERLINE_POLICY", str(ROOT / "policy.toml"))  # mounted there
    monkeypatch.setenv("TIERLINE_HOME", "/nonexistent")


@pytest.mark.parametrize("service", OURS)
def test_b1_the_first_part_filled_in_is_enough_for_every_process(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    in_the_container(monkeypatch, service, first_part())
    settings = load_settings()
    assert settings.database_url
    if service == "worker":
        assert bootstrap.pager(settings)
        assert bootstrap.jira_config(settings).project == "SUP"
        assert bootstrap.second_pager(settings) is None
    if service == "relay":
        assert bootstrap.notice_sink(settings)


def test_b1_another_pager_needs_its_kind_and_secret_and_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    webhook = {"PAGER_KIND": "webhook", "PAGER_SECRET": A_KEY, "PAGER_ROUTING_KEY": "none"}
    in_the_container(monkeypatch, "worker", first_part() | webhook)
    assert bootstrap.pager(load_settings())


def test_b1_the_example_says_how_its_signing_secret_is_made(tmp_path: Path) -> None:
    (command,) = re.findall(r'echo "whsec_\$\(openssl rand -base64 (\d+)\)"', EXAMPLE)
    assert 24 <= int(command) <= 64

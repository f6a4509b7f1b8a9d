"""docker-compose.yml, which no test here can run: what can be seen to be right in it by reading."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from workers.settings import Settings
from workers.temporal import attribute_type
from workflows.search_attributes import ATTRIBUTES

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = (ROOT / ".env.example").read_text()
OURS = ["migrate", "worker", "relay", "tierline"]

OF_THE_EMBEDDED_MODE = {
    "TIERLINE_HOME", "TIERLINE_TEMPORAL_PORT", "TIERLINE_UI_PORT", "TIERLINE_STANDIN_PORT", "TEMPORAL_PROFILE",
    "TEMPORAL_CONFIG_FILE",
}  # fmt: skip
"""Settings that mean nothing in a container, and have defaults."""
SECRET = re.compile(r"PASSWORD|PWD|TOKEN|SECRET|KEY$")
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")

FILLED_IN = {
    "POSTGRES_PASSWORD": "a1b2c3",
    "JIRA_URL": "https://example.atlassian.net",
    "JIRA_EMAIL": "robot@example.com",
    "JIRA_API_TOKEN": "x",
    "PAGER_URL": "https://events.example.com",
    "PAGER_ROUTING_KEY": "x",
    "NOTICE_URL": "https://hooks.example.com/tierline",
    "NOTICE_SECRET": "x",
}


def filled(value: str, given: dict[str, str]) -> str:
    """A value of the file as compose makes it of the environment."""

    def one(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if kind == "?" and not given.get(name):
            raise KeyError(rest)
        return given.get(name) or (rest if kind == "-" else "")

    return VARIABLE.sub(one, value)


@pytest.mark.parametrize("service", OURS)
def test_filled_in_as_the_example_says_every_setting_is_one_that_we_take(
    monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    environment = {name: filled(value, FILLED_IN) for name, value in SERVICES[service]["environment"].items()}
    for name in environment.keys() - {"TIERLINE_POLICY"}:  # a file that is there only in the container
        monkeypatch.setenv(name, environment[name])
    settings = Settings()
    assert (settings.embeds_postgres, settings.embeds_temporal) == (False, False)
    names = {str(field.alias) for field in Settings.model_fields.values()}
    assert names - set(environment) == OF_THE_EMBEDDED_MODE
    assert set(environment) - names == {"TEMPORAL_NAMESPACE"}  # Temporal's own


def test_what_has_no_default_is_asked_for_by_name() -> None:
    for name in FILLED_IN:
        with pytest.raises(KeyError, match=f"set {name} in .env"):
            filled(str(SERVICES["worker"]["environment"]), FILLED_IN | {name: ""})


def test_the_example_explains_every_variable_and_holds_no_secret() -> None:
    told = dict(re.findall(r"^(?:# )?([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    used = {name: rest for name, kind, rest in VARIABLE.findall(_uncommented()) if kind != "?"}
    assert set(told) == {*used, *FILLED_IN}
    assert {name: value for name, value in told.items() if name in FILLED_IN} == dict.fromkeys(FILLED_IN, "")
    defaults = {name: told[name] for name in used if name != "TIERLINE_TICKET_URL"}
    assert defaults == {name: rest for name, rest in used.items() if name in defaults}


def test_no_secret_stands_in_the_file() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable):
                assert VARIABLE.fullmatch(value), (name, variable)


def test_what_is_mounted_is_there_and_cannot_be_written() -> None:
    for name, service in SERVICES.items():
        for mount in service.get("volumes", []):
            source, _, mode = mount.split(":") if mount.startswith(".") else (mount.split(":")[0], "", "ro")
            assert mode == "ro", (name, mount)
            assert (ROOT / source).is_file() if source.startswith(".") else source in COMPOSE["volumes"], (name, mount)


def test_everybody_waits_for_what_can_come_true() -> None:
    for name, service in SERVICES.items():
        for other, wait in service.get("depends_on", {}).items():
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other], (name, other)
            else:
                assert wait["condition"] == "service_completed_successfully"
                assert SERVICES[other]["restart"].startswith("on-failure"), (name, other)


def test_every_port_is_on_the_loopback_address() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_workers_can_be_many_and_have_few_rights() -> None:
    worker = SERVICES["worker"]
    assert not {"container_name", "ports"} & set(worker)
    assert (worker["read_only"], worker["cap_drop"]) == (True, ["ALL"])
    assert re.search(r"^USER (?!root|0)\w+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_the_setup_makes_the_search_attributes_of_the_registry() -> None:
    script = (ROOT / "deploy" / "temporal" / "setup.sh").read_text()
    made = [tuple(line.split()) for line in script.split('attributes="', 1)[1].split('"')[0].strip().splitlines()]
    assert made == [(key.name, attribute_type(key)) for key in ATTRIBUTES]


def test_temporal_is_configured_as_the_embedded_one() -> None:
    folder, file = SERVICES["temporal"]["environment"]["DYNAMIC_CONFIG_FILE_PATH"].rsplit("/", 1)
    (mount,) = SERVICES["temporal"]["volumes"]
    assert mount == f"./deploy/temporal/{file}:/etc/temporal/{folder}/{file}:ro"
    values = yaml.safe_load((ROOT / "deploy" / "temporal" / file).read_text())
    embedded = (ROOT / "workers" / "embedded" / "temporal.py").read_text()
    assert all(f'"{name}={value[0]["value"]}"' in embedded for name, value in values.items())


@pytest.mark.parametrize("script", sorted((ROOT / "deploy").rglob("*.sh")), ids=lambda script: script.name)
def test_scripts_are_of_a_plain_shell(script: Path) -> None:
    subprocess.run(["/bin/sh", "-n", str(script)], check=True)


def test_the_image_gets_every_package_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    let_in = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    files = {"pyproject.toml", "requirements.lock", "README.md", "LICENSE", "policy.toml"}
    assert let_in == packages | files


def _uncommented() -> str:
    return re.sub(r"^ *#.*$", "", (ROOT / "docker-compose.yml").read_text(), flags=re.MULTILINE)

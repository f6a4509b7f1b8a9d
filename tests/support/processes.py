"""All of Tierline, each piece a process that a test can kill and start again."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import psutil
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from domain.incident.state import workflow_id as incident_workflow
from domain.ticket.state import workflow_id as ticket_workflow
from integrations.standins import run as standins
from services.policy_file.load import DEFAULT
from store.database import DatabaseDown
from store.migrate import migrate
from tests.support.root import ROOT
from tests.support.waiting import until
from workers.embedded import Child, EmbeddedPostgres, EmbeddedTemporal
from workers.embedded.temporal import free_port

Service = EmbeddedPostgres | EmbeddedTemporal | Child
Answer = TypeVar("Answer")
SECOND_CHANNEL, LATER = 'second_channel = "45s"', 'second_channel = "290s"'


async def until_past(instant: datetime) -> None:
    """Wait for a moment: there is no other way to let a deadline pass while nothing runs."""
    while (left := instant - datetime.now(UTC)) >= timedelta(0):
        await asyncio.sleep(left.total_seconds() + 0.01)


class Processes:
    """PostgreSQL, Temporal, worker, relay and API as processes of their own; Jira, pager and chat as stand-ins."""

    def __init__(self, home: Path, outside: standins.Running) -> None:
        self._home = home
        self.jira, self.pager, self.chat = outside.jira, outside.pager, outside.chat
        self.postgres = EmbeddedPostgres(home, durable=False)
        self.temporal = EmbeddedTemporal(home, port=0, ui_port=0)
        self.postgres.start()
        migrate(self.postgres.url)
        # At this speed an attempt of a killed worker counts as lost only after the second channel would have been
        # asked: here the pager may take nearly as long as a step of the ladder.
        home.joinpath("policy.toml").write_text(DEFAULT.read_text().replace(SECOND_CHANNEL, LATER))
        self._api_port = free_port()
        self.api_url = f"http://127.0.0.1:{self._api_port}"
        self._told: set[str] = set()
        self._own = {name: self._process(name) for name in ("worker", "relay", "api")}

    def kill(self, *names: str) -> None:
        """kill -9, by pid, of all that makes up each of these, and see that it is gone."""
        for name in names:
            service = self._service(name)
            assert service.pid is not None, f"{name} does not run"
            for process in [psutil.Process(service.pid), *psutil.Process(service.pid).children(recursive=True)]:
                try:
                    os.kill(process.pid, signal.SIGKILL)
                except ProcessLookupError:  # a child of a dead server ends by itself
                    continue
        for name in names:
            self._service(name).kill()  # collects what is dead
            assert not self._service(name).alive()

    async def up(self, *names: str) -> None:
        """See that these run, or all but the API. Started here, in this thread: on Linux a child dies with its own."""
        for name in names or ("postgres", "temporal", "worker", "relay"):
            service = self._service(name)
            if not isinstance(service, Child):
                service.start()
            elif not service.alive():
                before = service.log.stat().st_size if service.log.exists() else 0
                service.start()
                await until(lambda s=service, b=before: self._ready(s, b), f"{name} ready")  # type: ignore[misc]

    async def replace(self, name: str, **environment: str) -> None:
        """Start another worker or relay, with these variables more, where one was; it is killed if it still runs."""
        if self._own[name].alive():
            self.kill(name)
        self._own[name].stop()
        self._own[name] = self._process(name, **environment)
        await self.up(name)

    def stop(self) -> None:
        for name in ("api", "relay", "worker", "temporal", "postgres"):
            self._service(name).stop()

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """Ask the database, past everything of ours. Raises DatabaseDown."""
        engine = create_engine(self.postgres.url, poolclass=NullPool)
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(query), values)]
        except OperationalError as error:
            raise DatabaseDown(str(error)) from error
        finally:
            engine.dispose()

    def workflows(self) -> list[str]:
        """The ids of the workflows of all tickets and incidents that came since this was asked last."""
        tickets = [ticket_workflow(ticket) for (ticket,) in self.rows("SELECT id FROM tickets ORDER BY 1")]
        incidents = [incident_workflow(number) for (number,) in self.rows("SELECT number FROM incidents ORDER BY 1")]
        new = [name for name in (*tickets, *incidents) if name not in self._told]
        self._told.update(new)
        return new

    async def _ready(self, service: Child, before: int) -> bool:
        assert service.alive(), service.last_words()
        return f"{service.name} is ready" in service.log.read_bytes()[before:].decode()

    def _service(self, name: str) -> Service:
        return {"postgres": self.postgres, "temporal": self.temporal, **self._own}[name]

    def _process(self, name: str, **environment: str) -> Child:
        return Child(
            name,
            [sys.executable, "-m", "tests.support.impatient", name],
            home=self._home,
            env=dict(os.environ) | self._environment() | environment,
            cwd=ROOT,
        )

    def environment(self) -> dict[str, str]:
        """What leads a command of the terminal here."""
        return dict(os.environ) | self._environment()

    def _environment(self) -> dict[str, str]:
        jira, chat = standins.jira_config(self.jira.url), standins.chat_config(self.chat.url)
        return {
            "TIERLINE_HOME": str(self._home),
            # The second channel is asked after two minutes and a half: a worker that is killed again and again must not
            # be too late for the pager. A speed of 1 would have quiet hours.
            "TIERLINE_SPEED": "2",
            "TIERLINE_POLICY": str(self._home / "policy.toml"),
            "TIERLINE_JIRA_SWEEP": "1",
            "TIERLINE_JIRA_RATE": "50",
            "TIERLINE_API_PORT": str(self._api_port),
            "TIERLINE_API_RATE": "10000",
            "TIERLINE_TICKET_URL": f"{self.api_url}/desk/tickets/{{ticket}}",
            "TIERLINE_INCIDENT_URL": f"{self.api_url}/desk/incidents/{{incident}}",
            "DATABASE_URL": self.postgres.url,
            "TEMPORAL_ADDRESS": self.temporal.address,
            "JIRA_URL": jira.url,
            "JIRA_EMAIL": jira.email,
            "JIRA_API_TOKEN": jira.token.get_secret_value(),
            "JIRA_PROJECT": jira.project,
            "JIRA_WEBHOOK_SECRET": standins.JIRA_SECRET.get_secret_value(),
            "NOTICE_URL": chat.url,
            "NOTICE_SECRET": chat.secret.get_secret_value(),
        } | standins.pager_environment(self.pager.url, self.chat.url)


def without(protection: str) -> dict[str, str]:
    """The environment of a process that lacks one protection, or none."""
    return {"CHAOS_WITHOUT": protection} if protection else {}

"""A Tierline of processes of its own, on this machine: PostgreSQL and Temporal, then an API or a worker."""

import os
import sys
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import psutil

from integrations.standins import run as standins
from store.migrate import migrate
from workers.embedded import Child, EmbeddedPostgres, EmbeddedTemporal
from workers.embedded.temporal import free_port


class Installation:
    """The processes, by name."""

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        """Start PostgreSQL and Temporal. `durable`: what PostgreSQL commits is on the disk."""
        self._home = home
        self.postgres = EmbeddedPostgres(home, durable=durable)
        self.temporal = EmbeddedTemporal(home, port=0, ui_port=0)
        self._children: dict[str, Child] = {}
        self.port = 0
        """The API's, once it serves; of several APIs, the last one's."""
        try:
            self.postgres.start()
            migrate(self.postgres.url)
            self.temporal.start()
        except BaseException:
            self.stop()
            raise

    def serve(self, name: str = "api") -> int:
        """Start the API, or one more under another `name`. Returns its port when it answers."""
        self.port = free_port()
        own = {"TIERLINE_API_PORT": str(self.port), "TIERLINE_API_RATE": "100000"}
        self._child(name, ("cli.main", "api"), own).ready_when(self._answers)
        self._children[name].start()
        return self.port

    def work(self, outside: standins.Running, *module: str) -> Child:
        """Start a worker whose tracker, pager and notices are stand-ins. Returns it when it works. `module` is what is
        run instead of `tierline worker`."""
        jira, chat = standins.jira_config(outside.jira.url), standins.chat_config(outside.chat.url)
        own = {
            "JIRA_URL": jira.url,
            "JIRA_EMAIL": jira.email,
            "JIRA_API_TOKEN": jira.token.get_secret_value(),
            "JIRA_PROJECT": jira.project,
            "NOTICE_URL": chat.url,
            "NOTICE_SECRET": chat.secret.get_secret_value(),
        } | standins.pager_environment(outside.pager.url, outside.chat.url)
        worker = self._child("worker", module or ("cli.main", "worker"), own)
        worker.ready_when(lambda: "is ready" in worker.log.read_text())
        worker.start()
        return worker

    def _child(self, name: str, module: tuple[str, ...], own: Mapping[str, str]) -> Child:
        """Return a process that is about to start, and will be stopped with the others."""
        names = {
            "TIERLINE_HOME": str(self._home),
            "DATABASE_URL": self.postgres.url,
            "TEMPORAL_ADDRESS": self.temporal.address,
        }
        env = dict(os.environ) | names | own
        argv = [sys.executable, "-m", *module]
        child = Child(name, argv, home=self._home, env=env, cwd=Path(__file__).parents[1])
        self._children[name] = child
        return child

    def _answers(self) -> bool:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=1)) as line:
            try:
                line.request("GET", "/livez")
                return line.getresponse().status == 200
            except OSError:
                return False

    def stop(self) -> None:
        """Stop all of it, the last that was started first."""
        for child in reversed(self._children.values()):
            child.stop()
        for server in (self.temporal, self.postgres):
            server.stop()

    def cpu(self) -> dict[str, float]:
        """Return the seconds of processor time so far: of each part, and of this process, which makes the load."""
        parts = {name: child.pid for name, child in self._children.items()}
        parts |= {"temporal": self.temporal.pid, "database": self.postgres.pid, "load": os.getpid()}
        return {name: _seconds(pid) for name, pid in parts.items() if pid}


def _seconds(pid: int) -> float:
    family = psutil.Process(pid)
    times = [one.cpu_times() for one in (family, *(family.children(recursive=True) if pid != os.getpid() else ()))]
    return sum(one.user + one.system for one in times)

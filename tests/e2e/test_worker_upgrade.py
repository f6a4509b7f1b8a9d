"""A ticket and an incident that began on a worker of version 0.1 end on today's."""

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from domain.core.refusal import Refused
from domain.ticket.aggregate import TICKET
from domain.ticket.state import workflow_id
from integrations.standins import run as standins
from services.incidents import IncidentService
from services.policy_file.load import load_policy
from services.tickets import TicketService
from store import journal
from store.database import Database
from store.migrate import migrate
from tests.support.packages import T2_PACKAGE, T3_PACKAGE
from tests.support.replaying import failures
from tests.support.root import OURS, ROOT
from tests.support.waiting import RPC_PATIENCE, until
from workers.embedded import Child, EmbeddedPostgres, EmbeddedTemporal
from workers.settings import Settings
from workers.temporal import connect

pytestmark = pytest.mark.long

VERSION_0_1 = "9792254a175c80c45e913d23a516b18604343db6"
"""The last commit of version 0.1."""
CODE = "exit code: "
TERMINAL = f"""
import json, sys
from cli.main import run
for line in sys.stdin:
    print({CODE!r} + str(int(run(json.loads(line)))), flush=True)
"""
"""Runs the commands that it reads, one in each line, and says after each how it ended."""


@pytest.fixture(scope="module")
def old_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of version 0.1, taken from the project's history."""
    asked = subprocess.run(["git", "archive", VERSION_0_1], cwd=ROOT, capture_output=True)
    if asked.returncode:
        pytest.skip(f"the project's history has no version 0.1 here: {asked.stderr.decode().strip()}")
    folder = tmp_path_factory.mktemp("version-0.1")
    with tarfile.open(fileobj=io.BytesIO(asked.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


class Upgrade:
    """Servers that stay, and a worker of either version before them."""

    def __init__(self, home: Path, old: Path, outside: standins.Running) -> None:
        self._home, self._old = home, old
        self.postgres = EmbeddedPostgres(home, durable=False)
        self.temporal = EmbeddedTemporal(home, port=0, ui_port=0)
        self.postgres.start()
        self.temporal.start()
        chat = standins.chat_config(outside.chat.url)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        self.environment = {
            **clean,
            "TIERLINE_HOME": str(home),
            "DATABASE_URL": self.postgres.url,
            "TEMPORAL_ADDRESS": self.temporal.address,
            "NOTICE_URL": chat.url,
            "NOTICE_SECRET": chat.secret.get_secret_value(),
            **standins.jira_environment(outside.jira.url),
            **standins.pager_environment(outside.pager.url, outside.chat.url),
        }
        self._worker: Child | None = None
        self._terminal: subprocess.Popen[str] | None = None

    def terminal(self, *words: str) -> Any:
        """Run a command of version 0.1. All of them run in one process, which spares each the imports."""
        if self._terminal is None:
            self._terminal = subprocess.Popen(
                [sys.executable, "-c", TERMINAL], cwd=self._old, env=self.environment, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
        assert self._terminal.stdin is not None
        assert self._terminal.stdout is not None
        print(json.dumps([*words, "--json"]), file=self._terminal.stdin, flush=True)
        printed = []
        for line in self._terminal.stdout:
            if line.startswith(CODE):
                assert int(line.removeprefix(CODE)) == 0, printed
                return json.loads(printed[-1])
            printed.append(line)
        raise AssertionError(f"the terminal has gone: {printed}")

    async def worker(self, code: Path) -> None:
        """Run the worker of one version, in place of the one that ran."""
        if self._worker:
            self._worker.stop()
        command = [sys.executable, "-m", "cli.main", "worker"]
        self._worker = Child("worker", command, home=self._home, env=self.environment, cwd=code)
        before = self._worker.log.stat().st_size if self._worker.log.exists() else 0
        self._worker.start()

        async def ready() -> bool:
            assert self._worker is not None
            assert self._worker.alive(), self._worker.last_words()
            return b"worker is ready" in self._worker.log.read_bytes()[before:]

        await until(ready, "the worker is ready")

    def stop(self) -> None:
        if self._terminal:
            self._terminal.communicate()  # it ends with its input
        for service in (self._worker, self.temporal, self.postgres):
            if service:
                service.stop()


@pytest_asyncio.fixture
async def upgrade(home: Path, old_code: Path) -> AsyncIterator[Upgrade]:
    with standins.running() as outside:
        place = Upgrade(home, old_code, outside)
        try:
            yield place
        finally:
            place.stop()


@pytest.fixture
def database(upgrade: Upgrade) -> Iterator[Database]:
    found = Database(upgrade.postgres.url)
    yield found
    found.dispose()


async def test_what_began_on_an_older_worker_ends_on_todays(
    upgrade: Upgrade, database: Database, old_code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade.terminal("migrate")
    await upgrade.worker(old_code)
    bug = ("--account", "acme", "--plan", "premium", "--priority", "P2", "--area", "reports", "--subject", "It fails")
    ticket = upgrade.terminal("ticket", "open", "--external-id", "old-1", *bug)["ticket"]
    upgrade.terminal("ticket", "take", ticket, "--by", "ada")
    upgrade.terminal("ticket", "respond", ticket, "--by", "ada", "--text", "We look into it.")
    upgrade.terminal("ticket", "wait", ticket, "--by", "ada", "--question", "Which browser?")
    urgent = ("--account", "acme", "--plan", "enterprise", "--priority", "P0", "--area", "billing", "--subject", "Down")
    critical = upgrade.terminal("ticket", "open", "--external-id", "old-2", *urgent)["ticket"]

    # The older code stops, and today's goes on with the same Temporal and the same database.
    migrate(upgrade.postgres.url)
    await upgrade.worker(ROOT)
    for name, value in upgrade.environment.items():
        if name.startswith(OURS):
            monkeypatch.setenv(name, value)
    client = await connect(Settings.model_validate(upgrade.environment))
    policy = load_policy()
    tickets, incidents = TicketService(client, database, policy), IncidentService(client, database, policy)

    async def said(ticket: str, name: str, by: str = "ada", **payload: Any) -> Any:
        return await tickets.handle(ticket, name, {"by": by, **payload})

    await said(ticket, "reply", by="customer", role="customer", text="Firefox.")
    await said(ticket, "escalate", to="T2", fields=T2_PACKAGE)
    await said(ticket, "escalate", fields=T3_PACKAGE)
    await until(lambda: _in_journal(database, ticket, lambda known: known.issue is not None), "engineering has it")
    record = {"message": "It works.", "what_was_done": "Mended.", "root_cause": "A bug.", "kb_reason": "gap"}
    await said(ticket, "resolve", resolution="solved", **record)
    assert (await said(ticket, "close")).status == "closed"

    await until(
        lambda: _in_journal(database, critical, lambda known: known.incident is not None), "it is in an incident"
    )
    assert (await incidents.handle(1, "acknowledge", {"by": "ron", "role": "engineer"})).state == "acknowledged"
    await said(critical, "fill", fields={**T2_PACKAGE, **T3_PACKAGE})
    await until(lambda: _resolved(incidents), "nothing is owed")

    ended = await client.get_workflow_handle(workflow_id(ticket)).result(rpc_timeout=RPC_PATIENCE)
    with database.session() as session:
        known = journal.load(session, ticket)
        entries = journal.timeline(session, ticket)
    assert known is not None
    assert (known.seq, known.status) == (ended["seq"], "closed")
    # What it did under the old version is not among the moves (G14) that it knows.
    folded = TICKET.fold(entry.event for entry in entries)
    assert folded.model_copy(update={"moves": known.moves}) == known
    assert folded.moves[-len(known.moves) :] == known.moves
    names = [workflow_id(ticket), workflow_id(critical), "incident-1"]
    assert await failures(client, names) == {}


async def _in_journal(database: Database, ticket: str, wanted: Any) -> bool:
    with database.session() as session:
        known = journal.load(session, ticket)
    return known is not None and wanted(known)


async def _resolved(incidents: IncidentService) -> bool:
    """Whether the incident could be resolved: its ticket has told it that nothing is owed any more."""
    try:
        answer = await incidents.handle(1, "resolve", {"by": "ron", "role": "engineer", "comment": "Over."})
    except Refused as refused:
        if refused.code != "missing_fields":
            raise
        return False
    return answer.state == "resolved"

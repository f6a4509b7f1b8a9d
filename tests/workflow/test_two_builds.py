"""Worker Versioning: a ticket stays on the build that it began on, and moves at a quiet moment.

On the real server, with two worker processes, of which the second has a changed rule.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from cli.main import run
from domain.ticket.state import workflow_id
from integrations.standins import run as standins
from services.builds import Build, BuildError, build_check, list_builds, move_from, use_build
from services.tickets import TicketService
from store import journal
from store.database import Database
from tests.support.policy import POLICY
from tests.support.root import ROOT
from tests.support.timeskipping import real_time
from tests.support.waiting import until, wait_until
from tests.support.working_tierline import form
from workers.processes import Child

pytestmark = pytest.mark.long

NAME = "tierline"
OLD, NEW = "1.0", "1.1"
UNCHANGED, CHANGED = "cli.main", "tests.support.changed_rule"


class Builds:
    """Worker processes of several builds, and tickets."""

    def __init__(self, client: Client, db: Database, home: Path, environment: dict[str, str]) -> None:
        self.client, self.tickets = client, TicketService(client, db, POLICY)
        self._db, self._home, self._environment = db, home, environment
        self._children: list[Child] = []

    def start(self, build: str, module: str) -> Child:
        """Start a worker of a build, and return when it is ready."""
        environment = self._environment | ({"TIERLINE_BUILD_ID": build} if build else {})
        argv = [sys.executable, "-m", module, "worker"]
        child = Child(f"worker-{build or 'none'}", argv, home=self._home, env=environment, cwd=ROOT)
        child.start()
        self._children.append(child)
        wait_until(lambda: "worker is ready" in self._log(child), child.name)
        return child

    def _log(self, child: Child) -> str:
        assert child.alive(), child.last_words()
        return child.log.read_text()

    def stop(self) -> None:
        for child in self._children:
            child.stop()

    async def use(self, build: str) -> None:
        """Take a build into use, as soon as Temporal knows that its workers serve every queue."""

        async def taken() -> bool:
            await use_build(self.client, NAME, build)
            return True

        await until(taken, among=(BuildError,))

    async def open(self) -> str:
        return (await self.tickets.open(form(priority="P3"))).ticket

    async def take(self, ticket: str, agent: str) -> None:
        await self.tickets.handle(ticket, "take", {"by": agent, "over": True})

    async def clocks(self, ticket: str, count: int) -> list[str]:
        """Return what the limit counts by, as each `taken` says, once so many are on record."""

        async def on_record() -> list[str] | None:
            with self._db.session() as session:
                events = [entry.event.body for entry in journal.timeline(session, ticket)]
            found = [event.clock for event in events if event.type == "taken"]
            return found if len(found) == count else None

        found: list[str] = await until(on_record)
        return found

    async def runs_on(self, ticket: str, build: str) -> None:
        async def there() -> bool:
            described = await self.client.get_workflow_handle(workflow_id(ticket)).describe()
            info = described.raw_description.workflow_execution_info.versioning_info
            return info.deployment_version.build_id == build

        await until(there, f"{ticket} on build {build}")

    async def builds(self, **open_tickets: int) -> dict[str, Build]:
        """Return the builds, as soon as Temporal's list has so many tickets for each."""

        async def counted() -> dict[str, Build] | None:
            found = {one.build: one for one in await list_builds(self.client, NAME)}
            counts = {build: found[build].tickets for build in found if found[build].tickets}
            return found if counts == open_tickets else None

        found: dict[str, Build] = await until(counted)
        return found

    async def health(self, *, ok: bool) -> None:
        """Return when the check of builds says so: Temporal hears of a worker with its first poll."""

        async def says_so() -> bool:
            return (await build_check(self.client, NAME)).ok is ok

        await until(says_so)

    async def kinds_that_run(self) -> set[str]:
        """Return what ops see in a list without a query."""
        return {one.workflow_type async for one in self.client.list_workflows("ExecutionStatus = 'Running'")}

    async def may_stop(self, build: str) -> None:
        """Return when nothing runs on a build any more: the look at Jira ends there by itself, too."""

        async def free() -> bool:
            return any(one.may_stop for one in await list_builds(self.client, NAME) if one.build == build)

        await until(free)


@pytest.fixture
async def builds(database_url: str, home: Path) -> AsyncIterator[Builds]:
    async with real_time() as client:
        with standins.running() as outside:
            jira, chat = standins.jira_config(outside.jira.url), standins.chat_config(outside.chat.url)
            environment = dict(os.environ) | {
                "TIERLINE_HOME": str(home),
                "DATABASE_URL": database_url,
                "TIERLINE_JIRA_SWEEP": "1",
                "TEMPORAL_ADDRESS": client.service_client.config.target_host,
                "JIRA_URL": jira.url,
                "JIRA_EMAIL": jira.email,
                "JIRA_API_TOKEN": jira.token.get_secret_value(),
                "NOTICE_URL": chat.url,
                "NOTICE_SECRET": chat.secret.get_secret_value(),
            }
            environment |= standins.pager_environment(outside.pager.url, outside.chat.url)
            db = Database(database_url)
            found = Builds(client, db, home, environment)
            try:
                yield found
            finally:
                found.stop()
                db.dispose()


async def test_a_ticket_stays_on_its_build_and_moves_at_a_quiet_moment(
    builds: Builds, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = builds.start(OLD, UNCHANGED)
    assert f"this worker is build {OLD}" in old.log.read_text()
    assert f"tierline ops versions --use {OLD}" in old.log.read_text()
    await builds.health(ok=False)  # new tickets would wait
    await builds.use(OLD)
    worked_on, idle = await builds.open(), await builds.open()
    await builds.take(worked_on, "ada")
    [before] = await builds.clocks(worked_on, 1)
    await builds.runs_on(idle, OLD)

    builds.start(NEW, CHANGED)
    with pytest.raises(BuildError, match="no worker of build"):
        await use_build(builds.client, NAME, "9.9")
    await builds.use(NEW)

    found = await builds.builds(**{OLD: 2})
    assert [(one.build, one.state, one.may_stop) for one in found.values()] == [
        (NEW, "in use", False),
        (OLD, "draining", False),
    ]
    new = await builds.open()
    await builds.take(new, "ada")
    [after] = await builds.clocks(new, 1)
    assert {before, after} == {"plan", "wall"}  # another rule

    await builds.take(worked_on, "ben")  # the old rule still: nothing is replayed by the new one
    assert await builds.clocks(worked_on, 2) == [before, before]
    await builds.runs_on(worked_on, NEW)  # that was the quiet moment
    await builds.take(worked_on, "eve")
    assert await builds.clocks(worked_on, 3) == [before, before, after]

    await builds.builds(**{OLD: 1, NEW: 2})
    assert await move_from(builds.client, NAME, OLD) == 1
    await builds.runs_on(idle, NEW)
    await builds.may_stop(OLD)
    monkeypatch.setenv("TEMPORAL_ADDRESS", builds.client.service_client.config.target_host)
    assert await asyncio.to_thread(run, ["ops", "versions"]) == 0
    assert [line.split()[:3] for line in capsys.readouterr().out.splitlines() if "may stop" in line] == [
        [OLD, "draining", "1"]
    ]
    old.stop()
    assert await builds.kinds_that_run() <= {"TicketWorkflow", "JiraSweepWorkflow", "ReconcileWorkflow"}  # ours only
    await builds.take(idle, "ada")
    assert await builds.clocks(idle, 1) == [after]
    await builds.health(ok=True)

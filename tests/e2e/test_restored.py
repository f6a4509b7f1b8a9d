"""A backup is restored: of the database, under a Temporal that went on, and the other way round.

`tierline ops reconcile --restored` says what differs, with --repair it mends it, and nothing is paged, filed or noted
twice.
"""

import json
import shutil
from asyncio import to_thread
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool
from temporalio.client import Client

from cli.main import run
from cli.output import Code
from domain.incident.state import workflow_id as incident_workflow
from domain.ticket.state import workflow_id
from integrations.standins.run import Running
from integrations.standins.run import running as standins
from store import incidents
from store.database import Database
from tests.support.clients import clients
from tests.support.packages import RECORD, T2_PACKAGE, T3_PACKAGE
from tests.support.timeskipping import way_to
from tests.support.waiting import until
from tests.support.working_tierline import Tierline
from workers.embedded import EmbeddedTemporal
from workers.settings import Settings
from workers.temporal import connect
from workers.worker import running as workers_running

pytestmark = pytest.mark.long

Ops = Any


@pytest.fixture
def ops(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ops:
    """Runs a command of `tierline ops` with --json, and returns its exit code and what differs, by workflow."""
    monkeypatch.setenv("TIERLINE_AGENT", "olga")

    async def command(environment: Mapping[str, str], *words: str) -> tuple[int, dict[str, str]]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        code = await to_thread(run, ["ops", "reconcile", "--restored", *words, "--json"])
        return code, {one["workflow"]: one["why"] for one in json.loads(capsys.readouterr().out)["differ"]}

    return command


@asynccontextmanager
async def working(client: Client, url: str, outside: Running) -> AsyncIterator[Tierline]:
    """A Tierline on this database and this Temporal, whose other systems outlive it."""
    db = Database(url)
    async with workers_running(client, clients(db, outside)):
        yield Tierline(client, db, outside)
    db.dispose()


@contextmanager
def a_copy(url: str) -> Iterator[str]:
    """A backup of a database to which nobody is connected, as a database of its own."""
    name = make_url(url).database
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    there = engine.url.set(database="postgres")
    engine = create_engine(there, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}_copy TEMPLATE {name}"))
    try:
        yield make_url(url).set(database=f"{name}_copy").render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name}_copy WITH (FORCE)"))


async def paged(place: Tierline, area: str) -> int:
    """A P0 in an area, whose incident has paged: its number, in the journal as well."""
    ticket = await place.open(priority="P0", product_area=area, by="ada", role="agent")
    joined: Any = await place.seen(ticket, lambda known: known.incident)
    number: int = joined.incident.number
    await place.incident(number, lambda known: known.pages and not known.pending_effects)
    return number


async def filed(place: Tierline, ticket: str) -> str:
    """Hand a ticket to engineering: the key of its issue, which its journal has."""
    await place.give(ticket, "escalate", fields=T2_PACKAGE)
    await place.give(ticket, "escalate", by="ben", fields=T3_PACKAGE)
    known = await place.seen(ticket, lambda known: known.issue and not known.pending_effects)
    return str(known.issue.key)


async def end(place: Tierline, ticket: str) -> None:
    await place.give(ticket, "resolve", **RECORD)
    await place.give(ticket, "close")
    await place.client.get_workflow_handle(workflow_id(ticket)).result()


async def acknowledge(place: Tierline, number: int) -> None:
    answer = await place.incidents.handle(number, "acknowledge", {"by": "ada"})
    await place.journalled(incident_workflow(number), answer.seq)
    await place.incident(number, lambda known: not known.pending_effects)


def on_record(place: Tierline) -> dict[str, Any]:
    """All that the database says of tickets and incidents, and of what belongs to them."""
    asked = {
        "events": "SELECT ticket_id, epoch, seq, type, digest FROM ticket_events ORDER BY 1, 3",
        "texts": "SELECT ticket_id, seq, name, text FROM texts ORDER BY 1, 2, 3",
        "tickets": "SELECT id, seq, status, tier, assignee FROM tickets ORDER BY 1",
        "incidents": "SELECT number, seq, area, status, closed_at IS NULL FROM incidents ORDER BY 1",
        "joined": "SELECT effect_key, number, ticket_id, heard FROM incident_tickets ORDER BY 1",
        "issues": "SELECT effect_key, owner, kind, phase, jira_key, watched, fingerprint FROM jira_links "
        "WHERE owner LIKE 'ticket-%' ORDER BY 1",
        "notices": "SELECT key FROM outbox WHERE key NOT LIKE '%no-workflow%' ORDER BY 1",
    }
    with place.db.session() as session:
        return {what: [tuple(row) for row in session.execute(text(query))] for what, query in asked.items()}


def outside_of(outside: Running) -> tuple[list[str], list[str]]:
    """What other systems have: the pages by their keys, each as often as it was sent, and the issues."""
    alerts = [alert["dedup_key"] for alert in outside.pager.see("alerts")["alerts"]]
    return sorted(alerts), sorted(issue["key"] for issue in outside.jira.see("issues")["issues"])


async def test_a_database_from_an_older_backup_gets_what_it_lacks_from_a_temporal_that_went_on(
    temporal_dev: Client, database_url: str, ops: Ops
) -> None:
    with standins() as outside:
        # Given a backup of the database, after which everything went on
        async with working(temporal_dev, database_url, outside) as place:
            early, ended = await place.open(category="bug"), await place.open()
            first = await paged(place, "API")
        with a_copy(database_url) as backup:
            async with working(temporal_dev, database_url, outside) as place:
                await place.give(early, "note", text="after the backup")
                await filed(place, early)
                await end(place, ended)
                late, over = await place.open(), await place.open()
                await end(place, over)
                await acknowledge(place, first)
                second = await paged(place, "Billing")
            before, seen = on_record(place), outside_of(outside)

            # When the backup takes its place, before any worker runs
            environment = {"DATABASE_URL": backup, **way_to(temporal_dev)}
            code, differ = await ops(environment)

            # Then each journal that lacks something is named, and gets it
            members = [ticket for _, _, ticket, _ in before["joined"]]  # each heard of its incident's news
            tickets = {workflow_id(ticket) for ticket in (early, ended, late, over, *members)}
            assert code == 3
            assert differ.keys() == {*tickets, incident_workflow(first), incident_workflow(second)}
            assert differ[workflow_id(late)] == "journal at 0, workflow at 2: the journal is older"
            assert (await ops(environment, "--repair"))[0] == Code.DONE
            assert await ops(environment) == (Code.DONE, {})

            async with working(temporal_dev, backup, outside) as place:
                assert on_record(place) == before
                # and work goes on, nothing is done twice, and the next incident has a number of its own
                with place.db.begin() as session:
                    assert incidents.declare(session, "Reports", "", datetime.now(UTC)) == (second + 1, True)
                await place.give(early, "note", text="and on")
                assert place.epochs(early) == {(1, False)}
            assert outside_of(outside) == seen


async def test_workflows_of_a_temporal_from_an_older_backup_give_way_to_their_journals(
    home: Path, database_url: str, ops: Ops
) -> None:
    temporal, kept = EmbeddedTemporal(home, port=0, ui_port=0), home / "kept"

    async def client() -> Client:
        return await connect(Settings.model_validate({"TEMPORAL_ADDRESS": await to_thread(temporal.start)}))

    try:
        with standins() as outside:
            # Given a backup of Temporal's store, after which everything went on
            async with working(await client(), database_url, outside) as place:
                early, ended = await place.open(category="bug"), await place.open()
                number = await paged(place, "API")
            temporal.stop()
            shutil.copytree(home, kept, ignore=shutil.ignore_patterns("logs", "kept", "*.pid", "*.lock"))
            async with working(await client(), database_url, outside) as place:
                await place.give(early, "note", text="after the backup")
                await filed(place, early)
                await end(place, ended)
                late = await place.open()
                await acknowledge(place, number)
            before, seen = on_record(place), outside_of(outside)
            temporal.stop()

            # When the backup takes its place, before any worker runs
            for file in home.glob("temporal.db*"):
                file.unlink()
            for file in kept.glob("temporal.db*"):
                shutil.copy(file, home)
            environment = {"DATABASE_URL": database_url, **way_to(restored := await client())}

            async def looked() -> dict[str, str] | None:
                code, found = await ops(environment)
                return found if code == 3 and len(found) == 5 else None  # its list may be behind by a moment

            # Then each workflow that is older than its journal is named, and gives way to it
            differ = await until(looked)
            member = before["joined"][0][2]
            tickets = {workflow_id(one) for one in (early, ended, late, member)}
            assert differ.keys() == {*tickets, incident_workflow(number)}
            assert differ[workflow_id(late)] == "open in the journal at 2, and Temporal does not run it"
            assert differ[workflow_id(ended)] == "journal at 6, workflow at 2: the workflow is older"
            assert (await ops(environment, "--repair"))[0] == Code.DONE

            async def agree() -> bool:
                return await ops(environment) == (Code.DONE, {})

            await until(agree)
            async with working(restored, database_url, outside) as place:
                assert on_record(place) == before
                # and work goes on from the journal, on the same branch, and nothing is done twice
                await place.give(early, "note", text="and on")
                await place.give(late, "note", text="and on")
                answer = await place.incidents.handle(number, "mitigate", {"by": "ada"})
                await place.journalled(incident_workflow(number), answer.seq)
                assert place.epochs(early) == place.epochs(late) == {(1, False)}
            assert outside_of(outside) == seen
    finally:
        temporal.stop()

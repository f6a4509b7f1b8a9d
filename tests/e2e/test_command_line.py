"""The command line against real servers: a worker of its own process, PostgreSQL, Temporal."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import create_engine, text
from temporalio.client import Client

from tests.support.databases import fresh_database
from tests.support.packages import T2_GATE
from tests.support.terminal import Printed, command
from tests.support.timeskipping import Namespaces, way_to
from tests.support.waiting import PATIENCE, until
from workers.embedded import free_port

pytestmark = pytest.mark.long


class Terminal:
    """A shell whose environment leads to the servers of the test."""

    def __init__(self, temporal: Client, database_url: str, folder: Path) -> None:
        nowhere = f"http://127.0.0.1:{free_port()}"
        self.database_url = database_url
        self.folder = folder
        self.environment = {
            "DATABASE_URL": database_url,
            "TIERLINE_AGENT": "ada",
            "JIRA_URL": nowhere,
            "JIRA_EMAIL": "robot@example.com",
            "JIRA_API_TOKEN": "not-asked-for",
            "PAGER_URL": nowhere,
            "PAGER_ROUTING_KEY": "not-asked-for",
        } | way_to(temporal)

    async def run(self, *words: str, typed: str = "", **environment: str) -> Printed:
        return await command(self.environment | environment, *words, typed=typed, folder=self.folder)

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        """A command in a process of its own."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli.main", *words),
            env=os.environ | self.environment,
            cwd=self.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def open(self, *form: str) -> str:
        about = () if "--subject" in form else ("--subject", "Export fails")
        done = await self.run("ticket", "open", "--account", "acme", "--plan", "standard", *about, *form)
        assert done.code == 0, done.err
        return done.out.strip()

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        engine = create_engine(self.database_url)
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(statement))]
        finally:
            engine.dispose()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def terminal(
    temporal_namespaces: Namespaces, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Terminal]:
    with fresh_database(postgres_url) as url:
        yield Terminal(await temporal_namespaces.fresh(), url, tmp_path_factory.mktemp("terminal"))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def worked(terminal: Terminal) -> AsyncIterator[Terminal]:
    """The same shell while a worker runs, which is ready when it says so and ends with 0 when it is told to."""
    worker = await terminal.start("worker", "--json")
    assert worker.stdout is not None
    async with asyncio.timeout(PATIENCE):
        assert json.loads(await worker.stdout.readline())["ready"] == "worker"
    yield terminal
    worker.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE):
        _, err = await worker.communicate()
    assert (worker.returncode, b"Traceback" in err) == (0, False)


async def test_without_a_worker_a_ticket_is_opened_and_the_journal_shows_it(terminal: Terminal) -> None:
    ticket = await terminal.open("--subject", "Export fails", "--external-id", "mail-1")

    again = await terminal.run(
        *("ticket", "open", "--account", "acme", "--plan", "standard", "--external-id", "mail-1", "--json"),
        *("--subject", "Export fails"),
    )

    async def noted() -> dict[str, Any] | None:  # a task counts as one that nobody takes after ten seconds
        shown: dict[str, Any] = (await terminal.run("ticket", "show", ticket.upper().replace("-", " "), "--json")).json
        return shown if shown["note"] else None

    seen = await until(noted)

    assert again.json == {"ticket": ticket, "created": False, "started": True}
    assert (seen["id"], seen["live"], seen["subject"]) == (ticket, True, "Export fails")
    assert "no worker answers" in seen["note"]
    assert [(line["type"], line["by"]) for line in seen["timeline"]] == [("opened", "ada")]

    nowhere = f"127.0.0.1:{free_port()}"
    alone = (await terminal.run("ticket", "show", ticket, "--json", TEMPORAL_ADDRESS=nowhere)).json
    assert alone["note"].startswith(f"no Temporal answers at {nowhere}")
    assert alone["workflow_status"] == "unknown"
    assert alone | {"note": seen["note"], "live": True, "workflow_status": "running"} == seen


async def test_g3_an_escalation_with_nothing_filled_in_names_the_four_fields_in_order(worked: Terminal) -> None:
    ticket = await worked.open("--priority", "P2")
    assert (await worked.run("ticket", "take", ticket)).code == 0

    in_words = await worked.run("ticket", "escalate", ticket, "--id", "e1")
    as_json = await worked.run("ticket", "escalate", ticket, "--customer-impact", " \t", "--json")

    assert (in_words.code, in_words.out, in_words.err.count("\n")) == (1, "", 1)
    assert in_words.err.startswith("refused (missing_fields): ")
    options = [f"--{name.replace('_', '-')}" for name in T2_GATE]
    assert ", ".join(options) in in_words.err  # as they are typed
    assert (as_json.code, as_json.json["missing"], as_json.err) == (1, T2_GATE, "")  # blank is missing
    refusals = worked.query(f"select command, actor_id, code, channel from refusals where ticket_id = '{ticket}'")
    assert refusals == [("escalate", "ada", "missing_fields", "cli")] * 2

    # After a refusal, the same id with better content is a new try.
    given = json.dumps(dict.fromkeys(T2_GATE, "Said."))
    better = await worked.run("ticket", "escalate", ticket, "--id", "e1", "--json-fields", "-", typed=given)
    assert (better.code, "open in T2" in better.out) == (0, True)


async def test_g14_a_reply_to_what_has_moved_on_is_held_back_by_seen(worked: Terminal) -> None:
    ticket = await worked.open()
    seen = (await worked.run("ticket", "note", ticket, "--text", "Read.", "--json")).json["seq"]
    first = await worked.run("ticket", "respond", ticket, "--text", "It is fixed.", "--json", TIERLINE_AGENT="ben")
    assert first.code == 0, first.err

    late = ("ticket", "respond", ticket, "--text", "We look into it.", "--seen")
    held = await worked.run(*late, str(seen))
    assert (held.code, held.out) == (1, "")
    assert held.err.startswith("refused (moved_on): ")
    assert (await worked.run(*late, str(first.json["seq"]))).code == 0


async def test_the_same_command_id_gets_the_first_answer_and_stands_once(worked: Terminal) -> None:
    ticket = await worked.open()
    first, second = [
        await worked.run("ticket", "note", ticket, "--text", "-", "--id", "n1", "--json", typed="Seen before.\n")
        for _ in range(2)
    ]
    last = str(first.json["seq"])
    seen = (await worked.run("ticket", "show", ticket, "--seq", last, "--json")).json
    assert (first.code, second.code, second.json) == (0, 0, first.json)
    assert [line["texts"] for line in seen["timeline"] if line["type"] == "noted"] == [{"text": "Seen before."}]
    assert (seen["live"], seen["note"], seen["seq"]) == (True, "", first.json["seq"])
    assert seen["clocks"]["first_response"]["contract"]["cell"] == "plans.standard.first_response"


async def test_an_unknown_ticket_is_one_clear_line_and_a_code_of_its_own(worked: Terminal) -> None:
    line = "there is no ticket 0000-0000-0000\n"
    shown = await worked.run("ticket", "show", "0000-0000-0000")
    assert (shown.code, shown.out, shown.err) == (4, "", line)

    process = await worked.start("ticket", "take", "0000-0000-0000")
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    assert (process.returncode, out, err) == (4, b"", line.encode())


async def test_without_a_database_the_workflow_still_says_how_the_ticket_stands(worked: Terminal) -> None:
    ticket = await worked.open()
    nowhere = f"postgresql://u@127.0.0.1:{free_port()}/d"
    seen = (await worked.run("ticket", "show", ticket, "--json", DATABASE_URL=nowhere)).json
    assert (seen["live"], seen["status"], seen["timeline"]) == (True, "new", [])
    assert "PostgreSQL" in seen["note"]


async def test_g10_the_queue_gives_what_nobody_holds_and_a_taken_ticket_leaves_it(worked: Terminal) -> None:
    critical = ("--plan", "enterprise", "--account", "other", "--priority", "P1")
    ticket = await worked.open(*critical)
    of_plan = ("queue", "--plan", "enterprise", "--json")
    offered = (await worked.run(*of_plan, "--next")).json["ticket"]
    assert (offered["id"], offered["account"]) == (ticket, "other")

    await worked.run("ticket", "take", ticket)

    async def projected() -> bool:
        return (await worked.run(*of_plan, "--next")).json["ticket"] is None

    await until(projected)
    held = (await worked.run(*of_plan, "--assignee", "ada")).json["tickets"]
    assert [line["id"] for line in held] == [ticket]

"""Commands of README.md and docs/reference.md, pasted without a pause, print what the page shows; and README's "One
ticket's way", walked on the desk alone. With all of Tierline's processes, which are started once."""

import asyncio
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.client import Client

from domain.core.enums import Plan, Role, Status
from domain.core.ids import ticket_id
from domain.ticket.state import Ticket, workflow_id
from services.security.auth import create_token
from store.database import Database
from tests.support import ticket_way as way
from tests.support.desk_browser import browser, sign_in
from tests.support.local_tierline import reached, whole_house
from tests.support.readme_reader import README, REFERENCE, SPEED, Reader, agrees, commands
from tests.support.temporal_ui import CHROMIUM
from tests.support.waiting import PATIENCE
from workers.local import Local

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def house() -> Iterator[Local]:
    folder = Path(tempfile.mkdtemp(prefix="tl-"))
    with whole_house(folder, TIERLINE_SPEED=SPEED) as running:
        yield running
    shutil.rmtree(folder, ignore_errors=True)


async def test_pasted_commands_of_the_readme_print_what_it_shows(house: Local) -> None:
    async with reached(house) as (client, _):
        reader = Reader(house, client)
        for command in commands(README, "One ticket's way"):
            printed = await reader.paste(command)
            assert agrees(command.output, printed), "\n".join([f"$ {command.line}", *printed])


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
async def test_one_tickets_way_is_walked_on_the_desk_alone(house: Local) -> None:
    async with reached(house) as (_, db), browser() as running:
        url = house.pages["API"].removesuffix("/api/v1")
        ada = await sign_in(running, url, token(db, "ada"))
        page = await ada.tab("/desk/queue")
        await way.opened_and_answered(page)
        await way.handed_to_tier_2(page)
        ben = await sign_in(running, url, token(db, "ben"))
        page = await ben.tab(page.url.removeprefix(url))
        issue = await way.handed_to_engineering(page)
        await way.fixed_by_engineering(await ben.context.new_page(), issue)
        await way.resolved_and_closed(page)
        assert ada.trouble + ben.trouble == []


async def test_pasted_lines_for_the_temporal_command_do_what_the_reference_says(house: Local) -> None:
    ticket = ticket_id("cli", "mail-2042")
    did = []
    async with reached(house) as (client, _):
        reader = Reader(house, client)
        for command in commands(REFERENCE, "Updates and Signals"):
            printed = await reader.paste(command)
            assert agrees(command.output, printed), "\n".join([f"$ {command.line}", *printed])
            seen = await _see(client, ticket)
            did.append((*command.words[:3], seen.assignee, seen.status))

    assert did == [
        ("tierline", "ticket", "open", None, Status.NEW),
        ("temporal", "workflow", "signal", "ada", Status.OPEN),
        ("temporal", "workflow", "update", "ada", Status.OPEN),
        ("temporal", "workflow", "update", "ada", Status.RESOLVED),
    ]


async def test_the_program_of_the_ops_page_replaces_the_terms_of_an_open_ticket(house: Local) -> None:
    page = (README.parent / "docs" / "ops.md").read_text()
    (program,) = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    async with reached(house) as (client, _):
        form = ("--account", "acme", "--plan", "standard", "--subject", "Export fails")
        (ticket,) = await Reader(house, client).tierline("ticket", "open", *form)

        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program.replace("4k7m-3q9x-tbd2", ticket)),
            env=os.environ | house.environment,
            cwd=README.parent,
        )
        async with asyncio.timeout(PATIENCE):
            await process.wait()

        seen = await _see(client, ticket)
        assert (seen.account.plan, seen.terms.plan.csm) == (Plan.ENTERPRISE, "named")


async def test_temporal_takes_every_query_of_the_ops_page(house: Local) -> None:
    text = (README.parent / "docs" / "ops.md").read_text()
    queries = re.findall(r"`([A-Z][A-Za-z]+ ?(?:[=<]|is not null)[^`]*)`", text)
    async with reached(house) as (client, _):
        for query in queries:
            await client.count_workflows(query)  # raises for what it does not understand
    assert len(queries) >= 15


async def _see(client: Client, ticket: str) -> Ticket:
    return await client.get_workflow_handle(workflow_id(ticket)).query("ticket", result_type=Ticket)


def token(db: Database, name: str) -> str:
    return create_token(db, name, Role.AGENT, timedelta(days=1), datetime.now(UTC))[0]

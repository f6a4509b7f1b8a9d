"""The README's commands, pasted one after the other, print what the README says that they print."""

import asyncio
import os
import re
import sys
from pathlib import Path

from temporalio.client import Client

from domain.ids import ticket_id
from domain.ticket import Ticket, workflow_id
from domain.words import Plan, Status
from tests.e2e.house import reached, whole_house
from tests.e2e.readme import README, Reader, agrees, commands


async def test_pasted_commands_of_the_readme_print_what_it_shows(home: Path) -> None:
    with whole_house(home) as running:
        async with reached(running) as (client, _):
            reader = Reader(running, client)
            for command in commands("One ticket's way"):
                printed = await reader.paste(command)
                assert agrees(command.output, printed), "\n".join([f"$ {command.line}", *printed])

            # The lines for Temporal's own command do what they say.
            ticket = ticket_id("cli", "mail-2042")
            signalled = resolved = False
            for command in commands("Updates and Signals"):
                printed = await reader.paste(command)
                assert agrees(command.output, printed), "\n".join([f"$ {command.line}", *printed])
                if command.words[:3] == ["temporal", "workflow", "signal"]:
                    signalled = (await _see(client, ticket)).assignee == "ada"
                if command.words[:3] == ["temporal", "workflow", "update"]:
                    resolved = (await _see(client, ticket)).status is Status.RESOLVED
            assert (signalled, resolved) == (True, True)


async def test_the_program_of_the_ops_page_replaces_the_terms_of_an_open_ticket(home: Path) -> None:
    (program,) = re.findall(
        r"^```python\n(.*?)^```$", (README.parent / "docs" / "ops.md").read_text(), re.DOTALL | re.MULTILINE
    )
    with whole_house(home) as running:
        async with reached(running) as (client, _):
            reader = Reader(running, client)
            (ticket,) = await reader.tierline("ticket", "open", "--account", "acme", "--plan", "standard")

            environment = os.environ | running.environment
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", program.replace("4k7m-3q9x-tbd2", ticket)), env=environment, cwd=README.parent
            )
            async with asyncio.timeout(60):
                await process.wait()

            seen = await _see(client, ticket)
            assert (seen.account.plan, seen.terms.plan.csm) == (Plan.ENTERPRISE, "named")


async def _see(client: Client, ticket: str) -> Ticket:
    return await client.get_workflow_handle(workflow_id(ticket)).query("ticket", result_type=Ticket)

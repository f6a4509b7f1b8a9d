"""`tierline erase` against a real Temporal and PostgreSQL, with a ticket that is closed and one that is open."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.ticket.state import workflow_id
from services.intake.request import OpenRequest
from store import journal
from store.database import Database
from tests.support.encrypted_tierline import EncryptedTierline
from tests.support.packages import RECORD
from tests.support.terminal import command
from tests.support.waiting import until

pytestmark = pytest.mark.long

JANE = "jane@example.com"
WORDS = "My card ends in 4242"


class ErasureCommand:
    """The place at work, and a terminal beside it."""

    def __init__(
        self, encrypted: EncryptedTierline, database_url: str, client: Client, db: Database, tickets: list[str]
    ) -> None:
        self.client = client
        self.db = db
        self.closed, self.open = tickets
        self._environment = {
            "DATABASE_URL": database_url,
            "TEMPORAL_ADDRESS": encrypted.address,
            "TIERLINE_AGENT": "olga",
        }

    async def erase(self, *words: str) -> tuple[int, str]:
        """The command: its exit code and all that it printed."""
        printed = await command(self._environment, "erase", *words, one_screen=True)
        return printed.code, printed.out

    def texts(self, ticket: str) -> dict[str, str]:
        with self.db.session() as session:
            return journal.texts(session, ticket)

    async def listed(self, ticket: str) -> bool:
        return (await self.client.count_workflows(f"WorkflowId = '{workflow_id(ticket)}'")).count == 1

    async def has_history(self, ticket: str) -> bool:
        try:
            await self.client.get_workflow_handle(workflow_id(ticket)).fetch_history()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return True


@pytest_asyncio.fixture(loop_scope="session")
async def desk(encrypted: EncryptedTierline, database_url: str) -> AsyncIterator[ErasureCommand]:
    async with encrypted.working() as (front, client, db):
        tickets = []
        for number in ("1", "2"):
            account = {"id": "acme", "plan": "standard"}
            form: dict[str, Any] = {"source": "zendesk", "external_id": number, "account": account}
            form |= {"subject": WORDS, "by": JANE}
            tickets.append((await front.open(OpenRequest.parse(form))).ticket)
        await front.handle(tickets[0], "resolve", {"by": "ada"} | RECORD)
        await front.handle(tickets[0], "close", {"by": "ada"})
        await client.get_workflow_handle(workflow_id(tickets[0])).result()
        there = ErasureCommand(encrypted, database_url, client, db, tickets)

        async def listed() -> bool:
            return all([await there.listed(ticket) for ticket in tickets])

        await until(listed)
        yield there


async def test_without_yes_it_says_what_there_is_and_where_else_and_changes_nothing(desk: ErasureCommand) -> None:
    code, said = await desk.erase("--requester", JANE)
    assert code == 0
    for line in (
        f"{desk.closed}, closed: 5 texts, 0 deliveries, 1 place with a customer's id",
        "not Tierline's to erase - zendesk: erase 1 there",
        "not Tierline's to erase - backups and replicas of the database",
        "Temporal keeps the histories of ended tickets for 1 day after their end; --histories now deletes them",
        f"still open, with what was said so far in their histories until they end: {desk.open}",
        "nothing was changed: with --yes and --reason it is erased",
    ):
        assert line in said
    assert WORDS in desk.texts(desk.closed).values()


async def test_with_yes_texts_are_gone_at_once_and_histories_of_ended_tickets_too_where_asked(
    desk: ErasureCommand,
) -> None:
    code, said = await desk.erase(
        *("--requester", JANE, "--reason", "request 17", "--histories", "now", "--yes", "--json")
    )
    told = json.loads(said)
    assert (code, told["erased"], told["histories"], told["running"]) == (0, True, 1, [desk.open])
    assert (desk.texts(desk.closed), desk.texts(desk.open)) == ({}, {})

    async def deleted() -> bool:
        return not await desk.has_history(desk.closed)

    await until(deleted)  # the server takes its time
    assert await desk.has_history(desk.open)
    assert json.loads((await desk.erase("--account", "acme", "--json"))[1])["found"]["tickets"][0]["texts"] == 0


async def test_an_erased_ticket_that_is_open_goes_on(desk: ErasureCommand) -> None:
    code, _ = await desk.erase("--ticket", desk.open, "--reason", "request 17", "--yes")
    assert code == 0
    handle = desk.client.get_workflow_handle(workflow_id(desk.open))
    await handle.execute_update("note", {"by": "ada", "text": "after that"})

    async def noted() -> bool:
        return desk.texts(desk.open) != {}

    await until(noted)
    assert list(desk.texts(desk.open).values()) == ["after that"]


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        ((), 1, "say whom: one of --account, --ticket, --requester"),
        (("--account", "acme", "--requester", JANE), 1, "say whom"),
        (("--account", "acme", "--yes"), 1, "say why"),
        (("--ticket", "0000-0000-0000"), 4, "there is no ticket"),
    ],
)
async def test_what_cannot_be_done_is_one_line(
    desk: ErasureCommand, words: tuple[str, ...], code: int, line: str
) -> None:
    found, said = await desk.erase(*words)
    assert (found, line in said, said.count("\n")) == (code, True, 1)

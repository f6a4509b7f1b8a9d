"""Accounts: an import of the CRM's file, and what it means for tickets whose account nobody knew."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import select
from temporalio.client import Client

from cli.main import run
from domain.core.enums import Plan
from domain.core.ids import ticket_id
from domain.ticket.state import Account, Ticket, workflow_id
from integrations.standins.run import running
from services.intake.enrichment import Matching
from services.intake.request import OpenRequest
from services.tickets import TicketService
from store import accounts, journal
from store.database import Database
from store.tables.integrations import InboxRow
from tests.support.clients import clients
from tests.support.policy import POLICY
from tests.support.timeskipping import way_to
from tests.support.waiting import until
from workers.bootstrap import Clients
from workers.worker import running as workers_running

pytestmark = pytest.mark.long


def form(account: str, **said: Any) -> OpenRequest:
    return OpenRequest.parse({"external_id": uuid4().hex, "account": {"id": account} | said})


class AccountImport:
    def __init__(self, client: Client, db: Database, outside: Clients) -> None:
        self.client, self.db, self.outside = client, db, outside
        self.desk = TicketService(client, db, POLICY)
        self.matching = Matching(client, db, POLICY)

    async def seen(self, ticket: str) -> Ticket:
        handle = self.client.get_workflow_handle(workflow_id(ticket))
        found: Ticket = await handle.query("ticket", result_type=Ticket)
        return found

    def types(self, ticket: str) -> list[str]:
        with self.db.session() as session:
            return [entry.event.body.type for entry in journal.timeline(session, ticket)]


@pytest_asyncio.fixture(loop_scope="session")
async def world(
    temporal_dev: Client, database_url: str, db: Database, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AccountImport]:
    for name, value in ({"DATABASE_URL": database_url} | way_to(temporal_dev)).items():
        monkeypatch.setenv(name, value)
    with running() as standins:
        outside = clients(db, standins)
        yield AccountImport(temporal_dev, db, outside)


async def cli(*words: str) -> int:
    return await asyncio.to_thread(run, words)


async def test_an_import_gives_open_tickets_of_unknown_accounts_their_terms_once(
    world: AccountImport, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text("id,plan,arr,fee\nacme,enterprise,120000,10000\nbeta,free,,\n")
    async with workers_running(world.client, world.outside):
        unknown = (await world.desk.open(form("acme"))).ticket
        said = (await world.desk.open(form("acme2"))).ticket

        assert await cli("account", "import", str(file), "--json") == 0
        await until(lambda: "account_matched" in world.types(unknown))
        assert await cli("account", "import", str(file), "--json") == 0

    first, again = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    counts = {"new": 2, "changed": 0, "unchanged": 0, "tickets_told": 1}
    assert first == first | counts
    assert again == again | {"new": 0, "changed": 0, "unchanged": 2, "tickets_told": 0}
    with world.db.session() as session:
        ticket, other = journal.load(session, unknown), journal.load(session, said)
    assert ticket is not None
    assert other is not None
    assert (ticket.account.plan, ticket.account.fee, ticket.account_unknown) == (Plan.ENTERPRISE, 10000, False)
    assert other.account_unknown
    assert world.types(unknown) == ["opened", "account_matched"]


async def test_what_is_wrong_with_a_file_is_told_and_nothing_of_it_is_taken_over(
    world: AccountImport, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text("id,plan,zone\nacme,premium,Europe/Berlin\nbeta,gold,\ngamma,free,Mars/Base\n")
    assert await cli("account", "import", str(file)) == 1
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "accounts.csv, line 3, column plan: 'gold' is none of free, standard, premium, enterprise",
        "accounts.csv, line 4, column zone: 'Mars/Base' is not an IANA time zone, as Europe/Berlin is",
        "nothing was taken over: 2 to correct",
    ]
    assert await cli("account", "show", "acme") == 4
    assert await cli("account", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"accounts": []}


async def test_while_no_worker_runs_a_ticket_is_told_once_and_hears_it_later(
    world: AccountImport, tmp_path: Path
) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text("id,plan\nacme,premium\n")
    ticket = (await world.desk.open(form("acme"))).ticket
    assert await cli("account", "import", str(file)) == 0
    assert [await world.matching.work() for _ in range(3)] == [0, 0, 0]  # it stands in its history already
    async with workers_running(world.client, world.outside):
        await until(lambda: "account_matched" in world.types(ticket))
        assert (await world.seen(ticket)).account.plan is Plan.PREMIUM


async def test_one_that_died_between_telling_and_noting_it_is_told_again_as_no_news(world: AccountImport) -> None:
    async with workers_running(world.client, world.outside):
        ticket = (await world.desk.open(form("acme"))).ticket
        with world.db.begin() as session:
            accounts.save_accounts(
                session, [(await world.seen(ticket)).account.model_copy(update={"plan": Plan.PREMIUM})]
            )
        fact = world.matching._fact(ticket)
        assert fact is not None
        handle = world.client.get_workflow_handle(workflow_id(ticket))
        await handle.signal("match_account", fact.model_dump(mode="json"))  # and then it died
        assert await world.matching.work() <= 1
        await until(lambda: "account_matched" in world.types(ticket))
        await world.desk.handle(ticket, "note", {"by": "ada", "text": "x"})
        await until(lambda: "noted" in world.types(ticket))
    assert world.types(ticket) == ["opened", "account_matched", "noted"]


async def test_a_ticket_whose_workflow_has_not_started_is_told_at_a_later_look(world: AccountImport) -> None:
    request = form("acme")
    ticket = ticket_id(request.source, request.external_id)
    await asyncio.to_thread(world.desk._put_on_record, request, None, {})
    with world.db.begin() as session:
        accounts.save_accounts(session, [Account(id="acme", plan=Plan.PREMIUM)])
    assert await world.matching.work() == 0
    with world.db.session() as session:
        assert session.scalars(select(InboxRow).where(InboxRow.source == "account-match")).all() == []
    async with workers_running(world.client, world.outside):
        await world.desk.open(request)
        assert await world.matching.work() == 1
        await until(lambda: "account_matched" in world.types(ticket))


async def test_a_known_account_is_what_its_tickets_open_under_whatever_they_say(
    world: AccountImport, tmp_path: Path
) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text("id,plan,csm\nacme,free,carol\n")
    assert await cli("account", "import", str(file)) == 0
    async with workers_running(world.client, world.outside):
        ticket = (await world.desk.open(form("acme", plan="enterprise"))).ticket
        seen = await world.seen(ticket)
    assert (seen.account.plan, seen.account.csm, seen.account_unknown) == (Plan.FREE, "carol", False)

"""`tierline account`: the customers, as the CRM last told of them."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from temporalio.service import RPCError

from cli.output import Code, complain, console, example, print_json, safe, say, telling
from domain.core.enums import Plan
from domain.core.refusal import Refused
from domain.ticket.state import Account
from integrations.crm.csv_file import COLUMNS, CsvFile
from integrations.crm.port import CrmFault
from services.intake.enrichment import Matching, faults_of, take_over
from store import accounts
from store.database import Database
from workers.bootstrap import database, load_policy_at_speed
from workers.settings import Settings, load_settings
from workers.temporal import TemporalError, connect

app = typer.Typer(
    no_args_is_help=True,
    help="Accounts: plan, revenue, health and support hours of each customer, by id. No names, no addresses.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]
PROGRESS = 10_000
"""Accounts between two signs of life."""


@app.command("import", epilog=example("tierline account import accounts.csv"))
def import_(
    file: Annotated[Path, typer.Argument(help=f"A CSV file whose first line names its columns: {', '.join(COLUMNS)}.")],
    as_json: AsJson = False,
) -> None:
    """Take over the accounts of a CSV file: all of them, or none if anything in it is wrong.

    Accounts that are not in it stay as they are. The same file again changes nothing. Open tickets of accounts that
    nobody knew are given their terms, counted from their opening.
    """
    with telling(as_json):
        settings = load_settings()
        policy = load_policy_at_speed(settings)
        db = database(settings, "account")
        try:
            source = _Counted(CsvFile(file, lambda account: faults_of(policy, account)), quiet=as_json)
            saved = take_over(db, source)
            told = asyncio.run(_match(settings, db))
        except CrmFault as fault:
            raise typer.Exit(_tell_faults(fault, as_json)) from None
        finally:
            db.dispose()
        if as_json:
            print_json({**saved._asdict(), "tickets_told": told})
        else:
            say(f"{saved.new:,} new, {saved.changed:,} changed, {saved.unchanged:,} as they were")
            if told:
                say(f"{told} open tickets are given the terms of their accounts")


class _Counted:
    """A CRM whose accounts are counted aloud, on stderr, where somebody watches."""

    def __init__(self, crm: CsvFile, *, quiet: bool) -> None:
        self._crm = crm
        self._quiet = quiet or not sys.stderr.isatty()

    def accounts(self) -> Iterator[Account]:
        for number, account in enumerate(self._crm.accounts(), 1):
            if number % PROGRESS == 0 and not self._quiet:
                complain(f"{number:,} accounts read")
            yield account


async def _match(settings: Settings, db: Database) -> int:
    """Tell the tickets at once. Where Temporal is away, a worker does it later."""
    try:
        return await Matching(await connect(settings), db, load_policy_at_speed(settings)).work()
    except (TemporalError, RPCError):
        return 0


def _tell_faults(fault: CrmFault, as_json: bool) -> Code:
    if as_json:
        print_json({"code": "malformed", "faults": fault.faults, "more": fault.more})
        return Code.REFUSED
    for line in fault.faults:
        complain(line)
    more = f" and {fault.more:,} more" if fault.more else ""
    complain(f"nothing was taken over: {len(fault.faults)}{more} to correct")
    return Code.REFUSED


@app.command("list", epilog=example("tierline account list --plan enterprise", "tierline account list --unknown"))
def list_(
    plan: Annotated[Plan | None, typer.Option(case_sensitive=False, help="Only of this plan.")] = None,
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Those that have open tickets, and of which nobody has told.")
    ] = False,
    after: Annotated[str, typer.Option(metavar="ID", help="Only those whose ids come after this one.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List accounts by id."""
    with telling(as_json):
        db = database(load_settings(), "account")
        try:
            with db.session() as session:
                waiting = accounts.unknown(session, limit) if unknown else {}
                found = [] if unknown else accounts.accounts(session, plan=plan, after=after, limit=limit)
        finally:
            db.dispose()
        if unknown:
            _tell_unknown(waiting, as_json)
        else:
            _tell(found, as_json)


@app.command("show", epilog=example("tierline account show acme"))
def show(
    account: Annotated[str, typer.Argument(help="The account's id.", show_default=False)], as_json: AsJson = False
) -> None:
    """Show one account."""
    with telling(as_json):
        db = database(load_settings(), "account")
        try:
            with db.session() as session:
                found = accounts.find_account(session, account)
        finally:
            db.dispose()
        if found is None:
            raise Refused("not_found", f"nobody has told of an account {account[:100]!r}")
        _tell([found], as_json)


def _tell_unknown(waiting: dict[str, int], as_json: bool) -> None:
    if as_json:
        return print_json({"unknown": waiting})
    for account, tickets in waiting.items():
        say(f"{account}: {tickets} open tickets")
    if not waiting:
        say("every open ticket's account is known")


def _tell(found: list[Account], as_json: bool) -> None:
    if as_json:
        return print_json({"accounts": [account.model_dump(mode="json") for account in found]})
    if not found:
        return say("there is none")
    table = Table(box=None, pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, justify="right" if column in ("arr", "fee") else "left")
    for account in found:
        table.add_row(*(safe(str(getattr(account, name) or "-")) for name in COLUMNS))
    console().print(table)

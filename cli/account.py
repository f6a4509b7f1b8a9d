"""`tierline account`: the customers, as the CRM or an import last had them."""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from temporalio.service import RPCError

from cli.output import Code, console, example, exit_on_failure, print_error, print_json, print_line, safe
from domain.core.enums import Plan
from domain.core.ids import account_id
from domain.core.refusal import Refused
from domain.ticket.state import Account
from integrations.crm.csv_file import COLUMNS, CsvFile, Recognised
from integrations.crm.port import CrmFault
from services import statement_texts
from services.intake.enrichment import Matching, faults_of, take_over, unclear_places, without_named_csm
from services.statement import month_of
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

    Accounts that are not in it stay as they are, and so does what it has no column for. An empty cell of a column that
    is there clears what was known. The same file again changes nothing. Commas, semicolons, tabs or bars separate the
    fields; the text is UTF-8, or UTF-16 with its mark. Open tickets of accounts that nobody knew are given their terms,
    counted from their opening.
    """
    with exit_on_failure(as_json):
        settings = load_settings()
        policy = load_policy_at_speed(settings)
        db = database(settings, "account")
        try:
            crm = CsvFile(file, lambda account: faults_of(policy, account))
            saved = take_over(db, _Counted(crm, quiet=as_json))
            unclear = [*unclear_places(db, policy), *without_named_csm(db, policy)]
            matched = asyncio.run(_match(settings, db))
        except CrmFault as fault:
            raise typer.Exit(_print_faults(fault, as_json)) from None
        finally:
            db.dispose()
        if as_json:
            read = asdict(crm.recognised) | {"absent": crm.recognised.absent} if crm.recognised else None
            print_json({**saved._asdict(), "tickets_told": matched, "read": read, "notes": unclear})
        else:
            _print_recognised(crm.recognised)
            print_line(f"{saved.new:,} new, {saved.changed:,} changed, {saved.unchanged:,} as they were")
            if matched:
                print_line(f"{matched} open tickets are given the terms of their accounts")
            for note in unclear:
                print_line(safe(f"note: {note}"))


def _print_recognised(read: Recognised | None) -> None:
    if read:
        print_line(f"read as {read.encoding}, separated by {read.separator}; columns: {', '.join(read.columns)}")
        if read.absent:
            print_line(f"not in the file, and so as they were: {', '.join(read.absent)}")


class _Counted:
    """A CRM whose accounts are counted aloud, on stderr, where somebody watches."""

    def __init__(self, crm: CsvFile, *, quiet: bool) -> None:
        self._crm = crm
        self._quiet = quiet or not sys.stderr.isatty()

    def accounts(self) -> Iterator[Account]:
        for number, account in enumerate(self._crm.accounts(), 1):
            if number % PROGRESS == 0 and not self._quiet:
                print_error(f"{number:,} accounts read")
            yield account


async def _match(settings: Settings, db: Database) -> int:
    """Tell the tickets at once. Where Temporal is away, a worker does it later."""
    try:
        return await Matching(await connect(settings), db, load_policy_at_speed(settings)).work()
    except (TemporalError, RPCError):
        return 0


def _print_faults(fault: CrmFault, as_json: bool) -> Code:
    if as_json:
        print_json({"code": "malformed", "faults": fault.faults, "more": fault.more})
        return Code.REFUSED
    for line in fault.faults:
        print_error(line)
    more = f" and {fault.more:,} more" if fault.more else ""
    print_error(f"nothing was taken over: {len(fault.faults)}{more} to correct")
    return Code.REFUSED


@app.command("list", epilog=example("tierline account list --plan enterprise", "tierline account list --unknown"))
def list_(
    plan: Annotated[Plan | None, typer.Option(case_sensitive=False, help="Only of this plan.")] = None,
    unknown: Annotated[bool, typer.Option("--unknown", help="Those that have open tickets and are not known.")] = False,
    after: Annotated[str, typer.Option(metavar="ID", help="Only those whose ids come after this one.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List accounts by id."""
    with exit_on_failure(as_json):
        db = database(load_settings(), "account")
        try:
            with db.session() as session:
                waiting = accounts.unknown(session, limit) if unknown else {}
                found = [] if unknown else accounts.accounts(session, plan=plan, after=after, limit=limit)
        finally:
            db.dispose()
        if unknown:
            _print_unknown(waiting, as_json)
        else:
            _print_accounts(found, as_json)


@app.command("show", epilog=example("tierline account show acme"))
def show(
    account: Annotated[str, typer.Argument(help="The account's id.", show_default=False)], as_json: AsJson = False
) -> None:
    """Show one account."""
    with exit_on_failure(as_json):
        try:
            known = account_id(account)
        except ValueError as error:
            raise Refused("not_found", f"an account's id {error}") from None
        db = database(load_settings(), "account")
        try:
            with db.session() as session:
                found = accounts.find_account(session, known)
        finally:
            db.dispose()
        if found is None:
            raise Refused(
                "not_found", f"no account {account[:100]!r} is known: `tierline account list` lists those that are"
            )
        _print_accounts([found], as_json)


@app.command(epilog=example("tierline account statement acme --month 2026-11 --csv"))
def statement(
    account: Annotated[str, typer.Argument(help="The account's id.", show_default=False)],
    month: Annotated[str, typer.Option(metavar="MONTH", help="The month, as in 2026-11.")],
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV instead: tickets, clocks, credits, incidents.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print an account's month: tickets, clocks kept and missed, credits, incidents (F8)."""
    with exit_on_failure(as_json):
        settings = load_settings()
        db = database(settings, "account")
        try:
            read = month_of(db, load_policy_at_speed(settings), account, month)
        finally:
            db.dispose()
        if as_json:
            return print_json(read.whole().model_dump(mode="json"))
        if as_csv:
            return print_line(statement_texts.as_csv(read).replace("\r\n", "\n").rstrip("\n"))
        found = read.head
        print_line(safe(f"{found.account}, {found.month} ({found.zone}): {found.opened} tickets opened"))
        print_line(f"{found.kept} clocks kept, {found.missed} missed, {found.waived} waived; {found.resolved} resolved")
        print_line(f"{found.credited:,.2f} in {len(found.credits)} credits; {len(found.incidents)} incidents")


def _print_unknown(waiting: dict[str, int], as_json: bool) -> None:
    if as_json:
        return print_json({"unknown": waiting})
    for account, tickets in waiting.items():
        print_line(f"{account}: {tickets} open tickets")
    if not waiting:
        print_line("every open ticket's account is known")


def _print_accounts(found: list[Account], as_json: bool) -> None:
    if as_json:
        return print_json({"accounts": [account.model_dump(mode="json") for account in found]})
    if not found:
        return print_line("there is none")
    table = Table(box=None, pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, justify="right" if column in ("arr", "fee") else "left")
    for account in found:
        table.add_row(*(safe(str(getattr(account, name) or "-")) for name in COLUMNS))
    console().print(table)

"""`tierline credit`: what breaches are owed (F2), who decides about it, and what is to come."""

from typing import Annotated, Any

import typer
from rich.text import Text

from cli.backend import login
from cli.commands import Claimed
from cli.output import console, example, exit_on_failure, print_json, print_line, safe
from cli.tables import Column, draw_table
from domain.core.enums import Role
from domain.credits.credit import Credit, CreditState
from domain.policy.money import CreditsRow
from services import credits
from store.database import Database
from store.refunds import RefundLine
from workers.bootstrap import database, load_policy_at_speed
from workers.settings import load_settings

app = typer.Typer(
    no_args_is_help=True,
    help="Credits: what is owed for breaches of the contract, who approves it, and what open clocks would cost.",
)

Id = Annotated[str, typer.Argument(help="The credit's id.", show_default=False, metavar="CREDIT")]
Of = Annotated[str | None, typer.Option("--account", metavar="ID", help="Only of this account.")]
By = Annotated[
    str | None,
    typer.Option(help="Who decides.", envvar="TIERLINE_AGENT", show_default="your login name", metavar="NAME"),
]
InRole = Annotated[Claimed, typer.Option("--role", case_sensitive=False, help="In which role.")]
LEAD = Claimed("lead")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]
COLUMNS = (
    Column("credit"), Column("account"), Column("month"), Column("metric"), Column("for"), Column("percent"),
    Column("amount"), Column("state"),
)  # fmt: skip


@app.command("list", epilog=example("tierline credit list --state proposed", "tierline credit list --account acme"))
def list_(
    state: Annotated[list[CreditState] | None, typer.Option(case_sensitive=False, help="Only in this state.")] = None,
    account: Of = None,
    month: Annotated[str | None, typer.Option(metavar="MONTH", help="Only of this month, as in 2026-11.")] = None,
    after: Annotated[str, typer.Option(metavar="CREDIT", help="Only those whose ids come after this one.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List credits."""
    with exit_on_failure(as_json), Opened("credit") as db:
        found = credits.listed(db, states=state or (), account=account, month=month, after=after, limit=limit)
        if as_json:
            return print_json(found.model_dump(mode="json"))
        _print_credits(found.credits)
        if found.next:
            print_line(f"more: --after {found.next}")


@app.command(epilog=example("tierline credit show credit-1f0c9a1be52d7c60-1"))
def show(credit: Id, as_json: AsJson = False) -> None:
    """Show a credit, and what became of it."""
    with exit_on_failure(as_json), Opened("credit") as db:
        found = credits.detail(db, credit)
        if as_json:
            return print_json(found.model_dump(mode="json"))
        _print_credits([found.credit])
        print_line(safe(f"for {found.credit.problem}: tickets {', '.join(found.credit.tickets)}"))
        for one in found.acts:
            why = f": {one.reason}" if one.reason else ""
            print_line(safe(f"{one.at:%Y-%m-%d %H:%M} UTC  {one.state} by {one.by}{why}"))


@app.command(epilog=example("tierline credit approve credit-1f0c9a1be52d7c60-1 --by lea"))
def approve(credit: Id, by: By = None, role: InRole = LEAD, as_json: AsJson = False) -> None:
    """Approve a credit. Whoever held one of its tickets may not."""
    with exit_on_failure(as_json), Opened("credit") as db:
        print_done(credit, credits.approve(db, _rules(), credit, by or login(), Role(role.value)), as_json)


@app.command(epilog=example("tierline credit void credit-1f0c9a1be52d7c60-1 --by lea --reason 'Paid in another way'"))
def void(
    credit: Id,
    by: By = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why. It stands in the ledger.")] = "",
    role: InRole = LEAD,
    as_json: AsJson = False,
) -> None:
    """Void a credit, with a reason; one that billing has is reversed."""
    with exit_on_failure(as_json), Opened("credit") as db:
        print_done(credit, credits.call_off(db, _rules(), credit, by or login(), Role(role.value), reason), as_json)


@app.command(epilog=example("tierline credit apply credit-1f0c9a1be52d7c60-1 --by fin"))
def apply(credit: Id, by: By = None, role: InRole = LEAD, as_json: AsJson = False) -> None:
    """Say that billing has an approved credit, where that is done by hand."""
    with exit_on_failure(as_json), Opened("credit") as db:
        print_done(credit, credits.apply(db, _rules(), credit, by or login(), Role(role.value)), as_json)


@app.command(epilog=example("tierline credit send credit-1f0c9a1be52d7c60-1"))
def send(credit: Id, role: InRole = LEAD, as_json: AsJson = False) -> None:
    """Send a credit to billing again, where that was given up. The id under which billing gets it stays."""
    with exit_on_failure(as_json), Opened("credit") as db:
        print_done(credit, credits.send(db, _rules(), credit, Role(role.value)), as_json)


@app.command(epilog=example("tierline credit exposure", "tierline credit exposure --account acme"))
def exposure(account: Of = None, as_json: AsJson = False) -> None:
    """Say what open contract clocks would cost if nobody acts."""
    with exit_on_failure(as_json), Opened("credit") as db:
        found = credits.exposure(db, account)
        if as_json:
            return print_json(found.model_dump(mode="json"))
        _print_credits(found.credits)
        unknown = f"; {found.unknown} more without a known fee" if found.unknown else ""
        print_line(f"{found.total:,.2f} if nobody acts{unknown}{'' if found.complete else '; not all were looked at'}")


@app.command(epilog=example("tierline credit check", "tierline credit check --mend"))
def check(
    mend: Annotated[bool, typer.Option("--mend", help="Make anew what differs.")] = False, as_json: AsJson = False
) -> None:
    """Compare the ledger with the contract breaches that stand. Exit code 3 if something differs."""
    with exit_on_failure(as_json), Opened("credit") as db:
        found = credits.check(db, mend=mend)
        if as_json:
            print_json(found.model_dump(mode="json"))
        else:
            for one in (*(f"ticket {name}" for name in found.tickets), *found.credits):
                print_line(safe(f"{one} differs{': mended' if mend else ''}"))
            if found.agrees:
                print_line("the ledger agrees with the breaches that stand")
        if not (found.agrees or mend):
            raise typer.Exit(3)


class Opened:
    """The database, for as long as a command lasts."""

    def __init__(self, name: str) -> None:
        """`name` is the command's, for the database's list of connections."""
        self._name = name

    def __enter__(self) -> Database:
        self._db = database(load_settings(), self._name)
        return self._db

    def __exit__(self, *_: Any) -> None:
        self._db.dispose()


def print_done(name: str, record: Credit | RefundLine, as_json: bool) -> None:
    """Print the state of a credit or refund after a decision."""
    if as_json:
        return print_json(record.model_dump(mode="json"))
    print_line(safe(f"{name} is {record.state}"))


def _rules() -> CreditsRow:
    return load_policy_at_speed(load_settings()).credits


def _print_credits(found: list[Credit]) -> None:
    if not found:
        return print_line("there is none")
    draw_table(console(uncut=True), COLUMNS, [[Text(safe(cell)) for cell in _cells(one)] for one in found])


def _cells(one: Credit) -> tuple[str, ...]:
    amount = "unknown" if one.amount is None else f"{one.amount:,.2f}"
    metric = one.metric.replace("_", " ")
    return one.id, one.account, one.month, metric, one.problem, f"{one.granted.normalize():f} %", amount, one.state

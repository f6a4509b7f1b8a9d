"""`tierline refund`: the refunds of billing tickets (F6), and what finance says of those that were approved.

What is decided about a refund is a command to its ticket: `tierline ticket request_refund` and so on.
"""

from typing import Annotated

import typer
from rich.text import Text

from cli.backend import login
from cli.credit import LEAD, AsJson, By, InRole, Of, Opened, print_done
from cli.output import console, example, exit_on_failure, print_json, print_line, safe
from cli.tables import Column, draw_table
from domain.core.enums import Role
from domain.core.money import in_words
from domain.policy.money import RefundsRow
from services import refunds
from store.refunds import RefundLine, RefundState
from workers.bootstrap import load_policy_at_speed
from workers.settings import load_settings

app = typer.Typer(
    no_args_is_help=True,
    help="Refunds of billing tickets: those that wait for approval, and what billing has of those that were approved.",
)

BillingId = Annotated[
    str, typer.Argument(help="The id under which billing gets it.", show_default=False, metavar="REFUND")
]
COLUMNS = (
    Column("id"), Column("ticket"), Column("no"), Column("account"), Column("amount"), Column("reason"),
    Column("requested by"), Column("decided by"), Column("state"), Column("for billing"),
)  # fmt: skip


@app.command("list", epilog=example("tierline refund list --state requested", "tierline refund list --account acme"))
def list_(
    state: Annotated[list[RefundState] | None, typer.Option(case_sensitive=False, help="Only in this state.")] = None,
    account: Of = None,
    after: Annotated[int, typer.Option(min=0, metavar="ID", help="Only those that were requested after this.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List refunds, in the order in which they were requested."""
    with exit_on_failure(as_json), Opened("refund") as db:
        found = refunds.listed(db, states=state or (), account=account, after=after, limit=limit)
        if as_json:
            return print_json(found.model_dump(mode="json"))
        if not found.refunds:
            return print_line("there is none")
        rows = [[Text(safe(cell)) for cell in _cells(one)] for one in found.refunds]
        draw_table(console(uncut=True), COLUMNS, rows)
        if found.next:
            print_line(f"more: --after {found.next}")


@app.command(epilog=example("tierline refund apply refund-6ga3-98gk-v7wg-1-3f0c9a1be52d --by fin --role finance"))
def apply(refund: BillingId, by: By = None, role: InRole = LEAD, as_json: AsJson = False) -> None:
    """Say that billing has an approved refund, where that is done by hand. Then it is not sent."""
    with exit_on_failure(as_json), Opened("refund") as db:
        print_done(refund, refunds.apply(db, _rules(), refund, by or login(), Role(role.value)), as_json)


@app.command(epilog=example("tierline refund send refund-6ga3-98gk-v7wg-1-3f0c9a1be52d"))
def send(refund: BillingId, role: InRole = LEAD, as_json: AsJson = False) -> None:
    """Send a refund to billing again, where that was given up. The id under which billing gets it stays."""
    with exit_on_failure(as_json), Opened("refund") as db:
        print_done(refund, refunds.send(db, _rules(), refund, Role(role.value)), as_json)


def _rules() -> RefundsRow:
    return load_policy_at_speed(load_settings()).refunds


def _cells(one: RefundLine) -> tuple[str, ...]:
    return (
        str(one.id), one.ticket, str(one.number), one.account, in_words(one.amount, one.currency), one.reason,
        one.requested_by, one.decided_by or "", one.state, one.billing_id or "",
    )  # fmt: skip

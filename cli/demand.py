"""`tierline wanted`: what customers wait for from engineering, ranked (F4, F10)."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import typer
from rich.text import Text

from cli.backend import backend
from cli.output import console, exit_on_failure, print_json, print_line, safe
from cli.tables import Column, draw_table


class Kind(StrEnum):
    """Which issues."""

    REQUEST = "request"
    BUG = "bug"
    ANY = "any"


class Order(StrEnum):
    """By what they are ranked."""

    ACCOUNTS = "accounts"
    ARR = "arr"


COLUMNS = (
    Column("issue"), Column("accounts"), Column("a year"), Column("unknown"), Column("tickets"), Column("plans"),
    Column("status"),
)  # fmt: skip


def show_wanted(
    kind: Annotated[Kind, typer.Option(case_sensitive=False, help="Feature requests, bugs, or both.")] = Kind.REQUEST,
    by: Annotated[Order, typer.Option(case_sensitive=False, help="By what they are ranked.")] = Order.ACCOUNTS,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Rank what engineering has open by how many accounts wait for it, or by their yearly revenue.

    An account counts once, however many tickets it has. Revenue that is not known counts as none.
    """
    with exit_on_failure(as_json):
        found = backend().wanted(kind.value, by.value, limit)
        if as_json:
            return print_json(found)
        if not found["issues"]:
            return print_line("no account waits for any")
        rows = [
            (
                one["key"], str(one["accounts"]), f"{Decimal(one['arr']):,.0f}", str(one["unknown"] or "-"),
                str(one["tickets"]), ", ".join(one["plans"]), one["status"],
            )
            for one in found["issues"]
        ]  # fmt: skip
        draw_table(console(uncut=True), COLUMNS, [[Text(safe(cell)) for cell in row] for row in rows])
